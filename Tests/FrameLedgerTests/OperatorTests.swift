import Crypto
import Foundation
import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameLedger

@Suite("Operators in the ledger")
struct OperatorTests {
  let fixture: LedgerFixture
  let acme: OperatorName
  let alice: AgentName
  let start = FrameTime(unixNanoseconds: 1_800_000_000_000_000_000)

  init() throws {
    fixture = try LedgerFixture()
    acme = try OperatorName("acme")
    alice = try AgentName("acme.alice")
  }

  private func licence(
    _ name: String = "acme", scopes: Set<LicenceScope> = Set(LicenceScope.allCases), hosts: [OperatorHost] = [],
    days: Int = 30, id: String = "l1"
  ) throws -> OperatorLicence {
    OperatorLicence(
      name: try OperatorName(name), id: id, scopes: scopes, hosts: hosts, issued: start,
      expires: start + .seconds(days * 86_400))
  }

  /// Decides and applies what the authority says.
  private func apply(_ command: OperatorCommand, to state: inout LedgerState, by actor: SPIFFEID? = nil) throws {
    try append(
      state.decide(operators: command, DecisionContext(now: start, actor: actor ?? fixture.authority)),
      by: actor ?? fixture.authority, to: &state)
  }

  private func append(_ drafts: [EventDraft], by actor: SPIFFEID, to state: inout LedgerState) throws {
    try LedgerGuard<LedgerState>().check(drafts, actor: actor, state: state)
    for draft in drafts {
      let event = PBEvent.with {
        $0.timeUnixNs = start.unixNanoseconds
        $0.payload = draft.payload
        $0.postings = draft.postings
      }
      state.evolve(RecordedEvent(event: event, bytes: try event.serializedData()))
    }
  }

