import Foundation
@testable import FrameAudit
import FrameAPI
import FrameCore
import FrameLedger
import FrameEvents
import FrameLog
import FrameProtos
import GRDB
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

/// The present code on logs that older versions wrote (`Tests/Fixtures/logs`).
@Suite("Upgrade")
struct UpgradeTests {
  /// Every format that a frame's log can be in; a new one is added and none is taken out.
  static let formats = ["format-1", "format-1-first"]
  /// The format that the present code writes.
  static let present = "format-1"

  private func withDirectory<T>(_ body: (URL) async throws -> T) async throws -> T {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-upgrade-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    return try await body(directory)
  }

  private func state() throws -> NodeState {
    let frame = try FrameID(StoredLog.signer.verifierKey.name)
    return NodeState(frame: frame, native: try Asset(origin: frame, code: "AVT", scale: 2), fees: .none)
  }

  private func clock() -> SetClock {
    let clock = SetClock()
    clock.set(RecordedHistory.start + 86_400_000_000_000)
    return clock
  }

  @Test("what is committed of an older format is read, audited clean, and has the root and the supply that it had")
  func audited() async throws {
    for format in Self.formats {
      try await withDirectory { directory in
        let stored = StoredLog(format)
        try stored.restore(to: directory)
        let (facts, report) = try StoredLog.facts(directory)
        #expect(report.isClean, "\(format): \(report.findings)")
        #expect(report.worstDelta == 0)
        #expect(facts == (try stored.facts), "\(format)")
        #expect(report.checkpoint?.root == report.root, "\(format): the checkpoint of that time covers all of it")
      }
    }
  }

  @Test("the supply that the replayed state gives is that of the audit, former logs of peers included")
  func supply() async throws {
    for format in Self.formats {
      try await withDirectory { directory in
        try StoredLog(format).restore(to: directory)
        let (_, report) = try StoredLog.facts(directory)
        let writer = try StoredLog.writer(directory, state(), clock: clock())
        let replayed = try await writer.read { state in
          state.ledger.supply(at: report.size, former: state.formerLogHoldings)
        }
        #expect(replayed == report.statement, "\(format)")
        #expect(replayed.formerLogs.isEmpty == (format == "format-1-first"), "\(format)")
        await writer.shutdown()
      }
    }
  }

