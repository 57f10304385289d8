import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import FrameMetrics
import FrameProtos
import Logging
import Testing

@testable import FrameLedger

@Suite struct SupplyAuditTests {
  private func auditor(_ fixture: LedgerFixture, _ writer: Writer<LedgerState>) throws -> SupplyAuditor {
    try fixture.auditor(writer)
  }

  private func populate(_ fixture: LedgerFixture, _ writer: Writer<LedgerState>) async throws {
    let (alice, bob) = (try AgentName("alice"), try AgentName("bob"))
    for command in [
      LedgerCommand.foundFrame(logVerifierKey: fixture.signer.verifierKey.text), .registerAgent(alice, purpose: ""),
      .registerAgent(bob, purpose: ""), .issue(Amount(minorUnits: 1000), memo: ""),
      .transfer(from: nil, to: alice, amount: Amount(minorUnits: 300), memo: ""),
    ] {
      _ = try await writer.submit(fixture.command(command, by: fixture.authority))
    }
    _ = try await writer.submit(
      fixture.command(
        .transfer(from: alice, to: bob, amount: Amount(minorUnits: 100), memo: ""), by: fixture.agent("alice")))
  }

  private func gauge(_ fixture: LedgerFixture, _ name: String, _ label: String? = nil) -> Double? {
    let family = fixture.registry.collect().first { $0.descriptor.name == name }
    let metric = family?.metrics.first { metric in
      label.map { value in metric.labels.pairs.contains { $0.value == value } } ?? true
    }
    guard case .gauge(let value) = metric?.value else { return nil }
    return value.doubleValue
  }

