import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import FrameProtos
import Logging
import Testing

@testable import FrameLedger

@Suite struct HoldTests {
  private let fixture: LedgerFixture
  private let alice: AgentName
  private let bob: AgentName
  private let carol: AgentName

  init() throws {
    fixture = try LedgerFixture()
    (alice, bob, carol) = (try AgentName("alice"), try AgentName("bob"), try AgentName("carol"))
  }

  /// A writer whose alice has 1,000 minor units.
  private func populated() async throws -> Writer<LedgerState> {
    let writer = try fixture.writer()
    for command in [
      LedgerCommand.registerAgent(alice, purpose: ""), .registerAgent(bob, purpose: ""),
      .registerAgent(carol, purpose: ""), .issue(Amount(minorUnits: 5_000), memo: ""),
      .transfer(from: nil, to: alice, amount: Amount(minorUnits: 1_000), memo: ""),
    ] {
      _ = try await writer.submit(fixture.command(command, by: fixture.authority))
    }
    return writer
  }

  private func create(
    _ writer: Writer<LedgerState>, _ id: String = "h1", payee: AgentName?, amount: Int64 = 300, seconds: Int64 = 60
  ) async throws {
    let command = LedgerCommand.createHold(
      id: id, from: alice, payee: payee, amount: Amount(minorUnits: amount), expiry: .after(.seconds(seconds)),
      memo: "m")
    _ = try await writer.submit(fixture.command(command, by: fixture.agent("alice")))
  }

  private func submit(_ writer: Writer<LedgerState>, _ command: LedgerCommand, by actor: SPIFFEID) async throws {
    _ = try await writer.submit(fixture.command(command, by: actor))
  }