  /// A ledger with the operator acme, its agent acme.alice who has money, and bob of the frame.
  private func ledger(scopes: Set<LicenceScope> = Set(LicenceScope.allCases)) throws -> LedgerState {
    var state = fixture.state()
    try apply(.license(licence(scopes: scopes)), to: &state)
    let context = DecisionContext(now: start, actor: fixture.authority)
    for name in [alice, try AgentName("bob")] {
      try append(state.decide(.registerAgent(name, purpose: ""), context), by: fixture.authority, to: &state)
    }
    try append(
      state.decide(.issue(Amount(minorUnits: 1000), memo: ""), context), by: fixture.authority, to: &state)
    try append(
      state.decide(.transfer(from: nil, to: alice, amount: Amount(minorUnits: 1000), memo: ""), context),
      by: fixture.authority, to: &state)
    return state
  }

  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? any FrameError)?.code ?? "\(error)" }
  }

  private var operatorID: SPIFFEID { .ofOperator(acme, in: fixture.frame) }
  private var agentID: SPIFFEID { .agent(alice, of: fixture.frame) }

  @Test("an operator registers its own agents and may emit nothing else, above all no TokensIssued")
  func minting() throws {
    let samples = try EventSamples()
    let state = try ledger()
    let check = LedgerGuard<LedgerState>()
    for (type, payload) in zip(EventType.all, try samples.payloads) {
      let draft = EventDraft(payload, postings: samples.postings(type))
      #expect(code { try check.check(draft, actor: operatorID, state: state) } != nil, "\(type)")
    }
    let own = EventDraft(.agentRegistered(.with { $0.name = "acme.carol" }))
    try check.check(own, actor: operatorID, state: state)
    let foreign = EventDraft(.agentRegistered(.with { $0.name = "globex.carol" }))
    #expect(code { try check.check(foreign, actor: operatorID, state: state) } == "not_your_agent")
    let minted = EventDraft(
      .tokensIssued(.with { $0.amount = 5 }), postings: Postings.move(5, from: .issuance, to: .treasury))
    #expect(code { try check.check(minted, actor: operatorID, state: state) } == "emission_forbidden")
    #expect(code { try check.check(minted, actor: agentID, state: state) } == "emission_forbidden")
  }

  @Test("only the authority licenses, suspends, resumes, releases and removes")
  func authorityOnly() throws {
    let state = try ledger()
    let commands: [OperatorCommand] = [
      .license(try licence("globex")), .renew(try licence()), .suspend(acme, reason: ""), .resume(acme),
      .remove(acme, reason: ""), .release(alice, from: acme),
    ]
    for actor in [operatorID, agentID, fixture.node] {
      for command in commands {
        let context = DecisionContext(now: start, actor: actor)
        #expect(code { _ = try state.decide(operators: command, context) } == "not_authority", "\(command)")
      }
    }
  }

  @Test("a suspension refuses the operator and its agents from the next decision on, and nobody else")
  func suspension() throws {
    var state = try ledger()
    let pay = LedgerCommand.transfer(
      from: alice, to: try AgentName("bob"), amount: Amount(minorUnits: 10), memo: "")
    let context = DecisionContext(now: start, actor: agentID)
    try append(state.decide(pay, context), by: agentID, to: &state)
    try apply(.suspend(acme, reason: "unpaid"), to: &state)
    #expect(state.operators[acme]?.reason == "unpaid")
    // The guard refuses what a room has drafted; the node refuses before any room is asked.
    let drafts = try state.decide(pay, context)
    #expect(code { try LedgerGuard().check(drafts, actor: agentID, state: state) } == "operator_suspended")
    for actor in [agentID, operatorID] {
      #expect(code { try state.operators.admit(actor, at: start) } == "operator_suspended")
    }
    let bob = SPIFFEID.agent(try AgentName("bob"), of: fixture.frame)
    try state.operators.admit(bob, at: start)
    // Money still arrives.
    try append(
      state.decide(
        .transfer(from: try AgentName("bob"), to: alice, amount: Amount(minorUnits: 5), memo: ""),
        DecisionContext(now: start, actor: bob)), by: bob, to: &state)
    try apply(.resume(acme), to: &state)
    try append(state.decide(pay, context), by: agentID, to: &state)
    #expect(state.balance(.liquid(alice)) == 1000 - 20 + 5)
  }

  @Test("a licence that runs out refuses to the moment, and a new one admits again")
  func expiry() throws {
    var state = try ledger()
    let expires = start + .seconds(30 * 86_400)
    let before = FrameTime(unixNanoseconds: expires.unixNanoseconds - 1)
    try state.operators.admit(agentID, at: before)
    #expect(code { try state.operators.admit(agentID, at: expires) } == "operator_expired")
    #expect(state.operators[acme]?.standing(at: expires) == .expired)
    try apply(.renew(licence(days: 60, id: "l2")), to: &state)
    try state.operators.admit(agentID, at: expires)
    #expect(state.operators[acme]?.licence.id == "l2")
  }

  @Test("a renewal does not lift a suspension")
  func renewalOfSuspended() throws {
    var state = try ledger()
    try apply(.suspend(acme, reason: ""), to: &state)
    try apply(.renew(licence(id: "l2")), to: &state)
    #expect(state.operators[acme]?.standing(at: start) == .suspended)
  }

  @Test(
    "what the licence does not cover is refused",
    arguments: [
      ([LicenceScope.agents], "licence_scope_missing", "licence_scope_missing"),
      ([.transfers], nil, "licence_scope_missing"), ([.bridge], "licence_scope_missing", nil),
      ([.transfers, .bridge], nil, nil),
    ])
  func scopes(scopes: [LicenceScope], transfer: String?, bridge: String?) throws {
    let state = try ledger(scopes: Set(scopes))
    let check = LedgerGuard<LedgerState>()
    let peer = try FrameID("frame-b.example")
    let pay = EventDraft(
      .tokensTransferred(
        .with {
          $0.from = alice.text
          $0.to = "bob"
          $0.amount = 10
        }), postings: Postings.move(10, from: .liquid(alice), to: .liquid(try AgentName("bob"))))
    let lock = EventDraft(
      .tokensBridgeLocked(
        .with {
          $0.destination = peer.name
          $0.from = alice.text
          $0.recipient = "bob"
          $0.asset = PBAsset(fixture.native)
          $0.amount = 10
          $0.totals.locked = 10
        }), postings: Postings.move(10, from: .liquid(alice), to: .bridgeReserve(peer)))
    #expect(code { try check.check(pay, actor: agentID, state: state) } == transfer)
    #expect(code { try check.check(lock, actor: agentID, state: state) } == bridge)
    let register = EventDraft(.agentRegistered(.with { $0.name = "acme.new" }))
    let expected = scopes.contains(.agents) ? nil : "licence_scope_missing"
    #expect(code { try check.check(register, actor: operatorID, state: state) } == expected)
  }

  @Test("an operator whose agent has money is not removed; released, the agent is the frame's own and keeps it")
  func removal() throws {
    var state = try ledger()
    #expect(code { try apply(.remove(acme, reason: "over"), to: &state) } == "operator_has_money")
    try apply(.suspend(acme, reason: ""), to: &state)
    #expect(code { try apply(.release(try AgentName("bob"), from: acme), to: &state) } == "not_your_agent")
    try apply(.release(alice, from: acme), to: &state)
    try state.operators.admit(agentID, at: start)
    try apply(.remove(acme, reason: "over"), to: &state)
    #expect(state.operators[acme]?.standing(at: start) == .removed)
    #expect(code { try state.operators.admit(operatorID, at: start) } == "operator_removed")
    #expect(state.balance(.liquid(alice)) == 1000)
    // Its name stays its own: nobody becomes an agent of a removed operator.
    let context = DecisionContext(now: start, actor: fixture.authority)
    let late = LedgerCommand.registerAgent(try AgentName("acme.late"), purpose: "")
    #expect(code { _ = try state.decide(late, context) } == "operator_removed")
    for command in [OperatorCommand.resume(acme), .suspend(acme, reason: ""), .renew(try licence())] {
      #expect(code { try apply(command, to: &state) } == "operator_removed")
    }
    try apply(.license(licence(id: "l3")), to: &state)
    try state.operators.admit(operatorID, at: start)
    #expect(state.operators[acme]?.owns(alice) == false)
  }

  @Test("names and host names are never two operators'")
  func names() throws {
    var state = try ledger()
    #expect(code { try apply(.license(licence()), to: &state) } == "operator_exists")
    let context = DecisionContext(now: start, actor: fixture.authority)
    try append(
      state.decide(.registerAgent(try AgentName("globex.old"), purpose: ""), context), by: fixture.authority,
      to: &state)
    #expect(code { try apply(.license(licence("globex")), to: &state) } == "operator_name_taken")
    let host = OperatorHost(name: "Shop.example", upstream: "127.0.0.1:9000")
    try apply(.renew(licence(hosts: [host])), to: &state)
    #expect(code { try apply(.license(licence("initech", hosts: [host])), to: &state) } == "host_name_taken")
    #expect(state.operators[acme]?.licence.hosts.map(\.name) == ["shop.example"])
    for text in ["", "a.b", "-a", "A", "a_b", String(repeating: "a", count: 33)] {
      #expect(throws: IdentifierError.self, "\(text)") { try OperatorName(text) }
    }
  }

  @Test("a licence needs a scope, an end within three years, and host names that are some")
  func invalid() throws {
    var state = fixture.state()
    let bad = [
      try licence(scopes: []), try licence(days: 0), try licence(days: 1097), try licence(id: ""),
      try licence(hosts: [.init(name: "a b", upstream: "x:1")]), try licence(hosts: [.init(name: "a", upstream: "")]),
      try licence(hosts: [.init(name: "a", upstream: "x:1"), .init(name: "A", upstream: "x:2")]),
      try licence(hosts: (0...16).map { .init(name: "h\($0)", upstream: "x:1") }),
    ]
    for licence in bad { #expect(code { try apply(.license(licence), to: &state) } == "invalid_licence", "\(licence)") }
    #expect(state.operators.all.isEmpty)
  }

  @Test("the licence document verifies offline with the frame's key, within its time, and not when a byte is changed")
  func document() throws {
    let licence = try licence(
      scopes: [.agents, .transfers], hosts: [.init(name: "acme.example", upstream: "127.0.0.1:9643")])
    let text = licence.document(by: fixture.signer)
    let key = fixture.signer.verifierKey
    let verified = try VerifiedLicence(Data(text.utf8), key: key, at: start)
    #expect(verified.frame == fixture.frame && verified.name == acme && verified.id == "l1")
    #expect(verified.spiffeID == operatorID)
    #expect(verified.scopes == [.agents, .transfers] && verified.hosts == ["acme.example"])
    #expect(verified.expires == licence.expires && verified.issued == licence.issued)
    #expect(!text.contains("9643"), "the upstream is the frame's own business")

    func refusal(_ document: String, _ key: LogVerifierKey = key, at time: FrameTime? = nil) -> String? {
      code { _ = try VerifiedLicence(Data(document.utf8), key: key, at: time ?? start) }
    }
    #expect(refusal(text, at: start - .seconds(1)) == "licence_not_valid_now")
    #expect(refusal(text, at: licence.expires) == "licence_not_valid_now")
    #expect(refusal(text.replacing("acme.example", with: "evil.example")) == "licence_unverified")
    #expect(refusal(text.replacing("scopes: agents", with: "scopes: agents bridge")) == "licence_unverified")
    let other = LogSigner(name: fixture.frame.name, privateKey: Curve25519.Signing.PrivateKey())
    #expect(refusal(licence.document(by: other)) == "licence_unverified")
    // What the same key signs as a log is no licence, and another frame's licence is not this frame's.
    #expect(refusal(fixture.signer.sign(note: "frame-a.example\n1\nAAAA\n")) == "licence_unverified")
    let stranger = LogSigner(name: "frame-b.example", privateKey: fixture.key)
    #expect(
      refusal(
        stranger.sign(note: String(text[..<text.firstRange(of: "\n\n")!.lowerBound]) + "\n"), stranger.verifierKey)
        == "licence_unverified")
  }
}