  @Test("the audit of a sound log is clean, true at its size, and goes on from where it stopped")
  func clean() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer(fees: FeeRule(basisPoints: 0, fixed: 1))
    try await populate(fixture, writer)
    let auditor = try auditor(fixture, writer)
    let report = try await auditor.auditNow()
    #expect(report.isClean)
    #expect(report.size == 6)
    #expect(report.checkpointSize == 6)
    #expect(report.root == (try await writer.checkpoint().root))
    #expect(report.worstDelta == 0)
    let expected: [(String, Int128)] = [
      ("issued", 1000), ("circulating", 299), ("staked", 0), ("held", 0), ("fees", 1), ("treasury", 700),
      ("locked_for_bridge", 0), ("clearing", 0),
    ]
    #expect(report.statement.lines.map(\.name) == expected.map(\.0))
    #expect(report.statement.lines.map(\.amount) == expected.map(\.1))
    #expect(report.statement.delta == 0)
    #expect(report.agents == 2)
    _ = try await writer.submit(fixture.command(.burn(Amount(minorUnits: 50), memo: ""), by: fixture.authority))
    let second = try await auditor.auditNow()
    #expect(second.isClean)
    #expect(second.statement.issued == 950)
    #expect(auditor.lastReport == second)
    await writer.shutdown()
  }

  @Test("the supply is published line by line, with its delta")
  func metrics() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer()
    try await populate(fixture, writer)
    _ = try await auditor(fixture, writer).auditNow()
    try fixture.registry.validate()
    #expect(gauge(fixture, "frame_supply_minor_units", "issued") == 1000)
    #expect(gauge(fixture, "frame_supply_minor_units", "circulating") == 300)
    #expect(gauge(fixture, "frame_supply_delta_minor_units") == 0)
    #expect(gauge(fixture, "frame_ledger_agents") == 2)
    #expect(gauge(fixture, "frame_supply_audit_findings") == 0)
    await writer.shutdown()
  }

  @Test("B22: the audit of files alone agrees with the running one, with the node running or stopped")
  func offline() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer()
    try await populate(fixture, writer)
    let online = try await auditor(fixture, writer).auditNow()
    #expect(try LogAudit.run(directory: fixture.directory) == online)
    await writer.shutdown()
    let report = try LogAudit.run(
      directory: fixture.directory, frame: fixture.frame, key: fixture.signer.verifierKey)
    #expect(report == online)
    // Reading must leave a log that opens.
    await (try fixture.writer()).shutdown()
    #expect(throws: LogError.self) { try LogAudit.run(directory: fixture.directory.appendingPathComponent("none")) }
  }

  /// Adds events to the stored log behind the guard's back.
  private func plant(_ fixture: LedgerFixture, _ events: [PBEvent]) throws {
    let engine = try SQLiteEngine(directory: fixture.directory)
    let size = try engine.size()
    try engine.append(
      events.enumerated().map { offset, event in
        var event = event
        event.position = size + UInt64(offset)
        event.timeUnixNs = .max
        event.idempotencyKey = "planted \(event.position)"
        event.commandEvents = 1
        return RecordedEvent(event: event, bytes: try event.serializedData())
      })
    try engine.close()
  }

  private func planted(_ event: PBEvent) async throws -> AuditReport {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer()
    try await populate(fixture, writer)
    await writer.shutdown()
    try plant(fixture, [event])
    return try LogAudit.run(directory: fixture.directory)
  }

  @Test("money out of nothing, an overdraft, mixed assets and false bridge totals are each found at their position")
  func findings() async throws {
    let alice = try AgentName("alice")
    let peer = try FrameID("frame-b.example")
    let foreign = try Asset(origin: peer, code: "BVT", scale: 2)
    let cases: [(Set<String>, PBEvent)] = [
      (["unbalanced_event", "supply_delta"], .with { $0.postings = [Postings.posting(.liquid(alice), 7)] }),
      (["negative_balance"], .with { $0.postings = Postings.move(301, from: .liquid(alice), to: .treasury) }),
      (
        ["mixed_asset"],
        .with {
          $0.postings = Postings.move(
            5, from: .issuance(of: foreign), to: AccountRef(owner: "", kind: .treasury, asset: foreign))
        }
      ),
      (
        ["unbalanced_event", "supply_delta"],
        .with {
          $0.postings = [
            Postings.posting(.wrapped(alice, foreign), -5), Postings.posting(.liquid(alice), 5),
          ]
        }
      ),
      (
        ["bridge_totals"],
        .with {
          $0.postings = Postings.move(10, from: .liquid(alice), to: .bridgeReserve(peer))
          $0.tokensBridgeLocked = .with {
            $0.destination = peer.name
            $0.amount = 10
            $0.totals.locked = 11
          }
        }
      ),
      (
        ["bridge_totals"],
        .with {
          $0.postings = Postings.move(10, from: .treasury, to: .liquid(alice))
          $0.tokensBridgeUnlocked = .with {
            $0.destination = peer.name
            $0.amount = 10
            $0.totals.unlocked = 10
          }
        }
      ),
    ]
    for (codes, event) in cases {
      let report = try await planted(event)
      #expect(!report.isClean)
      #expect(Set(report.findings.map(\.code)).isSuperset(of: codes), "\(report.findings)")
      #expect(report.findings.allSatisfy { $0.position == 6 })
    }
    #expect(try await planted(.with { $0.postings = [Postings.posting(.liquid(alice), 7)] }).worstDelta == -7)
  }

  @Test("a delta that a later event hides again is still reported")
  func hiddenDelta() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer()
    try await populate(fixture, writer)
    await writer.shutdown()
    try plant(
      fixture,
      [
        .with { $0.postings = [Postings.posting(.treasury, 7)] },
        .with { $0.postings = [Postings.posting(.treasury, -7)] },
      ])
    let report = try LogAudit.run(directory: fixture.directory)
    #expect(report.statement.delta == 0)
    #expect(report.worstDelta == -7)
    #expect(!report.isClean)
  }

  @Test("wrapped money has its own supply and leaves the native equation alone")
  func wrapped() async throws {
    let alice = try AgentName("alice")
    let foreign = try Asset(origin: FrameID("frame-b.example"), code: "BVT", scale: 2)
    let report = try await planted(
      .with {
        $0.postings = Postings.move(10, from: .issuance(of: foreign), to: .wrapped(alice, foreign))
        $0.wrappedTokensIssued = .with {
          $0.origin = "frame-b.example"
          $0.amount = 10
          $0.totals.issued = 10
        }
      })
    #expect(report.isClean, "\(report.findings)")
    #expect(report.statement.wrapped == ["frame-b.example": 10])
    #expect(report.statement.issued == 1000)
  }

  @Test("a key with two effects, an incomplete command and a log behind its checkpoint are found")
  func structure() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer()
    try await populate(fixture, writer)
    _ = try await writer.checkpoint()
    await writer.shutdown()
    let engine = try SQLiteEngine(directory: fixture.directory)
    func store(_ position: UInt64, _ change: (inout PBEvent) -> Void) throws {
      let event = PBEvent.with {
        $0.position = position
        $0.timeUnixNs = .max
        $0.idempotencyKey = "twice"
        $0.commandEvents = 1
      }
      var stored = event
      change(&stored)
      try engine.append([RecordedEvent(event: event, bytes: try stored.serializedData())])
    }
    try store(6) { _ in }
    try store(7) { _ in }
    try store(8) { $0.commandIndex = 1 }
    try store(9) { $0.position = 4 }
    try store(10) { $0.timeUnixNs = 1 }
    try engine.close()
    let report = try LogAudit.run(directory: fixture.directory)
    let found = report.findings.map { "\($0.code) \($0.position ?? 0)" }
    for expected in ["idempotency 7", "idempotency 8", "wrong_position 9", "time_ran_back 10"] {
      #expect(found.contains(expected), "\(found)")
    }
  }

  @Test("a frame's audit of a log of another frame, or without a founding event, says so")
  func otherFrame() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(fixture.command(.issue(Amount(minorUnits: 1), memo: ""), by: fixture.authority))
    await writer.shutdown()
    #expect(throws: LogError.self) { try LogAudit.run(directory: fixture.directory) }
    #expect(try LogAudit.run(directory: fixture.directory, frame: fixture.frame).isClean)
  }

  @Test("as a service, the auditor audits at once and again at every interval")
  func service() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer()
    try await populate(fixture, writer)
    let auditor = try auditor(fixture, writer)
    let service = Task { try await auditor.run() }
    // The clock moves by one interval whenever the auditor sleeps.
    while fixture.clock.now().unixNanoseconds < 181_000_000_000 { await Task.yield() }
    service.cancel()
    try await service.value
    #expect(auditor.lastReport?.isClean == true)
    await writer.shutdown()
  }
}
