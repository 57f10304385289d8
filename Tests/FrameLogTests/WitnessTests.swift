import Crypto
import Foundation
import FrameCore
import FrameMetrics
import Synchronization
import Testing

@testable import FrameEvents
@testable import FrameLog

/// A log in memory that can be asked for checkpoints and proofs, and that can be made to fork.
struct PaperLog {
  let signer: LogSigner
  var tree = MerkleTree()

  init(_ name: String, key: Curve25519.Signing.PrivateKey = .init()) {
    signer = LogSigner(name: name, privateKey: key)
  }

  var key: LogVerifierKey { signer.verifierKey }

  mutating func grow(to size: Int, _ salt: String = "") {
    while Int(tree.size) < size { tree.append(.leaf(Data("\(salt)\(tree.size)".utf8))) }
  }

  func checkpoint(_ size: Int? = nil) -> SignedCheckpoint {
    let size = size.map(UInt64.init) ?? tree.size
    return SignedCheckpoint(size: size, root: tree.root(at: size), signer: signer)
  }

  func proof(_ first: Int, _ second: Int? = nil) -> [Data] {
    tree.consistencyProof(from: UInt64(first), to: second.map(UInt64.init) ?? tree.size).map(\.data)
  }

  /// An add-checkpoint request for the whole log.
  func submission(old: Int, proof: [Data]? = nil) -> Data {
    CheckpointSubmission(oldSize: UInt64(old), proof: proof ?? self.proof(old), note: checkpoint().note).body
  }
}

@Suite("Witnessing and cosignatures")
struct WitnessTests {
  private final class Fixture: Sendable {
    let directory: URL
    let signer = LogSigner(name: "frame-w.example", privateKey: .init())
    let clock = SteppedClock()

    init() {
      directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-witness-\(UUID().uuidString)")
      clock.set(1_679_315_147_000_000_000)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// Another one on the same folder is what a restart makes of it.
    func witness() throws -> Witness {
      try Witness(
        directory: directory, signer: signer, clock: clock, metrics: WitnessMetrics(MetricRegistry()))
    }
  }

  private static func add(_ body: Data, _ log: PaperLog, to witness: Witness) async -> (
    answer: WitnessAnswer, fraud: EquivocationProof?
  ) {
    let key = log.key
    return await witness.add(body) { $0 == key.name ? key : nil }
  }

  private struct NotAsked: Error {}

  @Test("R4: a witness that cannot remember says so with 500 and without a path; the log has done nothing wrong")
  func cannotStore() async throws {
    let fixture = Fixture()
    let witness = try fixture.witness()
    // Where the memory would be there is a file.
    try? FileManager.default.removeItem(at: fixture.directory)
    try Data("no folder".utf8).write(to: fixture.directory)
    var log = PaperLog("frame-a.example")
    log.grow(to: 3)
    let answer = await Self.add(log.submission(old: 0), log, to: witness).answer
    #expect(answer.status == 500 && answer.result == "failed")
    guard case .failed(let why) = answer else { return }
    #expect(!why.contains("/"), "\(why)")
  }

  @Test("L5: a witness's key follows from the log key, and its text is a C2SP verifier key of type 04")
  func key() throws {
    let signer = LogSigner(name: "frame-a.example", privateKey: .init())
    let key = try CosignatureKey(witnessOf: signer.verifierKey)
    #expect(key.name == "frame-a.example/witness")
    #expect(try CosignatureKey(key.text) == key)
    #expect(key.keyID != signer.verifierKey.keyID)
    let typed = Data([4]) + signer.verifierKey.publicKey
    let id = SHA256.hash(data: Data("frame-a.example/witness\n".utf8) + typed).prefix(4)
    #expect(key.text.contains("+" + id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "+"))
    for bad in [signer.verifierKey.text, key.text.replacing("+", with: "-"), key.text + "A", ""] {
      let error = #expect(throws: LogError.self) { _ = try CosignatureKey(bad) }
      #expect(error?.code == "invalid_verifier_key" && error?.remedy.contains("frame peer show") == true, "\(bad)")
    }
    let swapped = #expect(throws: LogError.self) { _ = try CosignatureKey(signer.verifierKey.text) }
    #expect(swapped?.message.contains("is the key of a log") == true)
  }

