import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameProtos
import FrameTesting
import Testing

@testable import FrameLedger

@Suite struct LedgerPropertyTests {
  @Test(
    "whatever is asked for, the supply delta is 0 at every position and replay gives the same ledger",
    arguments: 1...8 as ClosedRange<UInt64>)
  func randomCommands(seed: UInt64) async throws {
    let fixture = try LedgerFixture()
    let fees = try FeeRule(basisPoints: 30, fixed: 1)
    let writer = try fixture.writer(fees: fees)
    var random = SeededGenerator(seed: seed)
    let names = try ["alice", "bob", "carol", "dave"].map { try AgentName($0) }
    for _ in 0..<40 {
      let envelopes = try (0..<10).map { _ in try randomCommand(fixture, names, &random) }
      _ = await writer.submit(contentsOf: envelopes)
    }
    let live = try await writer.read { $0.accounts }
    var fold = SupplyRecount(frame: fixture.frame.name, thorough: true)
    var replayed = fixture.state(fees: fees)
    let events = try await writer.events(from: 0, limit: 10_000)
    for event in events {
      fold.add(event.position, event.bytes)
      replayed.evolve(event)
      #expect(fold.statement.delta == 0, "seed \(seed), position \(event.position)")
    }
    #expect(fold.findingCount == 0, "seed \(seed): \(fold.findings)")
    #expect(replayed.accounts == live, "seed \(seed)")
    let circulating = names.reduce(0) { $0 + replayed.balance(.liquid($1)) }
    #expect(fold.statement.circulating == circulating)
    // Every held unit is some open hold's (CONFORMANCE B2), and the queue knows of each that is over.
    let open = replayed.holds.allOpen(limit: .max)
    #expect(fold.statement.held == open.reduce(0) { $0 + $1.remaining } && fold.statement.held == replayed.holds.total)
    for name in names { #expect(replayed.holds.amount(of: name.text) == replayed.balance(.held(name)), "seed \(seed)") }
    #expect(fold.openHolds == replayed.holds.openCount)
    let end = fixture.clock.now() + .seconds(10)
    let over = Set(open.filter { $0.isOver(at: end) }.map(\.id))
    #expect(Set(replayed.holds.expired(at: end, limit: .max)) == over, "seed \(seed)")
    #expect(fold.statement.treasury == replayed.balance(.treasury))
    #expect(fold.statement.issued == -replayed.balance(.issuance))
    #expect(events.count > 60)
    await writer.shutdown()
  }

  private func randomCommand(
    _ fixture: LedgerFixture, _ names: [AgentName], _ random: inout SeededGenerator
  ) throws -> CommandEnvelope<LedgerCommand> {
    let amount = Amount(minorUnits: Int64.random(in: -2...500, using: &random))
    let (from, to) = (names.randomElement(using: &random) ?? names[0], names.randomElement(using: &random) ?? names[0])
    let actors = [fixture.authority, fixture.node, try fixture.agent(from.text), try fixture.agent(to.text)]
    // A small pool of keys, so that duplicates and conflicts come up too.
    let key = "k\(Int.random(in: 0..<2_000, using: &random))"
    let id = "h\(Int.random(in: 0..<40, using: &random))"
    let actor = actors.randomElement(using: &random) ?? fixture.node
    switch Int.random(in: 0..<20, using: &random) {
    case 12, 13:
      fixture.clock.set(fixture.clock.now() + .seconds(Int64.random(in: 0...3, using: &random)))
      let payee = Bool.random(using: &random) ? to : nil
      let hold = LedgerCommand.createHold(
        id: id, from: from, payee: payee, amount: amount, expiry: .after(.seconds(20)), memo: "")
      return try fixture.command(hold, by: fixture.agent(from.text), key: key)
    case 14, 15:
      let capture = LedgerCommand.captureHold(
        id: id, amount: Bool.random(using: &random) ? amount : nil, to: Bool.random(using: &random) ? to : nil,
        keepRest: Bool.random(using: &random), memo: "")
      return try fixture.command(capture, by: actor, key: key)
    case 16: return try fixture.command(.releaseHold(id: id, reason: ""), by: actor, key: key)
    case 17: return try fixture.command(.expireHold(id: id), by: fixture.node, key: key)
    case 18: return try fixture.command(.collectFees(nil, memo: ""), by: actor, key: key)
    case 19:
      return try fixture.command(
        Int.random(in: 0..<6, using: &random) == 0 ? .freezeAgent(from, reason: "") : .unfreezeAgent(from, reason: ""),
        by: fixture.authority, key: key)
    case 0: return try fixture.command(.registerAgent(from, purpose: ""), by: fixture.authority, key: key)
    case 1: return try fixture.command(.issue(amount, memo: ""), by: fixture.authority, key: key)
    case 2: return try fixture.command(.burn(amount, memo: ""), by: fixture.authority, key: key)
    case 3...5:
      let grant = LedgerCommand.transfer(from: nil, to: to, amount: amount, memo: "")
      return try fixture.command(grant, by: fixture.authority, key: key)
    case 6:
      return try fixture.command(.issue(amount, memo: ""), by: actor, key: key)
    default:
      let transfer = LedgerCommand.transfer(from: from, to: to, amount: amount, memo: "")
      return try fixture.command(transfer, by: try fixture.agent(from.text), key: key)
    }
  }

  @Test("an amount at the edge of 64 bits is refused or exact, never wrapped")
  func edges() async throws {
    let fixture = try LedgerFixture()
    let writer = try fixture.writer(fees: try FeeRule(basisPoints: 10_000, fixed: .max))
    let alice = try AgentName("alice")
    _ = try await writer.submit(fixture.command(.registerAgent(alice, purpose: ""), by: fixture.authority))
    _ = try await writer.submit(
      fixture.command(.registerAgent(try AgentName("bob"), purpose: ""), by: fixture.authority))
    for amount in [Int64.max, 1, .max, .max - 1] {
      _ = try? await writer.submit(
        fixture.command(.issue(Amount(minorUnits: amount), memo: ""), by: fixture.authority))
      _ = try? await writer.submit(
        fixture.command(
          .transfer(from: nil, to: alice, amount: Amount(minorUnits: amount), memo: ""), by: fixture.authority))
      _ = try? await writer.submit(
        fixture.command(
          .transfer(from: alice, to: try AgentName("bob"), amount: Amount(minorUnits: amount), memo: ""),
          by: fixture.agent("alice")))
    }
    let report = try LogAudit.run(directory: fixture.directory, frame: fixture.frame)
    #expect(report.isClean, "\(report.findings)")
    #expect(report.statement.issued == Int128(Int64.max))
    await writer.shutdown()
  }
}
