import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameLedger

@Suite struct LedgerGuardTests {
  private static let money: [EventType] = [
    .tokensIssued, .tokensBurned, .tokensTransferred, .holdCreated, .holdCaptured, .holdReleased, .holdExpired,
    .feesCollected, .crossFrameTransferSettled, .crossFrameTransferCompensated,
    .crossRegistryTransferLocked, .crossRegistryTransferCredited, .crossRegistryTransferCompleted,
    .crossRegistryTransferAborted, .tokensBridgeLocked, .wrappedTokensIssued, .wrappedTokensRedeemed,
    .tokensBridgeUnlocked,
  ]
  static let moneyIndices = EventType.all.indices.filter { money.contains(EventType.all[$0]) }
  static let silentIndices = EventType.all.indices.filter { !money.contains(EventType.all[$0]) }

  private let samples: EventSamples
  private let ledger: LedgerState

  init() throws {
    samples = try EventSamples()
    ledger = try samples.ledger()
  }

  private func check(_ index: Int, _ change: (inout [PBPosting]) -> Void) throws {
    let type = EventType.all[index]
    var postings = samples.postings(type)
    change(&postings)
    let actors: [SPIFFEID] = [
      .authority(of: samples.frame), .node(of: samples.frame), .agent(samples.alice, of: samples.frame),
      .node(of: samples.peer),
    ]
    let allowed = EmissionPolicy.standard.rules[type]?.roles ?? []
    // Whoever may emit it, so that only the postings are on trial; an agent's own money is alice's in all samples.
    let actor =
      allowed.contains(.agent)
      ? actors[2]
      : try #require(actors.first { allowed.contains(EmissionPolicy.role(of: $0, in: samples.frame) ?? .peer) })
    try LedgerGuard<LedgerState>().check(
      EventDraft(samples.payloads[index], postings: postings), actor: actor, state: ledger)
  }

  @Test(
    "B14: an event that claims to move money is accepted with exactly the postings it claims", arguments: moneyIndices)
  func exact(index: Int) throws {
    try check(index) { _ in }
  }

  @Test(
    "B14: an event that claims to move money is refused with no postings, less, more, or another's account",
    arguments: moneyIndices)
  func inexact(index: Int) throws {
    let changes: [(String, (inout [PBPosting]) -> Void)] = [
      ("none", { $0 = [] }),
      (
        "one unit less",
        { postings in
          postings[0].amount += 1
          postings[1].amount -= 1
        }
      ),
      (
        "twice as much",
        { postings in
          for index in postings.indices { postings[index].amount *= 2 }
        }
      ),
      (
        "the other way",
        { postings in
          for index in postings.indices { postings[index].amount *= -1 }
        }
      ),
      (
        "another receiver",
        { postings in
          let other = postings[1].owner == "alice" ? samples.bob : samples.alice
          postings[1] = Postings.posting(.liquid(other), postings[1].amount)
        }
      ),
      ("one side only", { $0.removeLast() }),
      (
        "a bystander pays",
        { postings in
          postings += Postings.move(1, from: .liquid(samples.bob), to: .fees)
        }
      ),
    ]
    for (name, change) in changes {
      #expect(throws: LedgerError.self, "\(EventType.all[index]), \(name)") { try check(index, change) }
    }
  }