  @Test("L5: a cosignature is Ed25519 over cosignature/v1, the time and the checkpoint, and serves as no log signature")
  func cosignature() throws {
    var log = PaperLog("frame-a.example")
    log.grow(to: 5)
    let signer = LogSigner(name: "frame-w.example", privateKey: .init())
    let key = try CosignatureKey(witnessOf: signer.verifierKey)
    let checkpoint = log.checkpoint()
    let text = try SignedNote(checkpoint.note).text
    let line = signer.cosignatureLine(text, as: key, at: 1_679_315_147)
    let blob = try #require(Data(base64Encoded: String(line.dropLast().split(separator: " ")[2])))
    #expect(blob.count == 4 + 8 + 64)
    #expect(Array(blob[4..<12]) == [0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb])
    let message = Data("cosignature/v1\ntime 1679315147\n\(text)".utf8)
    let publicKey = try Curve25519.Signing.PublicKey(rawRepresentation: signer.verifierKey.publicKey)
    #expect(publicKey.isValidSignature(Data(blob[12...]), for: message))

    let note = try SignedNote(checkpoint.note + Data(line.utf8))
    #expect(try note.cosigned(by: key) == 1_679_315_147)
    #expect(throws: LogError.self) { _ = try note.verified(by: signer.verifierKey) }
    var forged = blob
    forged[11] ^= 1
    let other = "\u{2014} \(key.name) \(forged.base64EncodedString())\n"
    #expect(throws: LogError.self) { _ = try SignedNote(checkpoint.note + Data(other.utf8)).cosigned(by: key) }
    #expect(try SignedNote(checkpoint.note).cosigned(by: key) == nil)
  }

  @Test("L5: a checkpoint is cosigned, then its extension; the cosignature is the witness's")
  func accepts() async throws {
    let fixture = Fixture()
    let witness = try fixture.witness()
    var log = PaperLog("frame-a.example")
    for (old, size) in [(0, 3), (3, 7), (7, 7), (7, 300)] {
      log.grow(to: size)
      let (answer, fraud) = await Self.add(log.submission(old: old), log, to: witness)
      guard case .cosigned(let lines) = answer else {
        Issue.record("\(old) to \(size): \(answer)")
        return
      }
      #expect(fraud == nil)
      #expect(try SignedNote(log.checkpoint().note + lines).cosigned(by: witness.key) == 1_679_315_147)
    }
    let kept = try #require(try await witness.newest(log.key))
    #expect(kept.size == 300)
    #expect(kept.isCosigned(by: witness.key))
  }

  @Test("L5: what the specification refuses is refused, with its status, and changes nothing")
  func refuses() async throws {
    let fixture = Fixture()
    let witness = try fixture.witness()
    var log = PaperLog("frame-a.example")
    log.grow(to: 5)
    #expect(await Self.add(log.submission(old: 0), log, to: witness).answer.status == 200)
    log.grow(to: 9)
    var stranger = PaperLog("frame-x.example")
    stranger.grow(to: 9)
    var impostor = PaperLog("frame-a.example")
    impostor.grow(to: 9)
    let proof = log.proof(5)
    let note = log.checkpoint().note
    func body(_ head: String) -> Data { Data(head.utf8) + note }
    let cases: [(String, Data, Int)] = [
      ("unknown origin", stranger.submission(old: 0), 404),
      ("another's key", impostor.submission(old: 5), 403),
      ("old above size", log.submission(old: 10, proof: []), 400),
      ("no old line", body("\n"), 400),
      ("leading zero", body("old 05\n\n"), 400),
      ("no number", body("old x\n\n"), 400),
      ("a hash too short", body("old 5\nAAAA\n\n"), 400),
      ("too many hashes", log.submission(old: 5, proof: Array(repeating: proof[0], count: 64)), 400),
      ("no note", Data("old 0\n\n".utf8), 400),
      ("nothing", Data(), 400),
      ("other old size", log.submission(old: 4), 409),
      ("old size zero", log.submission(old: 0), 409),
      ("no proof", log.submission(old: 5, proof: []), 422),
      ("wrong proof", log.submission(old: 5, proof: proof.reversed()), 422),
      ("proof too long", log.submission(old: 5, proof: proof + proof.prefix(1)), 422),
    ]
    for (what, request, status) in cases {
      let answer = await Self.add(request, log, to: witness).answer
      #expect(answer.status == status, "\(what): \(answer)")
      if case .conflict(let size, let note) = answer {
        #expect(size == 5)
        #expect(try SignedCheckpoint(note: note, key: log.key).size == 5)
      }
    }
    #expect(try await witness.newest(log.key)?.size == 5)
    #expect(await Self.add(log.submission(old: 5), log, to: witness).answer.status == 200)
  }

