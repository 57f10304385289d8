import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import FrameProtos
import Logging
import Testing

@testable import FrameLedger

@Suite struct SupplyDriftTests {
  private let fixture: LedgerFixture
  private let alice: AgentName

  init() throws {
    fixture = try LedgerFixture()
    alice = try AgentName("alice")
  }

  /// Money out of nothing, stored behind the guard's back.
  private func plant(_ postings: [PBPosting]) throws {
    let engine = try SQLiteEngine(directory: fixture.directory)
    let event = try PBEvent.with {
      $0.position = try engine.size()
      $0.timeUnixNs = fixture.clock.now().unixNanoseconds
      $0.idempotencyKey = "planted \($0.position)"
      $0.commandEvents = 1
      $0.postings = postings
      $0.tokensTransferred = .init()
    }
    try engine.append([RecordedEvent(event: event, bytes: try event.serializedData())])
    try engine.close()
  }

  private func submit(_ writer: Writer<LedgerState>, _ command: LedgerCommand, _ actor: SPIFFEID) async -> String? {
    do {
      _ = try await writer.submit(fixture.command(command, by: actor))
      return nil
    } catch {
      return (error as? any FrameError)?.code
    }
  }

  private func populated() async throws -> Writer<LedgerState> {
    let writer = try fixture.writer()
    for command in [
      LedgerCommand.foundFrame(logVerifierKey: fixture.signer.verifierKey.text), .registerAgent(alice, purpose: ""),
      .issue(Amount(minorUnits: 1_000), memo: ""),
    ] {
      #expect(await submit(writer, command, fixture.authority) == nil)
    }
    return writer
  }

  @Test("B22: what an audit finds freezes the mint, until the authority has accepted a full audit's findings")
  func freezes() async throws {
    var writer = try await populated()
    await writer.shutdown()
    try plant([Postings.posting(.liquid(alice), 7)])
    writer = try fixture.writer()
    let issue = LedgerCommand.issue(Amount(minorUnits: 1), memo: "")
    #expect(await submit(writer, issue, fixture.authority) == nil, "nobody has looked yet")
    let auditor = try fixture.auditor(writer)
    let report = try await auditor.auditNow()
    #expect(report.worstDelta == -7 && !report.isClean)
    #expect(await submit(writer, issue, fixture.authority) == "supply_frozen")
    // Everything else goes on.
    let grant = LedgerCommand.transfer(from: nil, to: alice, amount: Amount(minorUnits: 1), memo: "")
    #expect(await submit(writer, grant, fixture.authority) == nil)
    let drift = try #require(try await writer.read { $0.drift })
    #expect(drift.delta == -7 && drift.code == "supply_delta" && drift.since != nil)
    // It is in the log: a restart does not thaw it, and a second audit adds nothing.
    let size = writer.durableSize()
    _ = try await auditor.auditNow()
    #expect(writer.durableSize() == size)
    await writer.shutdown()
    writer = try fixture.writer()
    #expect(await submit(writer, issue, fixture.authority) == "supply_frozen")
    let again = try fixture.auditor(writer)
    let full = try await again.auditFully()
    #expect(full.findings.contains { $0.code == "unbalanced_event" && $0.position == 3 })
    let accepted = UInt64(full.findingCount)
    let clear = LedgerCommand.clearDrift(size: full.size, accepted: accepted, note: "seen")
    #expect(await submit(writer, clear, fixture.node) == "not_authority")
    let old = LedgerCommand.clearDrift(size: drift.size - 1, accepted: accepted, note: "")
    #expect(await submit(writer, old, fixture.authority) == "audit_too_old")
    #expect(await submit(writer, clear, fixture.authority) == nil)
    #expect(await submit(writer, clear, fixture.authority) == "supply_not_frozen")
    #expect(await submit(writer, issue, fixture.authority) == nil)
    // The finding stays in the log and is known; one more freezes again.
    _ = try await again.auditNow()
    #expect(await submit(writer, issue, fixture.authority) == nil)
    await writer.shutdown()
    try plant([Postings.posting(.treasury, 5)])
    writer = try fixture.writer()
    _ = try await fixture.auditor(writer).auditNow()
    #expect(await submit(writer, issue, fixture.authority) == "supply_frozen")
    await writer.shutdown()
  }

