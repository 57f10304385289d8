import Foundation
import FrameCore
import FrameProtos
import GRDB
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct AttestationTests {
  @Test("every event can be attested at every size, and the attestation says what was stored")
  func everyEvent() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let key = fixture.signer.verifierKey
    for amount in 1...20 {
      _ = try await writer.submit(fixture.envelope(.add(Int64(amount))))
      if amount % 3 == 0 { _ = try await writer.checkpoint() }
      for position in 0..<UInt64(amount) {
        let recorded = try AttestationVerifier.verify(try await writer.attest(position), key: key)
        #expect(recorded.position == position)
      }
    }
    let checkpoint = try await writer.checkpoint()
    #expect(checkpoint.size == 20)
    #expect(try AttestationVerifier.verify(checkpoint: checkpoint.note, key: key) == checkpoint)
    await #expect(throws: LogError.noSuchPosition(20, size: 20)) { try await writer.attest(20) }
    await writer.shutdown()
  }

  @Test("an attested event is a checkpoint's prefix: sizes in between are proved consistent")
  func consistency() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    var checkpoints: [SignedCheckpoint] = []
    for amount in 1...12 {
      _ = try await writer.submit(fixture.envelope(.add(Int64(amount))))
      checkpoints.append(try await writer.checkpoint())
    }
    for first in checkpoints {
      for second in checkpoints where second.size >= first.size {
        let proof = try await writer.consistencyProof(from: first.size, to: second.size)
        #expect(
          MerkleProof.isConsistent(
            first: first.size, firstRoot: try #require(MerkleHash(first.root)), second: second.size,
            secondRoot: try #require(MerkleHash(second.root)), proof: try proof.map { try #require(MerkleHash($0)) }))
      }
    }
    await writer.shutdown()
  }

  @Test("B13: an attestation with anything changed is refused")
  func tampering() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for amount in 1...9 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    let good = try await writer.attest(4)
    let other = try await writer.attest(5)
    let key = fixture.signer.verifierKey
    #expect(throws: Never.self) { try AttestationVerifier.verify(good, key: key) }
    let changes: [(String, (inout PBAttestation) -> Void)] = [
      ("event", { $0.event = other.event }), ("event bit", { $0.event[9] ^= 1 }), ("no event", { $0.event = Data() }),
      ("position", { $0.position = 5 }), ("position beyond", { $0.position = 9 }),
      ("position max", { $0.position = .max }), ("proof of other", { $0.proof = other.proof }),
      ("no proof", { $0.proof = [] }), ("short proof", { $0.proof.removeLast() }),
      ("long proof", { $0.proof.append(Data(count: 32)) }), ("zero hash", { $0.proof[0] = Data(count: 32) }),
      ("empty hash", { $0.proof[0] = Data() }),
      ("many hashes", { $0.proof = Array(repeating: Data(count: 32), count: 65) }),
      ("no checkpoint", { $0.checkpoint = Data() }), ("checkpoint bit", { $0.checkpoint[20] ^= 1 }),
      ("unsigned checkpoint", { $0.checkpoint = $0.checkpoint.prefix(80) }), ("nothing", { $0 = PBAttestation() }),
    ]
    for (name, change) in changes {
      var attestation = good
      change(&attestation)
      #expect(throws: LogError.self, "\(name)") { try AttestationVerifier.verify(attestation, key: key) }
    }
    await writer.shutdown()
  }

  @Test("B9: an attestation of another log, or by another key of that name, is refused")
  func otherLog() async throws {
    let (fixture, other) = (try LogFixture(), try LogFixture())
    let writer = try other.writer()
    _ = try await writer.submit(other.envelope(.add(1)))
    let attestation = try await writer.attest(0)
    #expect(throws: LogError.self) { try AttestationVerifier.verify(attestation, key: fixture.signer.verifierKey) }
    await writer.shutdown()
  }

  @Test("B13: a proven leaf whose event claims another position is refused")
  func misplacedLeaf() throws {
    let signer = LogSigner(name: "frame-a.example", privateKey: .init())
    var event = PBEvent()
    event.position = 1
    event.actor = "x"
    let bytes = try event.serializedData()
    var attestation = PBAttestation()
    attestation.event = bytes
    attestation.checkpoint = SignedCheckpoint(size: 1, root: .leaf(bytes), signer: signer).note
    #expect(throws: LogError.badProof("the event says position 1, the proof 0")) {
      try AttestationVerifier.verify(attestation, key: signer.verifierKey)
    }
  }

  @Test("L7: a log restored from an older copy than what was signed refuses to open")
  func rollback() async throws {
    let fixture = try LogFixture()
    var writer = try fixture.writer()
    for amount in 1...3 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    await writer.shutdown()
    let old = try Data(contentsOf: fixture.directory.appendingPathComponent("log.sqlite"))
    writer = try fixture.writer()
    for amount in 4...5 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    _ = try await writer.checkpoint()
    await writer.shutdown()
    try old.write(to: fixture.directory.appendingPathComponent("log.sqlite"))
    #expect(throws: LogError.behindCheckpoint(logSize: 3, signedSize: 5)) { try fixture.writer() }
  }

  @Test("L7: a log that differs from what was signed refuses to open")
  func rewritten() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for amount in 1...3 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    _ = try await writer.checkpoint()
    await writer.shutdown()
    let file = try SQLiteFile.openWriter(in: fixture.directory)
    try await file.writeWithoutTransaction { db in
      let bytes = try #require(try Data.fetchOne(db, sql: "SELECT bytes FROM events WHERE position = 1"))
      var event = try PBEvent(serializedBytes: bytes)
      event.actor = "someone else"
      try db.execute(sql: "UPDATE events SET bytes = ? WHERE position = 1", arguments: [try event.serializedData()])
    }
    try file.close()
    #expect(throws: LogError.damagedLog("its first 3 events are not those that were signed")) { try fixture.writer() }
  }

  @Test("L7: a checkpoint that someone else changed is neither trusted nor overwritten")
  func checkpointFile() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1)))
    _ = try await writer.checkpoint()
    let file = fixture.directory.appendingPathComponent("checkpoint")
    let foreign = SignedCheckpoint(
      size: 9, root: .empty, signer: fixture.signer)
    try foreign.note.write(to: file)
    _ = try await writer.submit(fixture.envelope(.add(2)))
    await #expect(throws: LogError.damagedLog("checkpoint was changed by someone else")) {
      try await writer.checkpoint()
    }
    #expect(try Data(contentsOf: file) == foreign.note)
    await writer.shutdown()
    try Data("not a note".utf8).write(to: file)
    #expect(throws: LogError.self) { try fixture.writer() }
  }

  @Test("L7: a checkpoint is on disk before it is handed out, and the next start knows it")
  func persisted() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1)))
    let attestation = try await writer.attest(0)
    let reader = try LogReader(directory: fixture.directory)
    #expect(try reader.storedCheckpoint(key: fixture.signer.verifierKey)?.note == attestation.checkpoint)
    await writer.shutdown()
    let again = try fixture.writer()
    #expect(try await again.checkpoint().note == attestation.checkpoint)
    await again.shutdown()
  }

  @Test("L7: a checkpoint that a crash left half written does not hide the one before it")
  func tornCheckpoint() async throws {
    let fixture = try LogFixture()
    var file = CheckpointFile(directory: fixture.directory)
    try FileManager.default.createDirectory(at: fixture.directory, withIntermediateDirectories: true)
    let path = fixture.directory.appendingPathComponent("checkpoint")
    let key = fixture.signer.verifierKey
    #expect(try file.read(key: key) == nil)
    let signed = (1...5).map { SignedCheckpoint(size: $0, root: .empty, signer: fixture.signer) }
    for checkpoint in signed {
      try file.add(checkpoint)
      var fresh = CheckpointFile(directory: fixture.directory)
      #expect(try fresh.read(key: key) == checkpoint)
      #expect(try Data(contentsOf: path).count == 2 * CheckpointFile.slotBytes)
    }
    // The newest of five is in the first slot: cut it anywhere, and the fourth is what is known.
    let whole = try Data(contentsOf: path)
    for cut in [0, 1, 20, 60, signed[4].note.count - 1] {
      var torn = whole
      for index in cut..<signed[4].note.count { torn[index] = 0x0a }
      try torn.write(to: path)
      var fresh = CheckpointFile(directory: fixture.directory)
      #expect(try fresh.read(key: key)?.size == (cut == signed[4].note.count - 1 ? 5 : 4))
      // What is whole is not overwritten: the next one takes the torn slot.
      let survivor = cut == signed[4].note.count - 1 ? 0 : CheckpointFile.slotBytes
      try fresh.add(SignedCheckpoint(size: 6, root: .empty, signer: fixture.signer))
      #expect(try fresh.read(key: key)?.size == 6)
      let after = try Data(contentsOf: path)
      #expect(after[survivor..<survivor + 200] == torn[survivor..<survivor + 200])
    }
    // Or only the first bytes of the fifth have reached the slot, and the rest is of the third, which was there before.
    let third = signed[2].note
    for cut in 1..<min(third.count, signed[4].note.count) {
      var torn = whole
      torn.replaceSubrange(cut..<third.count, with: third.dropFirst(cut))
      try torn.write(to: path)
      var fresh = CheckpointFile(directory: fixture.directory)
      // Two signatures may end alike; then all of the fifth is there.
      #expect(try fresh.read(key: key)?.size == (torn == whole ? 5 : 4), "cut at \(cut)")
    }
    try Data(repeating: 0x0a, count: 2 * CheckpointFile.slotBytes).write(to: path)
    var empty = CheckpointFile(directory: fixture.directory)
    #expect(throws: LogError.self) { try empty.read(key: key) }
  }
}
