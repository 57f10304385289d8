import Foundation
@testable import FrameAudit
import FrameCore
import FrameProtos
import SwiftProtobuf

@testable import FrameLedger
@testable import FrameEvents
@testable import FrameLog

/// What logs and witnesses say to each other and to auditors.
enum LogTargets {
  static let all = [
    note, checkpoint, verifierKey, submission, proof, attestation, equivocation, tilePath, bundle, event, audit,
    licence,
  ]

  private static let signer = FuzzKeys.signer(FuzzKeys.frame)
  private static let key = signer.verifierKey
  private static let origin = FuzzKeys.frame.name
  private static let root = Data(repeating: 7, count: 32).base64EncodedString()
  private static let checkpointText = "\(origin)\n1234\n\(root)\n"
  private static let noteWords = ["\n\n", "\n", "\u{2014} ", origin, key.text, root, "+", "\u{85}", "\u{a0}"]

  static let note = FuzzTarget(
    "note", words: noteWords, bytesMax: SignedNote.maximumBytes + 64,
    texts: [signer.sign(note: checkpointText), signer.sign(note: "a\n\nb\n"), "\n\n\u{2014} x AAAAAAA=\n"]
  ) { text in
    let bytes = Data(text.utf8)
    return try FuzzTarget.verdict {
      let note = try CosignedNote(bytes)
      try FuzzTarget.require(note.bytes == bytes, "a note does not come back as it was read")
      _ = try? note.verify(key)
      try note.verify(key)
    }
  }

  static let checkpoint = FuzzTarget(
    "checkpoint", words: noteWords, bytesMax: 8_192,
    texts: [checkpointText, "\(origin)\n0\n\(root)\nextension\n", "\(origin)\n18446744073709551615\n\(root)\n"]
  ) { text in
    // Signed here: what is behind the signature of a peer that has a key and no scruples.
    let signed = Data(signer.sign(note: text.hasSuffix("\n") ? text : text + "\n").utf8)
    return try FuzzTarget.verdict {
      let checkpoint = try SignedCheckpoint(note: signed, key: key)
      try FuzzTarget.require(checkpoint.origin == origin && checkpoint.root.count == 32, "\(checkpoint)")
      let own = try SignedCheckpoint(note: checkpoint.signedPart(of: key), key: key)
      try FuzzTarget.require(
        own.size == checkpoint.size && own.root == checkpoint.root, "its own part says something else")
      for hashes: [MerkleHash] in [[], [MerkleHash.empty], Array(repeating: MerkleHash.empty, count: 65)] {
        _ = checkpoint.extends(own, by: hashes.map(\.data))
      }
    }
  }

  static let verifierKey = FuzzTarget(
    "verifier-key", words: ["+", "frame-a.example", "00000000", "AQ", "BA", "="], bytesMax: 512,
    texts: [key.text] + ((try? CosignatureKey(witnessOf: key).text).map { [$0] } ?? [])
  ) { text in
    try FuzzTarget.verdict {
      if let witness = try? CosignatureKey(text) {
        try FuzzTarget.require(witness.text == text, "\(witness.text) was read from \(text)")
      }
      let key = try LogVerifierKey(text)
      try FuzzTarget.require(key.text == text, "\(key.text) was read from \(text)")
    }
  }

  static let submission = FuzzTarget(
    "witness-body", words: noteWords + ["old ", "old 0\n\n", "+1"], bytesMax: SignedNote.maximumBytes + 64,
    texts: [
      "old 0\n\n" + signer.sign(note: checkpointText),
      "old 12\n\(root)\n\(root)\n\n" + signer.sign(note: checkpointText),
    ]
  ) { text in
    try FuzzTarget.verdict {
      let submission = try CheckpointSubmission(body: Data(text.utf8))
      try FuzzTarget.require(submission.body == Data(text.utf8), "a request does not come back as it was read")
    }
  }

