import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import Testing

@testable import FrameLedger

/// What the clients of a small frame do in three short lives of its writer, on a disk that may fail, and what they were told.
struct FaultRun {
  struct Order: Sendable {
    let key: IdempotencyKey
    let command: LedgerCommand
    let actor: SPIFFEID

    var envelope: CommandEnvelope<LedgerCommand> {
      CommandEnvelope(command, actor: actor, key: key, digest: command.digest)
    }
  }

  private enum Step {
    /// In one call: one commit.
    case together([Order])
    /// Each by a client of its own, at the same time.
    case apart([Order])
    case checkpoint
    case snapshot
    case restart
  }

  static let policy = SnapshotPolicy(everyEvents: 1_000_000, program: "test", restFactor: 0)

  let fixture: LedgerFixture
  let disk: FaultDisk
  private let steps: [Step]
  /// What the clients were told has happened.
  private(set) var answered: [String: CommandEvents] = [:]
  private(set) var signed: [SignedCheckpoint] = []
  /// How many calls, openings included, failed.
  private(set) var failures = 0

  init() throws {
    let fixture = try LedgerFixture()
    self.fixture = fixture
    disk = try FaultDisk(fixture.directory)
    let (alice, bob) = (try AgentName("alice"), try AgentName("bob"))
    var number = 0
    func order(_ command: LedgerCommand, by name: String? = nil) throws -> Order {
      number += 1
      let actor = try name.map { try fixture.agent($0) } ?? fixture.authority
      return Order(key: try IdempotencyKey("order-\(number)", caller: actor), command: command, actor: actor)
    }
    func pay(_ amount: Int64) throws -> Order {
      try order(.transfer(from: alice, to: bob, amount: Amount(minorUnits: amount), memo: ""), by: "alice")
    }
    func batch(_ count: Int) throws -> Order {
      let items = (1...count).map { TransferItem(to: bob, amount: Amount(minorUnits: Int64($0)), memo: "one of many") }
      return try order(.transferBatch(from: alice, items), by: "alice")
    }
    steps = [
      .together([try order(.foundFrame(logVerifierKey: fixture.signer.verifierKey.text))]),
      .together([
        try order(.registerAgent(alice, purpose: "")), try order(.registerAgent(bob, purpose: "")),
        try order(.issue(Amount(minorUnits: 100_000), memo: "")),
      ]),
      .together([
        try order(.transfer(from: nil, to: alice, amount: Amount(minorUnits: 50_000), memo: "")), try batch(40),
      ]),
      .checkpoint,
      .apart([try pay(1), try pay(2), try pay(3), try pay(4)]),
      .restart,
      .together([try pay(5)]),
      .snapshot,
      .together([try batch(20), try order(.burn(Amount(minorUnits: 77), memo: ""))]),
      .checkpoint,
      .restart,
      .together([try pay(6)]),
      .checkpoint,
    ]
  }

  /// In the order in which the clients give them.
  var orders: [Order] {
    steps.flatMap { step -> [Order] in
      switch step {
      case .together(let orders), .apart(let orders): orders
      case .checkpoint, .snapshot, .restart: []
      }
    }
  }

  mutating func run() async {
    var writer = open()
    for step in steps {
      switch step {
      case .restart:
        await writer?.shutdown()
        writer = open()
      case .checkpoint:
        guard let writer, let note = try? await writer.checkpoint() else { continue }
        signed.append(note)
      case .snapshot: _ = try? await writer?.makeSnapshot()
      case .together(let orders): await submit(orders, writer)
      case .apart(let orders): await submitApart(orders, writer)
      }
    }
    await writer?.shutdown()
  }

  /// The clients ask once more for what they have no answer to, and somebody for a checkpoint; nothing new is ordered.
  mutating func answer(from writer: Writer<LedgerState>) async {
    for order in orders where answered[order.key.text] == nil {
      // Only what has happened already: what is new would be synced, and what was recovered with it.
      guard let committed = try? await writer.committed(key: order.key) else { continue }
      answered[order.key.text] = committed.events
    }
    if let note = try? await writer.checkpoint() { signed.append(note) }
  }

