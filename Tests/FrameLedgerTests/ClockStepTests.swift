import FrameCore
import FrameEvents
import FrameLog
import FrameProtos
import Foundation
import Testing

@testable import FrameLedger

@Suite("Holds and licences when the clock is set")
struct ClockStepTests {
  private let fixture: LedgerFixture
  private let alice: AgentName
  private static let days: Duration = .seconds(400 * 86_400)

  init() throws {
    fixture = try LedgerFixture()
    alice = try AgentName("alice")
  }

  /// A writer with a funded alice, whose last event was recorded 400 days ahead of the clock, which is right again.
  private func ahead() async throws -> (Writer<LedgerState>, right: FrameTime) {
    let writer = try fixture.writer()
    let right = fixture.clock.now()
    for command in [
      LedgerCommand.registerAgent(alice, purpose: ""), .issue(Amount(minorUnits: 5_000), memo: ""),
      .transfer(from: nil, to: alice, amount: Amount(minorUnits: 1_000), memo: ""),
    ] {
      _ = try await writer.submit(fixture.command(command, by: fixture.authority))
    }
    fixture.clock.set(right + Self.days)
    _ = try await writer.submit(fixture.command(.issue(Amount(minorUnits: 1), memo: ""), by: fixture.authority))
    fixture.clock.set(right)
    return (writer, right)
  }

  @Test("a hold of a minute ends in a minute, although the log is 400 days ahead")
  func hold() async throws {
    let (writer, right) = try await ahead()
    _ = try await writer.submit(
      fixture.command(
        .createHold(
          id: "h", from: alice, payee: nil, amount: Amount(minorUnits: 300), expiry: .after(.seconds(60)), memo: ""),
        by: fixture.agent("alice")))
    let hold = try #require(try await writer.read { $0.holds.hold("h") })
    #expect(hold.created == right && hold.expires == right + .seconds(60))
    let keeper = HoldExpiryService(
      frame: fixture.frame, writer: PlainLedgerWriter(writer: writer), clock: fixture.clock,
      metrics: LedgerMetrics(fixture.registry), logger: .init(label: "test"))
    #expect(try await keeper.endOverdue() == 0)
    fixture.clock.set(right + .seconds(59))
    #expect(try await keeper.endOverdue() == 0)
    fixture.clock.set(right + .seconds(60))
    #expect(try await keeper.endOverdue() == 1)
    let ended = try #require(try await writer.read { $0.holds.hold("h") })
    #expect(ended.ending == .expired && ended.ended == right + .seconds(60))
    // A restart knows the same.
    await writer.shutdown()
    let again = try fixture.writer()
    #expect(try await again.read { $0.holds.hold("h") } == ended)
    await again.shutdown()
  }

  @Test("a hold until a time is taken against the clock, not against the log")
  func holdUntil() async throws {
    let (writer, right) = try await ahead()
    let until = right + .seconds(3_600)
    _ = try await writer.submit(
      fixture.command(
        .createHold(id: "h", from: alice, payee: nil, amount: Amount(minorUnits: 300), expiry: .at(until), memo: ""),
        by: fixture.agent("alice")))
    #expect(try await writer.read { $0.holds.hold("h")?.expires } == until)
    await writer.shutdown()
  }

  @Test("the keeper does not spin on holds that the writer's clock does not call over")
  func keeperAhead() async throws {
    let (writer, right) = try await ahead()
    for index in 0..<(HoldLimits.expiredPerRound + 3) {
      _ = try await writer.submit(
        fixture.command(
          .createHold(
            id: "h\(index)", from: alice, payee: nil, amount: Amount(minorUnits: 1), expiry: .after(.seconds(60)),
            memo: ""), by: fixture.agent("alice")))
    }
    let early = FixedClock(right + .seconds(100))
    let keeper = HoldExpiryService(
      frame: fixture.frame, writer: PlainLedgerWriter(writer: writer), clock: early,
      metrics: LedgerMetrics(fixture.registry), logger: .init(label: "test"))
    #expect(try await keeper.endOverdue() == 0, "none ended: the next round waits for its time")
    await writer.shutdown()
  }

  @Test("an operator whose licence is valid by the clock is not called expired by the log")
  func licence() async throws {
    let right = fixture.clock.now()
    var state = fixture.state()
    let licence = OperatorLicence(
      name: try OperatorName("acme"), id: "l1", scopes: Set(LicenceScope.allCases), hosts: [], issued: right,
      expires: right + .seconds(30 * 86_400))
    let drafts = try state.decide(
      operators: .license(licence), DecisionContext(now: right, actor: fixture.authority))
    let event = PBEvent.with {
      $0.timeUnixNs = (right + Self.days).unixNanoseconds
      $0.clockUnixNs = right.unixNanoseconds
      $0.payload = drafts[0].payload
    }
    state.evolve(RecordedEvent(event: event, bytes: Data()))
    let actor = SPIFFEID.ofOperator(try OperatorName("acme"), in: fixture.frame)
    #expect(throws: Never.self) { try state.operators.admit(actor, at: right + .seconds(1)) }
    #expect(state.operators[try OperatorName("acme")]?.since == right)
  }
}

private struct FixedClock: FrameClock {
  private let time: FrameTime

  init(_ time: FrameTime) { self.time = time }

  func now() -> FrameTime { time }
  func sleep(for duration: Duration) async throws {}
}