  @Test("a log of an older format is opened, appended to, and provably goes on from its old checkpoint")
  func continued() async throws {
    for format in Self.formats {
      try await withDirectory { directory in
        let stored = StoredLog(format)
        try stored.restore(to: directory)
        let facts = try stored.facts
        let old = try SignedCheckpoint(note: Self.note(stored.checkpoint), key: StoredLog.signer.verifierKey)
        #expect(old.size == facts.size && old.root.base64EncodedString() == facts.root)

        let writer = try StoredLog.writer(directory, state(), clock: clock())
        #expect(writer.durableSize() == facts.size)
        let before = try await writer.read { state in
          (state.ledger.balance(.liquid(try AgentName("alice"))), state.ledger.balance(.treasury))
        }
        #expect(before.1 == facts.supply["treasury"])
        for round in 1...5 {
          #expect(try await self.pay(writer, round).events.first?.position == facts.size + UInt64(round) - 1)
        }
        // A key of the old version has had its effect, in the new one too.
        let first = try RecordedEvent(bytes: self.event(0, in: directory))
        let key = IdempotencyKey(derived: first.event.idempotencyKey)
        #expect(try await writer.committed(key: key)?.events.elementsEqual([first]) == true)

        let new = try await writer.checkpoint()
        #expect(new.size == facts.size + 5)
        let proof = try await writer.consistencyProof(from: old.size, to: new.size)
        #expect(
          MerkleProof.isConsistent(
            first: old.size, firstRoot: try #require(MerkleHash(old.root)), second: new.size,
            secondRoot: try #require(MerkleHash(new.root)), proof: proof.compactMap { MerkleHash($0) }))
        let after = try await writer.read { $0.ledger.balance(.liquid(try AgentName("alice"))) }
        #expect(after == before.0 - 5 * 11)
        await writer.shutdown()

        let (now, report) = try StoredLog.facts(directory)
        #expect(report.isClean, "\(format): \(report.findings)")
        #expect(report.statement.delta == 0 && report.checkpoint == new)
        #expect(now.supply["issued"] == facts.supply["issued"])
      }
    }
  }

  @Test("a snapshot of an older log's state is its replay, and the next start is from it")
  func snapshot() async throws {
    for format in Self.formats {
      try await withDirectory { directory in
        try StoredLog(format).restore(to: directory)
        let policy = SnapshotPolicy(everyEvents: 1_000_000, program: "test", restFactor: 0)
        let writer = try StoredLog.writer(directory, state(), clock: clock(), snapshots: policy)
        let replayed = try await writer.read { SnapshotFields.encode($0) }
        #expect(try await writer.makeSnapshot() == writer.durableSize())
        await writer.shutdown()
        let again = try StoredLog.writer(directory, state(), clock: clock(), snapshots: policy)
        #expect(try await again.read { SnapshotFields.encode($0) } == replayed)
        await again.shutdown()
      }
    }
  }

  @Test("the present code writes, byte for byte, what is committed", arguments: formats)
  func unchanged(format: String) async throws {
    try await withDirectory { directory in
      try await StoredLog.make(in: directory, isFirst: format != Self.present)
      let stored = StoredLog(format)
      if ProcessInfo.processInfo.environment["FRAME_WRITE_LOG"] == format {
        try stored.write(from: directory, StoredLog.facts(directory).facts)
      }
      #expect(try StoredLog.dump(directory) == stored.sql, "the encoding of an event or the table has changed")
      #expect(try StoredLog.facts(directory).facts == stored.facts)
    }
  }

  @Test("the committed log of the present format has an event of every type that this version writes")
  func everyType() throws {
    let present = try Set(StoredLog(Self.present).facts.types.keys)
    let missing = EventType.all.filter { !present.contains($0.name) }
    #expect(missing.isEmpty, "add them to the end of RecordedHistory and write the log again: \(missing)")
  }

  @Test("a treaty with another log, made by a version that did not tell the two apart, is booked at the start")
  func anotherLog() async throws {
    try await withDirectory { directory in
      try StoredLog("format-1-first").restore(to: directory)
      let history = try RecordedHistory(logKey: StoredLog.signer.verifierKey)
      let older = try StoredLog.writer(directory, GivenState(node: state()), clock: clock())
      let (peer, lost) = (history.peer, history.lost)
      // As it was recorded then: the treaty, and business with the new log on the same accounts.
      for (index, draft) in [
        try history.established(peer, key: RecordedHistory.secondKey),
        EventDraft(
          .crossRegistryTransferCredited(
            .with {
              $0.terms = history.terms("t7", isOutgoing: false, 40)
              $0.creditedAmount = 4
            }), postings: Postings.move(4, from: .clearing(peer), to: .liquid(history.bob))),
      ].enumerated() {
        _ = try await older.submit(
          CommandEnvelope(
            [draft], actor: .node(of: peer), key: IdempotencyKey("late-\(index)", caller: .node(of: peer)),
            digest: CommandDigest.of("late", "\(index)")))
      }
      await older.shutdown()

      let writer = try StoredLog.writer(directory, state(), clock: clock())
      let unbooked = try await writer.read { $0.federation.logs.former(of: peer).map(\.state) }
      #expect(unbooked == [.unbooked])
      let before = try await writer.read { $0.ledger.balance(.clearing(peer)) }
      for _ in 0..<2 {
        _ = try await writer.submit(
          CommandEnvelope(
            .federation(.bookFormerLog(lost)), actor: .node(of: history.frame), derivedKey: "book/\(UUID().uuidString)")
        )
      }
      let (now, atLost, former) = try await writer.read { state in
        (
          state.ledger.balance(.clearing(peer)), state.ledger.balance(.clearing(of: lost)),
          state.federation.logs.former(of: peer)
        )
      }
      #expect(now == -4, "what is of the new log stays with it")
      #expect(atLost == before + 4)
      #expect(former.map(\.state) == [.undecided])
      await writer.shutdown()
      let (_, report) = try StoredLog.facts(directory)
      #expect(report.isClean, "\(report.findings)")
      #expect(report.statement.delta == 0)
    }
  }

  @Test("what was being redeemed with a log that an older version decided about comes home, unbacked, once")
  func redeemedBefore() async throws {
    try await withDirectory { directory in
      try StoredLog(Self.present).restore(to: directory)
      let history = try RecordedHistory(logKey: StoredLog.signer.verifierKey)
      let (peer, bob, foreign) = (history.peer, history.bob, history.foreign)
      let writer = try StoredLog.writer(directory, state(), clock: clock())
      let due = try await writer.read { $0.bridge.toReturn($0.ledger) }
      let wrapped = due.filter { $0.item.kind == .wrapped }
      #expect(wrapped.map(\.item.id) == ["r-out"] && wrapped.map(\.item.amount) == [200])
      let before = try await writer.read { $0.ledger.balance(.wrapped(bob, foreign)) }
      for round in 1...2 {
        for (log, item) in wrapped {
          _ = try await writer.submit(
            CommandEnvelope(
              .bridge(.returnItem(log: log, kind: item.kind, id: item.id)), actor: .node(of: history.frame),
              derivedKey: "return/\(round)"))
        }
      }
      let (held, unbacked, view) = try await writer.read { state in
        let former = try #require(state.federation.logs.former[history.lost])
        return (
          state.ledger.balance(.wrapped(bob, foreign)), state.bridge.unbacked(bob, of: peer, foreign),
          FormerLogView(former, state, native: history.native, items: true)
        )
      }
      #expect(held == before + 200)
      #expect(unbacked == held, "nobody has claimed anything for it")
      #expect(view.redeeming == "0.000 BVT@frame-b.example")
      #expect(view.open?.contains { $0.kind == "wrapped" } == false)
      await writer.shutdown()
      let (_, report) = try StoredLog.facts(directory)
      #expect(report.isClean, "\(report.findings)")
    }
  }

  @Test("a log that is put aside now is booked with what is being redeemed, and shown with it")
  func redeeming() async throws {
    try await withDirectory { directory in
      try StoredLog("format-1-first").restore(to: directory)
      let history = try RecordedHistory(logKey: StoredLog.signer.verifierKey)
      let older = try StoredLog.writer(directory, GivenState(node: state()), clock: clock())
      _ = try await older.submit(
        CommandEnvelope(
          [try history.established(history.peer, key: RecordedHistory.secondKey)], actor: .node(of: history.peer),
          key: IdempotencyKey("late", caller: .node(of: history.peer)), digest: CommandDigest.of("late")))
      await older.shutdown()
      let writer = try StoredLog.writer(directory, state(), clock: clock())
      for isBooked in [false, true] {
        if isBooked {
          _ = try await writer.submit(
            CommandEnvelope(
              .federation(.bookFormerLog(history.lost)), actor: .node(of: history.frame), derivedKey: "book"))
        }
        let view = try await writer.read { state in
          FormerLogView(
            try #require(state.federation.logs.former[history.lost]), state, native: history.native, items: true)
        }
        #expect(view.state == (isBooked ? "undecided" : "unbooked"))
        #expect(view.redeeming == "0.200 BVT@frame-b.example")
        #expect(view.wrapped == "0.700 BVT@frame-b.example")
        let item = try #require(view.open?.first { $0.kind == "wrapped" })
        #expect(item.id == "r-out" && item.to == "bob" && item.amount == "0.200")
        #expect(item.asset == "BVT@frame-b.example")
      }
      await writer.shutdown()
      let (_, report) = try StoredLog.facts(directory)
      #expect(report.isClean, "\(report.findings)")
    }
  }

  // MARK: What came later

  @Test("a log that a newer version began, or wrote an event of an unknown type to, is refused and left as it is")
  func newer() async throws {
    let cases: [(String, (inout PBEvent) throws -> Void)] = [
      ("position 1 holds", { $0 = try PBEvent(serializedBytes: Self.frame($0, field: 1_000)) }),
      ("format 2", { event in event.frameFounded = .with { $0.format = 2 } }),
    ]
    for (expected, change) in cases {
      try await withDirectory { directory in
        try StoredLog(Self.present).restore(to: directory)
        let position: UInt64 = expected == "format 2" ? 0 : 1
        var event = try PBEvent(serializedBytes: self.event(position, in: directory))
        try change(&event)
        try await self.replace(position, event.serializedData(), in: directory)
        let before = try StoredLog.dump(directory)
        try FileManager.default.removeItem(at: directory.appendingPathComponent("checkpoint"))
        #expect {
          try StoredLog.writer(directory, state(), clock: clock())
        } throws: { error in
          guard case .newerFormat(let why)? = error as? LogError else { return false }
          return why.contains(expected)
        }
        #expect(try StoredLog.dump(directory) == before)
        // The audit does not vouch for what it cannot read.
        if position == 0 {
          #expect(throws: LogError.newerFormat("its events have format 2, the newest known is 1")) {
            _ = try LogAudit.run(directory: directory)
          }
        } else {
          let report = try LogAudit.run(directory: directory, key: StoredLog.signer.verifierKey)
          #expect(report.findings.map(\.code) == ["unknown_event"] && report.findings[0].position == 1)
        }
      }
    }
  }