  @Test("an event that claims to move nothing may move nothing", arguments: silentIndices)
  func silent(index: Int) throws {
    try check(index) { _ in }
    #expect(throws: LedgerError.self) {
      try check(index) { $0 = Postings.move(1, from: .liquid(samples.alice), to: .liquid(samples.bob)) }
    }
  }

  @Test("postings that claim nothing wrong but are malformed are refused")
  func malformed() throws {
    let issued = try #require(EventType.all.firstIndex(of: .tokensIssued))
    let changes: [(String, (inout [PBPosting]) -> Void)] = [
      ("an amount of zero", { $0.append(Postings.posting(.fees, 0)) }),
      ("an unknown kind", { $0[0].kind = .UNRECOGNIZED(77) }), ("no kind", { $0[0].kind = .unspecified }),
      ("an owned treasury", { $0[1].owner = "alice" }),
      ("native money by name", { $0[1].asset = PBAsset(samples.native) }),
      ("foreign money in the treasury", { $0[1].asset = PBAsset(samples.foreign) }),
      ("a malformed asset", { $0[1].asset = .with { $0.code = "?" } }),
      ("very many", { $0 = Array(repeating: $0, count: 9).flatMap { $0 } }),
    ]
    for (name, change) in changes {
      #expect(throws: (any Error).self, "\(name)") { try check(issued, change) }
    }
  }

  @Test("wrapped money never mixes with native money, in either direction")
  func mixing() throws {
    let redeemed = try #require(EventType.all.firstIndex(of: .wrappedTokensRedeemed))
    for asset in [nil, PBAsset(samples.native)] {
      #expect(throws: LedgerError.self) {
        try check(redeemed) { postings in
          for index in postings.indices {
            if let asset { postings[index].asset = asset } else { postings[index].clearAsset() }
          }
        }
      }
    }
    // B17: another origin's asset, or the same code at another scale (B18), is another asset.
    for other in [
      try Asset(origin: FrameID("frame-c.example"), code: "BVT", scale: 3),
      try Asset(origin: samples.peer, code: "BVT", scale: 2),
    ] {
      #expect(throws: LedgerError.self) {
        try check(redeemed) { postings in
          for index in postings.indices { postings[index].asset = PBAsset(other) }
        }
      }
    }
  }

  @Test("what comes home from a lost log moves the lost log's money and no other, as its kind says")
  func comesHome() throws {
    typealias Change = (inout PBFormerLogItemReturned) -> Void
    func check(_ change: Change, _ postings: [PBPosting]) throws {
      var payload = PBFormerLogItemReturned.with {
        $0.peer = samples.peer.name
        $0.log = samples.lost.name
        $0.kind = .wrapped
        $0.itemID = "r1"
        $0.to = "alice"
        $0.amount = 20
        $0.asset = PBAsset(samples.foreign)
      }
      change(&payload)
      try LedgerGuard<LedgerState>().check(
        EventDraft(.formerLogItemReturned(payload), postings: postings), actor: .node(of: samples.frame), state: ledger)
    }
    let wrapped = Postings.move(20, from: .issuance(of: samples.foreign), to: .wrapped(samples.alice, samples.foreign))
    let reserve = Postings.move(20, from: .bridgeReserve(of: samples.lost), to: .liquid(samples.alice))
    try check({ _ in }, wrapped)
    try check({ $0.kind = .lock }, reserve)
    let refused: [(String, Change, [PBPosting])] = [
      ("out of the reserve", { _ in }, reserve), ("a lock, issued", { $0.kind = .lock }, wrapped),
      ("another's", { $0.to = "bob" }, wrapped), ("more", { $0.amount = 21 }, wrapped),
      ("nothing", { $0.amount = 0 }, []), ("no kind", { $0.kind = .unspecified }, wrapped),
      ("a kind of later", { $0.kind = .UNRECOGNIZED(9) }, wrapped), ("no asset", { $0.clearAsset() }, wrapped),
      ("ours", { $0.asset = PBAsset(samples.native) }, wrapped),
      ("another frame's", { $0.asset.origin = "frame-c.example" }, wrapped),
      ("of another log", { $0.log = "frame-c.example+0123456789abcdef" }, wrapped),
    ]
    for (name, change, postings) in refused {
      #expect(throws: LedgerError.self, "\(name)") { try check(change, postings) }
    }
  }

  @Test("an account may be emptied but not overdrawn; clearing may go below zero")
  func overdraft() throws {
    let transfer = { (amount: Int64) in
      EventDraft(
        .tokensTransferred(
          .with {
            $0.from = "alice"
            $0.to = "bob"
            $0.amount = amount
          }), postings: Postings.move(amount, from: .liquid(samples.alice), to: .liquid(samples.bob)))
    }
    let actor = SPIFFEID.agent(samples.alice, of: samples.frame)
    let check = LedgerGuard<LedgerState>()
    try check.check(transfer(1000), actor: actor, state: ledger)
    #expect(
      throws: LedgerError.insufficientFunds(account: "alice:liquid", balance: 1000, needed: 1001, of: samples.native)
    ) {
      try check.check(transfer(1001), actor: actor, state: ledger)
    }
    // The drafts of one command draw on the same balance.
    try check.check([transfer(600), transfer(400)], actor: actor, state: ledger)
    #expect(throws: LedgerError.self) {
      try check.check([transfer(600), transfer(401)], actor: actor, state: ledger)
    }
  }

  @Test("a sum that does not fit in 64 bits is refused, not wrapped around")
  func overflow() throws {
    let issue = EventDraft(
      .tokensIssued(.with { $0.amount = .max }), postings: Postings.move(.max, from: .issuance, to: .treasury))
    #expect(throws: LedgerError.self) {
      try LedgerGuard<LedgerState>().check(issue, actor: .authority(of: samples.frame), state: ledger)
    }
  }

  @Test("money for an agent that does not exist is refused")
  func unknownAgent() throws {
    let grant = EventDraft(
      .tokensTransferred(
        .with {
          $0.to = "nobody"
          $0.amount = 5
        }), postings: Postings.move(5, from: .treasury, to: .liquid(try AgentName("nobody"))))
    #expect(throws: LedgerError.unknownAgent("nobody")) {
      try LedgerGuard<LedgerState>().check(grant, actor: .authority(of: samples.frame), state: ledger)
    }
  }
}
