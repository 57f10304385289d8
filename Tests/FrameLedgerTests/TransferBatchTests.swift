import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import FrameProtos
import FrameTesting
import Testing

@testable import FrameLedger

@Suite struct TransferBatchTests {
  private static let names = ["alice", "bob", "carol", "dave"]

  /// A frame where alice has 1,000 minor units and pays 1% and 1 unit a transfer.
  private static func writer(_ fixture: LedgerFixture) async throws -> Writer<LedgerState> {
    let writer = try fixture.writer(fees: try FeeRule(basisPoints: 100, fixed: 1))
    var commands: [LedgerCommand] = [.issue(Amount(minorUnits: 1_000), memo: "")]
    for name in names { commands.append(.registerAgent(try AgentName(name), purpose: "")) }
    commands.append(.transfer(from: nil, to: try AgentName("alice"), amount: Amount(minorUnits: 1_000), memo: ""))
    for command in commands { _ = try await writer.submit(fixture.command(command, by: fixture.authority)) }
    return writer
  }

  private static func item(_ to: String, _ amount: Int64, _ memo: String = "") throws -> TransferItem {
    TransferItem(to: try AgentName(to), amount: Amount(minorUnits: amount), memo: memo)
  }

  @Test("a batch is one command: an event a transfer, in order, and one answer to a repetition")
  func batch() async throws {
    let fixture = try LedgerFixture()
    let writer = try await Self.writer(fixture)
    let alice = try AgentName("alice")
    let items = [try Self.item("bob", 100, "rent"), try Self.item("carol", 200), try Self.item("bob", 50)]
    let command = try fixture.command(
      .transferBatch(from: alice, items), by: try fixture.agent("alice"), key: "payroll")
    let done = try await writer.submit(command)
    #expect(done.events.map(\.event.commandIndex) == [0, 1, 2])
    #expect(done.events.allSatisfy { $0.event.commandEvents == 3 && $0.event.idempotencyKey == command.key.text })
    #expect(done.events.map(\.event.message.tokensTransferred.to) == ["bob", "carol", "bob"])
    #expect(done.events.map(\.event.message.tokensTransferred.fee) == [2, 3, 1])
    let repeated = try await writer.submit(command)
    #expect(repeated.replayed && repeated.events == done.events)
    let balances = try await writer.read { [$0.balance(.liquid(alice)), $0.balance(.fees), $0.balance(.treasury)] }
    #expect(balances == [1_000 - 350 - 6, 6, 0])
    // The same key with one amount changed is another command.
    let changed = try fixture.command(
      .transferBatch(from: alice, [items[0], items[1], try Self.item("bob", 51)]), by: try fixture.agent("alice"),
      key: "payroll")
    await #expect { _ = try await writer.submit(changed) } throws: {
      ($0 as? any FrameError)?.code == "idempotency_conflict"
    }
    await writer.shutdown()
    #expect(try LogAudit.run(directory: fixture.directory, frame: fixture.frame).isClean)
  }

  @Test("the items of one batch share the payer's money: the first that cannot be paid is named")
  func funds() async throws {
    let fixture = try LedgerFixture()
    let writer = try await Self.writer(fixture)
    let items = [try Self.item("bob", 400), try Self.item("carol", 400), try Self.item("dave", 190)]
    let command = try fixture.command(
      .transferBatch(from: try AgentName("alice"), items), by: try fixture.agent("alice"))
    await #expect { _ = try await writer.submit(command) } throws: { error in
      guard let error = error as? TransferBatchError else { return false }
      return error.index == 2 && error.code == "insufficient_funds" && error.kind == .refused
        && error.message.contains("Transfer 2 of the batch of 3")
    }
    await writer.shutdown()
  }

  /// What can be wrong with an item, and the code of its refusal.
  enum Fault: String, CaseIterable {
    case unknown, own, zero, negative, memo, funds

    func item() throws -> TransferItem {
      switch self {
      case .unknown: try TransferBatchTests.item("nobody", 1)
      case .own: try TransferBatchTests.item("alice", 1)
      case .zero: try TransferBatchTests.item("bob", 0)
      case .negative: try TransferBatchTests.item("bob", -5)
      case .memo: try TransferBatchTests.item("bob", 1, String(repeating: "m", count: 513))
      case .funds: try TransferBatchTests.item("bob", 5_000)
      }
    }

    var code: String {
      switch self {
      case .unknown: "unknown_agent"
      case .own: "same_account"
      case .zero, .negative: "amount_not_positive"
      case .memo: "memo_too_long"
      case .funds: "insufficient_funds"
      }
    }
  }

  @Test(
    "whichever item is refused, for whatever reason, the batch leaves no trace in log, money or keys",
    arguments: Fault.allCases)
  func noTrace(fault: Fault) async throws {
    let fixture = try LedgerFixture()
    let writer = try await Self.writer(fixture)
    let alice = try AgentName("alice")
    let actor = try fixture.agent("alice")
    var random = SeededGenerator(seed: 7)
    for count in [1, 2, 9, 40] {
      let index = Int.random(in: 0..<count, using: &random)
      var items = try (0..<count).map { _ in
        try Self.item(["bob", "carol", "dave"].randomElement(using: &random) ?? "bob", 1)
      }
      items[index] = try fault.item()
      let before = try await writer.read { $0.accounts }
      let size = writer.durableSize()
      let key = "\(fault.rawValue)-\(count)"
      let command = try fixture.command(.transferBatch(from: alice, items), by: actor, key: key)
      await #expect("\(fault) at \(index) of \(count)") { _ = try await writer.submit(command) } throws: { error in
        guard let error = error as? TransferBatchError else { return false }
        return error.index == index && error.code == fault.code
      }
      #expect(writer.durableSize() == size)
      #expect(try await writer.read { $0.accounts } == before)
      #expect(try await writer.committed(key: command.key) == nil)
      // The key is free: what was corrected may use it.
      items[index] = try Self.item("bob", 1)
      let corrected = try fixture.command(.transferBatch(from: alice, items), by: actor, key: key)
      #expect(try await writer.submit(corrected).events.count == count)
    }
    await writer.shutdown()
  }

  @Test("only the payer itself may send its batch, and only the authority the treasury's")
  func actors() async throws {
    let fixture = try LedgerFixture()
    let writer = try await Self.writer(fixture)
    let items = [try Self.item("carol", 1)]
    for (from, actor) in [("alice", try fixture.agent("bob")), ("alice", fixture.authority)] {
      let command = try fixture.command(.transferBatch(from: try AgentName(from), items), by: actor)
      await #expect(throws: LedgerError.self) { _ = try await writer.submit(command) }
    }
    let treasury = try fixture.command(.transferBatch(from: nil, items), by: try fixture.agent("alice"))
    await #expect(throws: LedgerError.self) { _ = try await writer.submit(treasury) }
    await writer.shutdown()
  }

  @Test("a batch has 1 to 1,000 transfers, and weighs in the queue as many as it has")
  func size() throws {
    let ledger = try EventSamples().ledger()
    let context = DecisionContext(now: FrameTime(unixNanoseconds: 0), actor: .authority(of: ledger.frame))
    let item = try Self.item("bob", 1)
    #expect(throws: TransferBatchError.self) {
      try ledger.decide(.transferBatch(from: nil, []), context)
    }
    let tooMany = LedgerCommand.transferBatch(from: nil, Array(repeating: item, count: 1_001))
    #expect { try ledger.decide(tooMany, context) } throws: { ($0 as? any FrameError)?.code == "batch_too_large" }
    let most = LedgerCommand.transferBatch(from: nil, Array(repeating: item, count: 1_000))
    #expect(try ledger.decide(most, context).count == 1_000)
    #expect(most.weight == 1_000)
    #expect(LedgerCommand.burn(.zero, memo: "").weight == 1)
  }

  @Test("the guard finds an account overdrawn by many drafts together, among as many accounts as there are")
  func guardTogether() throws {
    let samples = try EventSamples()
    var ledger = try samples.ledger()
    let names = try (0..<40).map { try AgentName("agent-\($0)") }
    for name in names {
      let event = PBEvent.with { $0.agentRegistered = .with { $0.name = name.text } }
      ledger.evolve(RecordedEvent(event: event, bytes: Data()))
    }
    let actor = SPIFFEID.agent(samples.alice, of: samples.frame)
    let balance = ledger.balance(.liquid(samples.alice))
    let each = balance / 40
    func drafts(last: Int64) -> [EventDraft] {
      names.enumerated().map { index, name in
        let amount = index == 39 ? last : each
        return EventDraft(
          .tokensTransferred(
            .with {
              $0.from = samples.alice.text
              $0.to = name.text
              $0.amount = amount
            }), postings: Postings.move(amount, from: .liquid(samples.alice), to: .liquid(name)))
      }
    }
    let rest = balance - each * 39
    try LedgerGuard<LedgerState>().check(drafts(last: rest), actor: actor, state: ledger)
    #expect(throws: LedgerError.self) {
      try LedgerGuard<LedgerState>().check(drafts(last: rest + 1), actor: actor, state: ledger)
    }
  }
}