  @Test("fields that a newer version added to known events are kept, hashed and ignored")
  func unknownFields() async throws {
    try await withDirectory { directory in
      let stored = StoredLog(Self.present)
      try stored.restore(to: directory)
      let old = try self.event(4, in: directory)
      // Field 900 of the event itself, a varint.
      let new = old + Data([0xa0, 0x38, 0x07])
      try await self.replace(4, new, in: directory)
      try FileManager.default.removeItem(at: directory.appendingPathComponent("checkpoint"))
      let writer = try StoredLog.writer(directory, state(), clock: clock())
      #expect(try await writer.events(from: 4, limit: 1).map(\.bytes) == [new])
      #expect(try await writer.attest(4).event == new)
      _ = try await self.pay(writer, 1)
      await writer.shutdown()
      let (facts, report) = try StoredLog.facts(directory)
      #expect(report.isClean, "\(report.findings)")
      #expect(facts.root != (try stored.facts.root))
      #expect(facts.supply["issued"] == (try stored.facts.supply["issued"]))
    }
  }

  // MARK: Helpers

  private func pay(_ writer: Writer<NodeState>, _ round: Int) async throws -> Committed {
    let alice = try AgentName("alice")
    let command = LedgerCommand.transfer(
      from: alice, to: try AgentName("bob"), amount: Amount(minorUnits: 11), memo: "after the upgrade")
    let actor = try SPIFFEID.agent(alice, of: FrameID(StoredLog.signer.verifierKey.name))
    return try await writer.submit(
      CommandEnvelope(
        .ledger(command), actor: actor, key: IdempotencyKey("upgraded-\(round)", caller: actor),
        digest: command.digest))
  }