  @Test("wrapped money is not issued either while the mint is frozen, and unlocking goes on")
  func wrapped() throws {
    let samples = try EventSamples()
    var ledger = try samples.ledger()
    func refusal(_ type: EventType) throws -> String? {
      let index = try #require(EventType.all.firstIndex(of: type))
      do {
        try LedgerGuard<LedgerState>().check(
          EventDraft(samples.payloads[index], postings: samples.postings(type)), actor: .node(of: samples.peer),
          state: ledger)
        return nil
      } catch {
        return (error as? any FrameError)?.code
      }
    }
    let detected = PBEvent.with { $0.supplyDriftDetected = .with { $0.findings = 1 } }
    ledger.evolve(RecordedEvent(event: detected, bytes: Data()))
    #expect(try refusal(.wrappedTokensIssued) == "supply_frozen")
    #expect(try refusal(.tokensBridgeUnlocked) == nil)
    #expect(try refusal(.crossRegistryTransferCredited) == nil)
    ledger.evolve(RecordedEvent(event: .with { $0.supplyDriftCleared = .init() }, bytes: Data()))
    #expect(try refusal(.wrappedTokensIssued) == nil)
  }

  @Test("B22: held money that no hold and no transfer accounts for is found, as is a hold that pays too much")
  func held() async throws {
    let writer = try await populated()
    await writer.shutdown()
    try plant(Postings.move(10, from: .treasury, to: .held(alice)))
    var report = try LogAudit.run(directory: fixture.directory)
    #expect(report.findings.map(\.code) == ["held_mismatch"])
    let engine = try SQLiteEngine(directory: fixture.directory)
    let event = try PBEvent.with {
      $0.position = try engine.size()
      $0.timeUnixNs = fixture.clock.now().unixNanoseconds
      $0.idempotencyKey = "capture"
      $0.commandEvents = 1
      $0.postings = Postings.move(10, from: .held(alice), to: .treasury)
      $0.holdCaptured = .with {
        $0.holdID = "never made"
        $0.from = "alice"
        $0.amount = 10
      }
    }
    try engine.append([RecordedEvent(event: event, bytes: try event.serializedData())])
    try engine.close()
    report = try LogAudit.run(directory: fixture.directory)
    #expect(report.findings.map(\.code) == ["held_mismatch", "hold"])
  }

  @Test("a finding about the log as a whole is counted once, however often it is seen again")
  func once() async throws {
    let writer = try await populated()
    let other = try LedgerFixture()
    let stranger = try await other.strangerCheckpoint(size: writer.durableSize())
    let auditor = try SupplyAuditor(
      directory: fixture.directory, frame: fixture.frame, checkpoint: { stranger }, freeze: { _ in },
      clock: fixture.clock, metrics: AuditMetrics(fixture.registry),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    for _ in 0..<3 {
      let report = try await auditor.auditNow()
      #expect(report.findings.map(\.code) == ["root_mismatch"])
      #expect(report.checkpoint == nil)
    }
    #expect(try await auditor.auditFully().findingCount == 1)
    await writer.shutdown()
  }
}

extension LedgerFixture {
  /// A checkpoint of another log with as many events.
  fileprivate func strangerCheckpoint(size: UInt64) async throws -> SignedCheckpoint {
    let writer = try writer()
    for _ in 0..<size {
      _ = try await writer.submit(command(.issue(Amount(minorUnits: 1), memo: ""), by: authority))
    }
    let checkpoint = try await writer.checkpoint()
    await writer.shutdown()
    return checkpoint
  }
}