  @Test("L5: a log of no events has the root of the empty tree, and needs no proof")
  func empty() async throws {
    let witness = try Fixture().witness()
    var log = PaperLog("frame-a.example")
    #expect(await Self.add(log.submission(old: 0), log, to: witness).answer.status == 200)
    let wrong = SignedCheckpoint(size: 0, root: .leaf(Data()), signer: log.signer)
    let request = CheckpointSubmission(oldSize: 0, proof: [], note: wrong.note).body
    #expect(await Self.add(request, log, to: witness).answer.status == 422)
    log.grow(to: 2)
    #expect(await Self.add(log.submission(old: 0, proof: [Data(count: 32)]), log, to: witness).answer.status == 422)
    #expect(await Self.add(log.submission(old: 0), log, to: witness).answer.status == 200)
  }

  @Test("L5, B20: what was witnessed is remembered over a restart, so a log that was rewound is found out")
  func restart() async throws {
    let fixture = Fixture()
    var log = PaperLog("frame-a.example")
    log.grow(to: 8)
    #expect(await Self.add(log.submission(old: 0), log, to: try fixture.witness()).answer.status == 200)
    let reborn = try fixture.witness()
    let answer = await Self.add(log.submission(old: 0), log, to: reborn).answer
    guard case .conflict(8, _) = answer else {
      Issue.record("\(answer)")
      return
    }
    // The same log, restored from an older copy: it cannot prove what it no longer has.
    let restored = log.checkpoint(4)
    await #expect(throws: NotAsked.self) {
      try await reborn.require(restored, key: log.key) { first, second in
        #expect(first == 4 && second == 8)
        throw NotAsked()
      }
    }
    #expect(try await reborn.newest(log.key)?.size == 8)
    // A new key is a new log.
    let other = PaperLog("frame-a.example")
    #expect(try await reborn.newest(other.key) == nil)
  }