  private func event(_ position: UInt64, in directory: URL) throws -> Data {
    let reader = try LogReader(directory: directory)
    defer { reader.close() }
    var found = Data()
    try reader.scan(from: position, to: position + 1) { found = $1 }
    return found
  }

  private func replace(_ position: UInt64, _ bytes: Data, in directory: URL) async throws {
    let database = try DatabaseQueue(path: directory.appendingPathComponent("log.sqlite").path)
    try await database.write {
      try $0.execute(sql: "UPDATE events SET bytes = ? WHERE position = ?", arguments: [bytes, Int64(position)])
    }
    try database.close()
  }

  /// The event with its payload under another field: what a type that came later looks like to this version.
  private static func frame(_ event: PBEvent, field: Int) throws -> Data {
    var bare = event
    bare.payload = nil
    let tag = UInt64(field) << 3 | 2
    return try bare.serializedData() + Data([UInt8(tag & 0x7f | 0x80), UInt8(tag >> 7), 2, 0x08, 0x01])
  }

  /// The note in a checkpoint file: its first slot, or all of it in the first form of the file.
  private static func note(_ file: Data) -> Data {
    var note = file.prefix(4_096)
    while note.last == 0x0a { note.removeLast() }
    return Data(note) + Data([0x0a])
  }
}