  private func code(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? any FrameError)?.code ?? "\(error)"
    }
  }

  private func balances(_ writer: Writer<LedgerState>) async throws -> [Int64] {
    let (alice, bob) = (alice, bob)
    return try await writer.read { [$0.balance(.liquid(alice)), $0.balance(.held(alice)), $0.balance(.liquid(bob))] }
  }

  private func capture(
    _ amount: Int64? = nil, to: AgentName? = nil, keepRest: Bool = false, _ id: String = "h1"
  ) -> LedgerCommand {
    .captureHold(
      id: id, amount: amount.map { Amount(minorUnits: $0) }, to: to, keepRest: keepRest, memo: "")
  }

  @Test("B2: a hold is captured in parts, and what the last capture leaves goes back to its owner")
  func capturedInParts() async throws {
    let writer = try await populated()
    try await create(writer, payee: bob)
    #expect(try await balances(writer) == [700, 300, 0])
    try await submit(writer, capture(100, keepRest: true), by: try fixture.agent("bob"))
    #expect(try await balances(writer) == [700, 200, 100])
    #expect(await code { try await submit(writer, capture(201), by: try fixture.agent("bob")) } == "hold_exceeded")
    try await submit(writer, capture(150), by: try fixture.agent("bob"))
    #expect(try await balances(writer) == [750, 0, 250])
    let hold = try #require(try await writer.read { $0.holds.hold("h1") })
    #expect(hold.ending == .captured && hold.captured == 250 && hold.remaining == 0)
    for command in [capture(), .releaseHold(id: "h1", reason: "")] {
      #expect(await code { try await submit(writer, command, by: try fixture.agent("bob")) } == "hold_ended")
    }
    #expect(try LogAudit.run(directory: fixture.directory, frame: fixture.frame).isClean)
    await writer.shutdown()
  }

  @Test("B2: a hold whose time is over is not captured any more, and the keeper returns its money once")
  func expires() async throws {
    let writer = try await populated()
    try await create(writer, payee: bob, seconds: 60)
    try await create(writer, "h2", payee: nil, amount: 50, seconds: 600)
    let keeper = HoldExpiryService(
      frame: fixture.frame, writer: PlainLedgerWriter(writer: writer), clock: fixture.clock,
      metrics: LedgerMetrics(fixture.registry), logger: Logger(label: "test"))
    #expect(try await keeper.endOverdue() == 0)
    fixture.clock.set(fixture.clock.now() + .seconds(60))
    #expect(await code { try await submit(writer, capture(), by: try fixture.agent("bob")) } == "hold_expired")
    #expect(try await keeper.endOverdue() == 1)
    #expect(try await keeper.endOverdue() == 0)
    #expect(try await balances(writer) == [950, 50, 0])
    #expect(try await writer.read { $0.holds.hold("h1")?.ending } == .expired)
    #expect(try LogAudit.run(directory: fixture.directory, frame: fixture.frame).openHolds == 1)
    await writer.shutdown()
  }

  @Test("B2: whoever releases a hold whose time is over has it expire")
  func releasedLate() async throws {
    let writer = try await populated()
    try await create(writer, payee: bob, seconds: 60)
    fixture.clock.set(fixture.clock.now() + .seconds(61))
    // Before its time the owner could not have: the payee has its promise.
    try await submit(writer, .releaseHold(id: "h1", reason: ""), by: try fixture.agent("alice"))
    #expect(try await writer.read { $0.holds.hold("h1")?.ending } == .expired)
    #expect(try await balances(writer) == [1_000, 0, 0])
    await writer.shutdown()
  }

  @Test("only those may touch a hold whom it concerns, each in its own way")
  func parties() async throws {
    let writer = try await populated()
    try await create(writer, payee: bob)
    try await create(writer, "own", payee: nil)
    let (a, b, c) = (try fixture.agent("alice"), try fixture.agent("bob"), try fixture.agent("carol"))
    let cases: [(String?, LedgerCommand, SPIFFEID)] = [
      ("unknown_hold", capture(10), c), ("unknown_hold", .releaseHold(id: "h1", reason: ""), c),
      ("unknown_hold", capture(10, "none"), b), ("not_your_hold", .releaseHold(id: "h1", reason: ""), a),
      ("hold_payee", capture(10, to: carol), a), ("hold_payee", capture(10, to: carol), fixture.authority),
      // Without a payee the authority moves nobody's money, and the owner says to whom.
      ("not_your_hold", capture(10, to: bob, "own"), fixture.authority), ("hold_payee", capture(10, "own"), a),
      ("same_account", capture(10, to: alice, "own"), a), ("unknown_hold", capture(10, to: bob, "own"), b),
      ("amount_not_positive", capture(0), b), ("not_authority", .expireHold(id: "h1"), a),
      (nil, capture(10, keepRest: true), a), (nil, capture(10, keepRest: true), b),
      (nil, capture(10, keepRest: true), fixture.authority), (nil, capture(10, to: carol, keepRest: true, "own"), a),
      (nil, .releaseHold(id: "own", reason: ""), a), (nil, .releaseHold(id: "h1", reason: "sold out"), b),
    ]
    for (expected, command, actor) in cases {
      #expect(await code { try await submit(writer, command, by: actor) } == expected, "\(command) by \(actor)")
    }
    #expect(try await balances(writer) == [960, 0, 30])
    await writer.shutdown()
  }

  @Test("who may not is told who may")
  func remedies() async throws {
    let writer = try await populated()
    try await create(writer, payee: bob)
    try await create(writer, "own", payee: nil)
    let take = await remedy { try await submit(writer, capture(10, to: bob, "own"), by: fixture.authority) }
    #expect(take.contains("only its owner may capture it"))
    let back = await remedy {
      try await submit(writer, .releaseHold(id: "h1", reason: ""), by: try fixture.agent("alice"))
    }
    #expect(back.contains("its payee or the authority may release it"))
    await writer.shutdown()
  }

  @Test("when it is the treasury that is short, it is told how money comes there")
  func treasuryIsShort() async throws {
    let writer = try await populated()
    let command = LedgerCommand.burn(Amount(minorUnits: 1_000_000), memo: "")
    let remedy = await remedy { try await submit(writer, command, by: fixture.authority) }
    #expect(remedy.contains("frame issue"))
    await writer.shutdown()
  }

  private func remedy(_ body: () async throws -> Void) async -> String {
    do { try await body() } catch { return (error as? any FrameError)?.remedy ?? "" }
    return ""
  }

  @Test("a hold is refused without funds, without an end, for nobody, for oneself, or with an id that is taken")
  func refusals() async throws {
    let writer = try await populated()
    try await create(writer, payee: bob)
    let actor = try fixture.agent("alice")
    func hold(
      _ id: String = "h2", payee: String? = "bob", amount: Int64 = 1, expiry: HoldExpiry = .after(.seconds(1))
    ) throws -> LedgerCommand {
      .createHold(
        id: id, from: alice, payee: try payee.map { try AgentName($0) }, amount: Amount(minorUnits: amount),
        expiry: expiry, memo: "")
    }
    let cases: [(String, LedgerCommand, SPIFFEID)] = [
      ("hold_id_in_use", try hold("h1"), actor), ("insufficient_funds", try hold(amount: 701), actor),
      ("amount_not_positive", try hold(amount: 0), actor), ("same_account", try hold(payee: "alice"), actor),
      ("unknown_agent", try hold(payee: "nobody"), actor), ("not_owner", try hold(), try fixture.agent("bob")),
      ("not_owner", try hold(), fixture.authority),
      ("invalid_hold_expiry", try hold(expiry: .after(.zero)), actor),
      ("invalid_hold_expiry", try hold(expiry: .at(fixture.clock.now())), actor),
      ("invalid_hold_expiry", try hold(expiry: .after(.seconds(367 * 86_400))), actor),
      ("invalid_hold_expiry", try hold(expiry: .at(FrameTime(unixNanoseconds: .max))), actor),
      ("invalid_hold_expiry", try hold(expiry: .after(.seconds(-5))), actor),
    ]
    for (expected, command, actor) in cases {
      #expect(await code { try await submit(writer, command, by: actor) } == expected, "\(command)")
    }
    await writer.shutdown()
  }

  @Test("B2: what is held for a hold is not for a two-phase transfer to spend, nor the other way round")
  func apart() throws {
    let samples = try EventSamples()
    let ledger = try samples.ledger()
    let check = LedgerGuard<LedgerState>()
    // 1,000 are held, 100 of them for the hold.
    func aborted(_ amount: Int64) -> EventDraft {
      var terms = samples.outgoing
      terms.amount = amount
      return EventDraft(
        .crossRegistryTransferAborted(.with { $0.terms = terms }),
        postings: Postings.move(amount, from: .held(samples.alice), to: .liquid(samples.alice)))
    }
    try check.check(aborted(900), actor: .node(of: samples.frame), state: ledger)
    #expect(throws: LedgerError.insufficientFunds(account: "alice:held", balance: 900, needed: 901, of: samples.native))
    {
      try check.check(aborted(901), actor: .node(of: samples.frame), state: ledger)
    }
    func captured(_ amount: Int64, released: Int64 = 0, from: String = "alice", to: AgentName? = nil) -> EventDraft {
      let to = to ?? samples.bob
      var postings = [
        Postings.posting(.held(samples.alice), -amount - released), Postings.posting(.liquid(to), amount),
      ]
      if released > 0 { postings.append(Postings.posting(.liquid(samples.alice), released)) }
      return EventDraft(
        .holdCaptured(
          .with {
            $0.holdID = "open"
            $0.from = from
            $0.to = to.text
            $0.amount = amount
            $0.released = released
          }), postings: postings)
    }
    let payee = SPIFFEID.agent(samples.bob, of: samples.frame)
    try check.check(captured(60, released: 40), actor: payee, state: ledger)
    try check.check(captured(60), actor: payee, state: ledger)
    let wrong: [[EventDraft]] = [
      [captured(101)], [captured(60, released: 41)], [captured(60, released: 39)], [captured(50), captured(50)],
    ]
    for drafts in wrong {
      #expect(throws: LedgerError.self) { try check.check(drafts, actor: payee, state: ledger) }
    }
    #expect(throws: LedgerError.self) {
      try check.check(
        captured(10), actor: .agent(try AgentName("carol"), of: samples.frame), state: ledger)
    }
  }

  @Test("ended holds are remembered up to a limit, and the queue of the open ones stays small")
  func bounded() throws {
    var book = HoldBook()
    let count = HoldLimits.endedKept + 50
    for index in 0..<count {
      let created = PBEvent.with {
        $0.position = UInt64(index)
        $0.holdCreated = .with {
          $0.holdID = "h\(index)"
          $0.from = "alice"
          $0.amount = 5
          $0.expiresUnixNs = Int64(index % 7) + 100
        }
      }
      book.evolve(RecordedEvent(event: created, bytes: Data()))
      guard index % 100 != 0 else { continue }
      let ended = PBEvent.with {
        $0.holdReleased = .with {
          $0.holdID = "h\(index)"
          $0.from = "alice"
          $0.amount = 5
        }
      }
      book.evolve(RecordedEvent(event: ended, bytes: Data()))
    }
    let open = (count + 99) / 100
    #expect(book.openCount == open && book.total == Int64(open) * 5 && book.amount(of: "alice") == book.total)
    #expect(book.all.count <= HoldLimits.endedKept + open)
    #expect(book.hold("h\(count - 1)")?.ending == .released)
    let due = book.expired(at: FrameTime(unixNanoseconds: 103), limit: .max)
    #expect(Set(due) == Set((0..<count).filter { $0 % 100 == 0 && $0 % 7 <= 3 }.map { "h\($0)" }))
    #expect(book.expired(at: FrameTime(unixNanoseconds: 1_000), limit: 3).count == 3)
    #expect(book.expired(at: FrameTime(unixNanoseconds: 99), limit: 3).isEmpty)
    #expect(book.open(concerning: alice).count == open)
  }
}