  /// Two readers: what the verifier accepts is what the tree itself gives, bit by bit.
  static let proof = FuzzTarget(
    "proof", bytesMax: 4_000,
    seeds: [Data([3, 0, 7, 0, 0]), Data([0, 0, 1, 0, 0]), Data([200, 1, 0, 2, 9]), Data(repeating: 0xff, count: 64)]
  ) { data in
    try FuzzTarget.verdict {
      let bytes = [UInt8](data) + [0, 0, 0, 0, 0]
      let size = UInt64(bytes[0]) + UInt64(bytes[1] & 1) * 256 + 1
      let (one, two) = (UInt64(bytes[2]) % size, UInt64(bytes[3]) % (size + 1))
      var tree = MerkleTree()
      for index in 0..<size { tree.append(.leaf(Data([UInt8(truncatingIfNeeded: index), UInt8(index >> 8)]))) }
      let changes = bytes.dropFirst(5).dropLast(5)
      // The rest of the input changes the proof: a hash more, a hash less, a bit.
      func changed(_ proof: [MerkleHash]) -> [MerkleHash] {
        var proof = proof
        for byte in changes.prefix(80) {
          switch byte & 3 {
          case 0: proof.append(.leaf(Data([byte])))
          case 1 where !proof.isEmpty: proof.removeLast()
          case 2 where !proof.isEmpty: proof[Int(byte >> 2) % proof.count] = .leaf(Data([byte]))
          default: break
          }
        }
        return proof
      }
      let path = tree.inclusionProof(of: one, in: size)
      let bent = changed(path)
      let found = MerkleProof.root(leaf: tree.leaf(one), index: one, size: size, proof: bent)
      try FuzzTarget.require((found == tree.root) == (bent == path), "an inclusion proof of \(one) in \(size) bends")
      let (low, high) = (min(two, size), size)
      let steps = tree.consistencyProof(from: low, to: high)
      let twisted = changed(steps)
      let holds = MerkleProof.isConsistent(
        first: low, firstRoot: tree.root(at: low), second: high, secondRoot: tree.root, proof: twisted)
      try FuzzTarget.require(holds == (twisted == steps), "a consistency proof from \(low) to \(high) bends")
      // Sizes that no tree here has: whatever is claimed, an answer.
      let huge = changes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      _ = MerkleProof.root(leaf: .empty, index: huge, size: .max, proof: bent)
      _ = MerkleProof.isConsistent(
        first: huge, firstRoot: .empty, second: .max, secondRoot: .empty, proof: twisted)
    }
  }

  private static func attested() -> [Data] {
    var event = PBEvent()
    event.position = 1
    event.actor = "spiffe://frame-a.example/node"
    event.tokensTransferred.memo = "seed"
    var attestation = PBAttestation()
    guard let bytes: Data = try? event.serializedBytes() else { return [] }
    attestation.event = bytes
    attestation.position = 1
    var tree = MerkleTree()
    for leaf in [Data([1]), bytes, Data([3])] { tree.append(.leaf(leaf)) }
    attestation.proof = tree.inclusionProof(of: 1, in: 3).map(\.data)
    attestation.checkpoint = SignedCheckpoint(size: 3, root: tree.root, signer: signer).note
    return [try? attestation.serializedBytes()].compactMap { $0 }
  }

  static let attestation = FuzzTarget("attestation", words: noteWords, bytesMax: 70_000, seeds: attested()) { data in
    try FuzzTarget.verdict { _ = try AttestationVerifier.verify(serialized: data, key: key) }
  }

  private static func contradiction() -> [Data] {
    let (one, two) = (MerkleHash.leaf(Data([1])), MerkleHash.leaf(Data([2])))
    let first = SignedCheckpoint(size: 3, root: one, signer: signer)
    let second = SignedCheckpoint(size: 3, root: two, signer: signer)
    let third = SignedCheckpoint(size: 4, root: two, signer: signer)
    return [
      EquivocationProof(.sameSize, key: key, first: first, second: second),
      EquivocationProof(.inconsistent, key: key, first: first, second: third, proof: [one.data]),
    ].compactMap { try? JSONEncoder().encode($0) }
  }

  static let equivocation = FuzzTarget(
    "equivocation", words: noteWords + ["\"kind\"", "same_size", "inconsistent", "\"proof\"", "[]"], bytesMax: 16_384,
    seeds: contradiction()
  ) { data in
    try FuzzTarget.verdict {
      let limits = JSONReader.Limits(bytes: 1 << 20)
      let proof = try TextDecoding.extensible.decode(EquivocationProof.self, json: data, limits)
      _ = try proof.verify(key: key)
      let again = try TextDecoding.extensible.decode(
        EquivocationProof.self, json: JSONEncoder().encode(proof), limits)
      try FuzzTarget.require(again == proof, "a proof does not come back as it was read")
    }
  }

  static let tilePath = FuzzTarget(
    "tile-path", words: ["tile/", "entries/", "x001/", ".p/", "000", "999", "/"], bytesMax: 128,
    texts: ["tile/0/000", "tile/entries/x001/x234/067.p/8", "tile/63/x018/x446/x744/x073/x709/x551/615"]
  ) { text in
    try FuzzTarget.verdict {
      let tile = try Tile(path: text)
      try FuzzTarget.require(tile.path == text, "\(tile.path) was read from \(text)")
      for size in [0, 1, 255, 256, 1_000_000, UInt64.max] { _ = tile.available(in: size) }
    }
  }

  static let bundle = FuzzTarget(
    "entry-bundle", bytesMax: 8_192, seeds: [Data([0, 1, 65, 0, 0, 0, 2, 66, 67]), Data()]
  ) { data in
    try FuzzTarget.verdict {
      guard let entries = EntryBundle.entries(data) else { throw AmountError.malformed("bundle") }
      var again = Data()
      for entry in entries { EntryBundle.append(entry, to: &again) }
      try FuzzTarget.require(again == data, "entries do not come back as they were read")
    }
  }