  @Test("L5: of two requests from one size at once only one is cosigned: nothing is rolled back")
  func race() async throws {
    let witness = try Fixture().witness()
    var log = PaperLog("frame-a.example")
    log.grow(to: 4)
    #expect(await Self.add(log.submission(old: 0), log, to: witness).answer.status == 200)
    let requests = [6, 9, 12, 17].map { size -> Data in
      var longer = log
      longer.grow(to: size)
      return longer.submission(old: 4)
    }
    let key = log.key
    let statuses = await withTaskGroup(of: Int.self) { group in
      for request in requests {
        group.addTask { await witness.add(request) { $0 == key.name ? key : nil }.answer.status }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.sorted() == [200, 409, 409, 409])
  }

  @Test(
    "P1, P2: a contradiction counts in a request that is none: too many hashes, an old size above the note's, a large note",
    arguments: ["hashes", "old", "head", "large"])
  func contradictionInBadRequest(_ what: String) async throws {
    let fixture = Fixture()
    let witness = try fixture.witness()
    let key = Curve25519.Signing.PrivateKey()
    var honest = PaperLog("frame-a.example", key: key)
    honest.grow(to: 6)
    #expect(await Self.add(honest.submission(old: 0), honest, to: witness).answer.status == 200)
    let padding = what == "large" ? String(repeating: "x", count: 65_100) + "\n" : ""
    let text = "frame-a.example\n6\n\(Data(repeating: 9, count: 32).base64EncodedString())\n\(padding)"
    let note = Data(honest.signer.sign(note: text).utf8)
    let hash = Data(repeating: 1, count: 32).base64EncodedString()
    let body =
      switch what {
      case "hashes": Data(("old 6\n" + String(repeating: hash + "\n", count: 64) + "\n").utf8) + note
      case "old": Data("old 7\n\n".utf8) + note
      case "head": Data("no old line\n\n".utf8) + note
      default: Data("old 6\n\n".utf8) + note
      }
    let (answer, fraud) = await Self.add(body, honest, to: witness)
    #expect(answer.status == (what == "large" ? 422 : 400))
    let proof = try #require(fraud)
    #expect(proof.kind == .sameSize)
    _ = try proof.verify(key: honest.key)
    #expect(proof.fitsEvent == (what != "large"))
    guard what == "large" else { return }
    // What does not fit an event is kept in a file, found by its hash, and not believed when it was changed.
    let folder = EvidenceFolder(fixture.directory.appendingPathComponent("evidence"))
    try folder.keep(proof)
    try folder.keep(proof)
    #expect(folder.proof(proof.digest) == proof)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(names.count == 1)
    try Data("{}".utf8).write(to: folder.url.appendingPathComponent(names[0]))
    #expect(folder.proof(proof.digest) == nil)
  }

  @Test(
    "P2: a proof of more hashes than any tree needs is no proof, and what is kept of it is small and still shows it")
  func overlongProof() throws {
    let hash = Data(repeating: 1, count: 32)
    #expect(MerkleProof.hashes(Array(repeating: hash, count: 65), atMost: MerkleProof.maximumConsistencyLength) != nil)
    #expect(MerkleProof.hashes(Array(repeating: hash, count: 66), atMost: MerkleProof.maximumConsistencyLength) == nil)
    #expect(MerkleProof.hashes([hash, hash.dropLast()], atMost: 64) == nil)
    var log = PaperLog("frame-a.example")
    log.grow(to: 9)
    for lie in [Array(repeating: hash, count: 7_000), [Data(count: 1_000_000)], [Data()]] {
      let proof = EquivocationProof(
        .inconsistent, key: log.key, first: log.checkpoint(5), second: log.checkpoint(9), proof: lie)
      #expect(proof.document.count < 16_384)
      #expect(try proof.verify(key: log.key).secondSize == 9)
    }
    let honest = EquivocationProof(
      .inconsistent, key: log.key, first: log.checkpoint(5), second: log.checkpoint(9), proof: log.proof(5))
    #expect(throws: LogError.self) { try honest.verify(key: log.key) }
  }

  @Test(
    "B19: two notes of one size are a proof of two histories, which anyone can check and which honest notes are not")
  func sameSize() async throws {
    let fixture = Fixture()
    let witness = try fixture.witness()
    let key = Curve25519.Signing.PrivateKey()
    var honest = PaperLog("frame-a.example", key: key)
    var forked = PaperLog("frame-a.example", key: key)
    honest.grow(to: 6)
    forked.grow(to: 4)
    forked.grow(to: 6, "other")
    #expect(await Self.add(honest.submission(old: 0), honest, to: witness).answer.status == 200)
    for old in [0, 6] {
      let (answer, fraud) = await Self.add(
        forked.submission(old: old, proof: []), forked, to: try fixture.witness())
      #expect(answer.status == (old == 0 ? 409 : 422))
      let proof = try #require(fraud)
      #expect(proof.kind == .sameSize)
      let verdict = try proof.verify(key: honest.key)
      #expect(verdict.firstSize == 6)
      #expect(verdict.firstRoot != verdict.secondRoot)
      let copy = try JSONDecoder().decode(EquivocationProof.self, from: JSONEncoder().encode(proof))
      #expect(copy == proof)
      #expect(throws: LogError.self) { _ = try copy.verify(key: PaperLog("frame-a.example").key) }
    }
    let harmless = EquivocationProof(
      .sameSize, key: honest.key, first: honest.checkpoint(), second: honest.checkpoint())
    #expect(throws: LogError.self) { _ = try harmless.verify() }
    let extended = EquivocationProof(
      .inconsistent, key: honest.key, first: honest.checkpoint(4), second: honest.checkpoint(6),
      proof: honest.proof(4, 6))
    #expect(throws: LogError.self) { _ = try extended.verify() }
  }

  /// What a log has signed about one size, in notes and requests that are none.
  private static func broken(_ log: PaperLog, size: Int) -> [(name: String, note: Data)] {
    let plain = String(decoding: log.checkpoint(size).note, as: UTF8.self)
    let three = plain.split(separator: "\n").prefix(3).joined(separator: "\n") + "\n"
    let line = "\u{2014} other.example AAAAAAAA\n"
    return [
      ("a line that is no signature", plain + "\u{2014} x AAAA\n"), ("a line of words", plain + "junk\n"),
      ("without its last newline", String(plain.dropLast())),
      ("among 500 lines of others", plain + String(repeating: line, count: 500)),
      ("behind 500 lines of others", plain.replacing("\n\n", with: "\n\n" + String(repeating: line, count: 500))),
      ("an extension of 130,000 bytes", log.signer.sign(note: three + String(repeating: "x", count: 130_000) + "\n")),
      ("an extension with control characters", log.signer.sign(note: three + "\u{1b}[31m\u{202e}\n")),
    ].map { ($0.0, Data($0.1.utf8)) }
  }

  @Test("B19: what a log has signed counts in whatever it comes, and the proof of it can be checked by anybody")
  func spoken() async throws {
    let key = Curve25519.Signing.PrivateKey()
    var honest = PaperLog("frame-a.example", key: key)
    var forked = PaperLog("frame-a.example", key: key)
    honest.grow(to: 6)
    forked.grow(to: 6, "other")
    let fixture = Fixture()
    let witness = try fixture.witness()
    try await witness.require(honest.checkpoint(), key: honest.key) { _, _ in throw NotAsked() }
    for (name, note) in Self.broken(forked, size: 6) {
      let spoken = try #require(SignedCheckpoint.spoken(in: note, by: honest.key), "\(name)")
      #expect(spoken.size == 6 && spoken.root == forked.checkpoint().root, "\(name)")
      let proof = try #require(await witness.contradiction(spoken: spoken, key: honest.key), "\(name)")
      #expect(try proof.verify(key: honest.key).secondRoot == spoken.root, "\(name)")
      // What is witnessed stays as it was.
      #expect(try await witness.newest(honest.key)?.root == honest.checkpoint().root)
      // The same as a request, and in requests that are none.
      for head in ["old 6\n\n", "", "old 6\r\n\r\n", "\n\n", "junk\n"] {
        let (answer, fraud) = await Self.add(Data(head.utf8) + note, forked, to: witness)
        #expect(answer.status != 200 && fraud != nil, "\(name) after \(head.debugDescription)")
      }
    }
    // The honest statement in the same disguises is no contradiction, and another key's is nobody's.
    for (name, note) in Self.broken(honest, size: 6) {
      let spoken = try #require(SignedCheckpoint.spoken(in: note, by: honest.key), "\(name)")
      #expect(await witness.contradiction(spoken: spoken, key: honest.key) == nil, "\(name)")
      #expect(SignedCheckpoint.spoken(in: note, by: PaperLog("frame-a.example").key) == nil, "\(name)")
    }
    #expect(SignedCheckpoint.spoken(in: Data(repeating: 0x0a, count: 300_000), by: honest.key) == nil)
  }

  @Test("B19, B20: whoever relies on a checkpoint learns whether it is of the history that was witnessed")
  func require() async throws {
    let fixture = Fixture()
    let witness = try fixture.witness()
    let key = Curve25519.Signing.PrivateKey()
    var log = PaperLog("frame-a.example", key: key)
    log.grow(to: 20)
    let grown = log
    let asked = Mutex<[UInt64]>([])
    func prove(_ first: UInt64, _ second: UInt64) async throws -> [Data] {
      asked.withLock { $0 += [first, second] }
      return grown.proof(Int(first), Int(second))
    }
    try await witness.require(log.checkpoint(10), key: log.key, prove: prove)
    #expect(asked.withLock { $0 } == [], "there is nothing to compare the first one with")
    try await witness.require(log.checkpoint(20), key: log.key, prove: prove)
    try await witness.require(log.checkpoint(20), key: log.key, prove: prove)
    try await witness.require(log.checkpoint(5), key: log.key, prove: prove)
    #expect(asked.withLock { $0 } == [10, 20, 5, 20])
    #expect(try await witness.newest(log.key)?.size == 20)

    var forked = PaperLog("frame-a.example", key: key)
    forked.grow(to: 10)
    forked.grow(to: 25, "other")
    let lie = forked
    for size in [15, 25] {
      let shown = forked.checkpoint(size)
      await #expect {
        try await witness.require(shown, key: lie.key) { lie.proof(Int($0), Int($1)) }
      } throws: { error in
        guard case WitnessError.equivocation(let proof) = error else { return false }
        return proof.kind == .inconsistent && (try? proof.verify(key: lie.key)) != nil
      }
    }
    let twin = forked.checkpoint(20)
    await #expect {
      try await witness.require(twin, key: lie.key) { _, _ in throw NotAsked() }
    } throws: { ($0 as? WitnessError)?.code == "equivocation" }
    #expect(try await witness.newest(log.key)?.root == log.checkpoint(20).root, "what was witnessed stays")
  }

  @Test("L5: a checkpoint that carries our own cosignature was checked before, and nobody is asked again")
  func ownCosignature() async throws {
    let witness = try Fixture().witness()
    var log = PaperLog("frame-a.example")
    log.grow(to: 4)
    let (answer, _) = await Self.add(log.submission(old: 0), log, to: witness)
    guard case .cosigned(let lines) = answer else {
      Issue.record("\(answer)")
      return
    }
    let early = try SignedCheckpoint(note: log.checkpoint().note + lines, key: log.key)
    log.grow(to: 9)
    #expect(await Self.add(log.submission(old: 4), log, to: witness).answer.status == 200)
    try await witness.require(early, key: log.key) { _, _ in throw NotAsked() }
    await #expect(throws: NotAsked.self) {
      try await witness.require(log.checkpoint(4), key: log.key) { _, _ in throw NotAsked() }
    }
  }

  @Test("L5: cosignatures are kept with their checkpoint, those of strangers are not, and a start finds them again")
  func kept() async throws {
    let fixture = Fixture()
    try FileManager.default.createDirectory(at: fixture.directory, withIntermediateDirectories: true)
    var log = PaperLog("frame-a.example")
    log.grow(to: 3)
    func open() -> Cosignatures {
      Cosignatures(directory: fixture.directory, key: log.key, metrics: WitnessMetrics(MetricRegistry()))
    }
    let cosignatures = open()
    #expect(cosignatures.newest() == nil)
    let text = try SignedNote(log.checkpoint().note).text
    let keys = try ["one", "two"].map { name in
      let signer = LogSigner(name: "\(name).example", privateKey: .init())
      let key = try CosignatureKey(witnessOf: signer.verifierKey)
      return (signer, key)
    }
    for (signer, key) in keys {
      let line = signer.cosignatureLine(text, as: key, at: 77)
      #expect(try cosignatures.add(Data(line.utf8), to: log.checkpoint(), by: key) == 77)
    }
    let stranger = LogSigner(name: "one.example", privateKey: .init())
    let forged = stranger.cosignatureLine(text, as: try CosignatureKey(witnessOf: stranger.verifierKey), at: 78)
    #expect(throws: LogError.self) { try cosignatures.add(Data(forged.utf8), to: log.checkpoint(), by: keys[0].1) }
    for kept in [cosignatures, open()] {
      let note = try #require(kept.newest())
      for (_, key) in keys { #expect(note.isCosigned(by: key)) }
      #expect(kept.note(of: log.checkpoint()) == note.note)
    }
    log.grow(to: 4)
    #expect(open().note(of: log.checkpoint()) == log.checkpoint().note, "a newer one has none yet")
  }
}