  private mutating func open() -> Writer<LedgerState>? {
    do {
      return try fixture.writer(snapshots: Self.policy)
    } catch {
      #expect(error is LogError, "\(error)")
      failures += 1
      return nil
    }
  }

  private mutating func submit(_ orders: [Order], _ writer: Writer<LedgerState>?) async {
    guard let writer else { return }
    let hadFailed = disk.hasFailed
    let results = await writer.submit(contentsOf: orders.map(\.envelope))
    note(orders, results)
    guard !hadFailed, disk.hasFailed else { return }
    // The write that failed was theirs: none of them is told that it was done.
    for result in results { #expect(throws: LogError.self) { try result.get() } }
    await expectStopped(writer)
  }

  private mutating func submitApart(_ orders: [Order], _ writer: Writer<LedgerState>?) async {
    guard let writer else { return }
    let hadFailed = disk.hasFailed
    let results = await withTaskGroup(of: (Int, Result<Committed, any Error>).self) { group in
      for (index, order) in orders.enumerated() {
        group.addTask {
          do { return (index, .success(try await writer.submit(order.envelope))) } catch {
            return (index, .failure(error))
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    note(results.map { orders[$0.0] }, results.map(\.1))
    guard !hadFailed, disk.hasFailed else { return }
    #expect(results.contains { if case .failure = $0.1 { true } else { false } })
    await expectStopped(writer)
  }

  private mutating func note(_ orders: [Order], _ results: [Result<Committed, any Error>]) {
    for (order, result) in zip(orders, results) {
      switch result {
      case .success(let committed): answered[order.key.text] = committed.events
      case .failure: failures += 1
      }
    }
  }

  /// The node ends: nothing is answered any more, whatever the disk does now.
  private func expectStopped(_ writer: Writer<LedgerState>) async {
    await #expect(throws: LogError.self) { try await writer.read { $0.balance(.treasury) } }
    for order in orders.prefix(1) {
      await #expect(throws: LogError.self) { try await writer.submit(order.envelope) }
    }
    await #expect(throws: LogError.self) { try await writer.run() }
  }

  // MARK: Afterwards

  /// What must be true of a log on a sound disk, whatever happened to the one that it was on.
  func check(_ image: URL, _ what: Comment) async throws {
    defer { try? FileManager.default.removeItem(at: image) }
    let writer: Writer<LedgerState>
    do { writer = try fixture.writer(in: image, snapshots: Self.policy) } catch {
      Issue.record("\(what): it does not open: \(error)")
      return
    }
    for (key, events) in answered {
      #expect(try await writer.committed(key: IdempotencyKey(derived: key))?.events == events, what)
    }
    // Whoever got no answer asks again with the same key; whatever had happened then, it happens once.
    let results = await writer.submit(contentsOf: orders.map(\.envelope))
    for (order, result) in zip(orders, results) {
      let committed = try result.get()
      #expect(answered[order.key.text] == nil || committed.replayed, what)
    }
    let last = try await writer.checkpoint()
    for note in signed {
      let proof = try await writer.consistencyProof(from: note.size, to: last.size)
      #expect(
        MerkleProof.isConsistent(
          first: note.size, firstRoot: try #require(MerkleHash(note.root)), second: last.size,
          secondRoot: try #require(MerkleHash(last.root)), proof: proof.compactMap { MerkleHash($0) }), what)
    }
    let balances = try await writer.read { state in
      try [.treasury, .liquid(AgentName("alice")), .liquid(AgentName("bob"))].map { state.balance($0) }
    }
    // 1 + … + 40, 1 + … + 20 and 1 + … + 6 were paid, and 77 burned.
    let paid: Int64 = 820 + 210 + 21
    #expect(balances == [50_000 - 77, 50_000 - paid, paid], what)
    await writer.shutdown()
    let report = try LogAudit.run(directory: image, key: fixture.signer.verifierKey)
    #expect(report.isClean, "\(what): \(report.findings)")
    #expect(report.size == 72 && report.checkpoint == last, what)
    #expect(report.statement.delta == 0 && report.worstDelta == 0, what)
  }
}
