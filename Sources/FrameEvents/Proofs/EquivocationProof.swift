internal import Crypto
internal import FrameCore
package import Foundation

/// Two notes that one log signed and that cannot both be true: what is kept when a peer shows two histories (CONFORMANCE B19).
///
/// Whoever has the log's verifier key can check it without asking anyone. It is also the JSON that a node gives out.
package struct EquivocationProof: Sendable, Equatable, Codable {
  package enum Kind: String, Sendable, Codable {
    /// One size, two roots: proof by itself.
    case sameSize = "same_size"
    /// Two sizes, and the proof that the log itself gave for them does not hold.
    case inconsistent
  }

  package let kind: Kind
  /// The log's verifier key, from the treaty.
  package let key: String
  /// The note seen before.
  package let first: String
  /// The note that contradicts it.
  package let second: String
  /// The consistency proof that does not hold, in base64; empty for `same_size`. Of one that is too long, or whose hashes are
  /// none, as much is kept as shows it: no signature covers it, and what a peer may send has no end.
  package let proof: [String]

  /// Notes that together have more bytes do not go into an event, which has 65,535, but into a file (``EvidenceFolder``).
  package static let notesInEventMax = 32 * 1024

  package init(
    _ kind: Kind, key: LogVerifierKey, first: SignedCheckpoint, second: SignedCheckpoint, proof: [Data] = []
  ) {
    self.kind = kind
    self.key = key.text
    self.first = String(decoding: first.signedPart(of: key), as: UTF8.self)
    self.second = String(decoding: second.signedPart(of: key), as: UTF8.self)
    self.proof = Self.kept(proof)
  }

  package init(kind: Kind, key: String, first: Data, second: Data, proof: [Data]) {
    self.kind = kind
    self.key = key
    self.first = String(decoding: first, as: UTF8.self)
    self.second = String(decoding: second, as: UTF8.self)
    self.proof = Self.kept(proof)
  }

  private static func kept(_ proof: [Data]) -> [String] {
    proof.prefix(MerkleProof.maximumConsistencyLength + 1).map { $0.prefix(33).base64EncodedString() }
  }

  /// Whether its notes go into an event.
  package var fitsEvent: Bool { first.utf8.count + second.utf8.count <= Self.notesInEventMax }

  /// The bytes that are kept and given out: the JSON, always spelled alike.
  package var document: Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings and an array of them always encode.
    return (try? encoder.encode(self)) ?? Data()
  }

  /// Reads what ``document`` gave.
  /// - Throws: what `TextDecoding` throws for bytes that are none.
  package init(document: Data) throws {
    self = try TextDecoding.document.decode(
      Self.self, json: document, JSONReader.Limits(bytes: Self.documentBytesMax, values: 128))
  }

  /// Two notes that fit an event, each byte of which may take six in JSON, and a proof.
  package static let documentBytesMax = 6 * notesInEventMax + 8 * 1024

  /// SHA-256 of ``document``.
  package var digest: Data { Data(SHA256.hash(data: document)) }

  /// What was proven.
  package struct Verdict: Sendable, Equatable {
    package let origin: String
    package let firstSize: UInt64
    package let secondSize: UInt64
    package let firstRoot: Data
    package let secondRoot: Data
  }

  /// What the log said in a note, also in one that breaks the form of notes: the signature is over the text alone.
  private static func statement(_ note: String, _ key: LogVerifierKey) throws -> SignedCheckpoint {
    let bytes = Data(note.utf8)
    do { return try SignedCheckpoint(note: bytes, key: key) } catch {
      guard let spoken = SignedCheckpoint.spoken(in: bytes, by: key) else { throw error }
      return spoken
    }
  }

  /// Checks both signatures, then that the notes contradict each other.
  /// - Parameter trusted: the key to check with; the proof's own when nil, which says nothing of whose key that is.
  /// - Throws: `LogError.badNote` when a signature does not hold; `LogError.badProof` when the notes can both be true.
  package func verify(key trusted: LogVerifierKey? = nil) throws -> Verdict {
    let key = try trusted ?? LogVerifierKey(self.key)
    let one = try Self.statement(first, key)
    let two = try Self.statement(second, key)
    switch kind {
    case .sameSize:
      guard one.size == two.size, one.root != two.root else {
        throw LogError.badProof("the notes are of \(one.size) and \(two.size) events and do not contradict each other")
      }
    case .inconsistent:
      guard one.size != two.size else { throw LogError.badProof("the notes are of one size") }
      let (older, newer) = one.size < two.size ? (one, two) : (two, one)
      // What is no proof at all joins the two as little as one that does not hold.
      guard !newer.extends(older, by: proof.map { Data(base64Encoded: $0) ?? Data() }) else {
        throw LogError.badProof("its consistency proof holds: the log of \(newer.size) extends that of \(older.size)")
      }
    }
    return Verdict(
      origin: one.origin, firstSize: one.size, secondSize: two.size, firstRoot: one.root, secondRoot: two.root)
  }
}

extension EquivocationProof.Kind: SnapshotValue {}

extension EquivocationProof: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(kind)
    output.write(key)
    output.write(first)
    output.write(second)
    output.write(proof)
  }

  package init(from input: inout SnapshotInput) throws {
    kind = try input.read()
    key = try input.read()
    first = try input.read()
    second = try input.read()
    proof = try input.read()
  }
}

extension SignedCheckpoint {
  /// Whether `proof`, as it came, shows that this log begins with that of `older`.
  package func extends(_ older: SignedCheckpoint, by proof: [Data]) -> Bool {
    guard let proof = MerkleProof.hashes(proof, atMost: MerkleProof.maximumConsistencyLength),
      let oldRoot = MerkleHash(older.root), let newRoot = MerkleHash(root)
    else { return false }
    return MerkleProof.isConsistent(
      first: older.size, firstRoot: oldRoot, second: size, secondRoot: newRoot, proof: proof)
  }

  /// Whether the note carries a valid cosignature of `key`.
  package func isCosigned(by key: CosignatureKey) -> Bool {
    guard let note = try? SignedNote(note) else { return false }
    return (try? note.cosigned(by: key)) != nil
  }

  /// The note with the log's own signature only: other lines are bytes that a stranger may choose.
  package func signedPart(of key: LogVerifierKey) -> Data {
    guard let note = try? SignedNote(self.note) else { return self.note }
    return Data((note.text + "\n" + note.lines(name: key.name, keyID: key.keyID)).utf8)
  }
}