  /// Three readers of one stored event: the general one, the scanner of postings, and the writer's own encoder.
  static let event = FuzzTarget("event", bytesMax: 8_192, seeds: events()) { data in
    try FuzzTarget.verdict {
      var scanned: [String] = []
      let complete = PostingScanner.scan(data) { owner, kind in scanned.append("\(owner) \(kind)") }
      let recorded = try RecordedEvent(bytes: data)
      let postings = recorded.event.postings.map { "\($0.owner) \($0.kind)" }
      try FuzzTarget.require(!complete || scanned == postings, "the scanner saw \(scanned), the event has \(postings)")
      var encoded: [UInt8] = []
      try EventEncoder.append(recorded.event, to: &encoded)
      let again = try RecordedEvent(bytes: Data(encoded))
      try FuzzTarget.require(again.event == recorded.event, "an event does not come back as it was read")
      _ = "\(recorded.time) \(recorded.event.eventType.name)"
      _ = recorded.event.counterparty(from: FuzzKeys.peer)
    }
  }

  private static func events() -> [Data] {
    var event = PBEvent()
    event.position = 9
    event.timeUnixNs = 1_800_000_000_000_000_000
    event.actor = "spiffe://frame-a.example/agent/alice"
    event.idempotencyKey = "k"
    event.commandEvents = 1
    var posting = PBPosting()
    posting.owner = "alice"
    posting.kind = .liquid
    posting.amount = -5
    event.postings = [posting]
    event.tokensTransferred.from = "alice"
    event.tokensTransferred.to = "bob"
    event.tokensTransferred.amount = 5
    var other = event
    other.frameFounded.logVerifierKey = key.text
    return [event, other].compactMap { try? $0.serializedBytes() }
  }

  /// A whole log of somebody else's events, as an auditor folds it: sums of whatever its postings say.
  static let audit = FuzzTarget("audit", words: ["alice", origin, "AVT"], bytesMax: 16_384, seeds: logs()) { data in
    guard let entries = EntryBundle.entries(data) else { return .refused("not_framed") }
    var fold = SupplyRecount(frame: origin, thorough: true)
    for (position, entry) in entries.enumerated() { fold.add(UInt64(position), entry) }
    let report = fold.report(nil)
    _ = "\(report.statement) \(report.worstDelta)"
    guard let finding = report.findings.first else { return .accepted }
    return .refused(finding.code)
  }

  private static func logs() -> [Data] {
    func framed(_ events: [PBEvent]) -> Data {
      events.enumerated().reduce(into: Data()) { bundle, item in
        var event = item.element
        event.position = UInt64(item.offset)
        event.timeUnixNs = FuzzKeys.now.unixNanoseconds
        event.actor = "spiffe://\(origin)/authority"
        event.idempotencyKey = "k\(item.offset)"
        event.commandEvents = 1
        EntryBundle.append((try? event.serializedBytes()) ?? Data(), to: &bundle)
      }
    }
    func posting(_ owner: String, _ kind: PBAccountKind, _ amount: Int64) -> PBPosting {
      var posting = PBPosting()
      posting.owner = owner
      posting.kind = kind
      posting.amount = amount
      return posting
    }
    var founded = PBEvent()
    founded.frameFounded.frameID = origin
    founded.frameFounded.native.origin = origin
    founded.frameFounded.native.code = "AVT"
    founded.frameFounded.native.scale = 2
    founded.frameFounded.logVerifierKey = key.text
    var issued = PBEvent()
    issued.tokensIssued.amount = .max
    issued.postings = [posting("", .treasury, .max), posting("", .issuance, -.max)]
    var other = PBEvent()
    other.tokensTransferred.to = "alice"
    other.tokensTransferred.amount = .max
    other.postings = [posting("", .treasury, -.max), posting("alice", .liquid, .max)]
    return [framed([founded]), framed([founded, issued, other]), framed([founded, issued, issued, issued, other])]
  }

  static let licence = FuzzTarget(
    "licence",
    words: ["frame: ", "operator: ", "spiffe-id: ", "scopes: ", "hosts: ", "issued: ", "expires: ", ": ", "\n"],
    texts: [
      """
      \(OperatorLicence.title)
      frame: \(origin)
      operator: acme
      spiffe-id: spiffe://\(origin)/operator/acme
      licence: 0001
      scopes: agents
      hosts: a.example b.example
      issued: 2026-01-01T00:00:00Z
      expires: 2028-01-01T00:00:00Z

      """
    ]
  ) { text in
    let signed = Data(signer.sign(note: text.hasSuffix("\n") ? text : text + "\n").utf8)
    return try FuzzTarget.verdict { _ = try VerifiedLicence(signed, key: key, at: FuzzKeys.now) }
  }
}
