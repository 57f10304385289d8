import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import FrameTesting
import Testing

@testable import FrameTreaty

@Suite("Amending treaties", .timeLimit(.minutes(5)))
struct AmendmentTests {
  let a = Names.a
  let b = Names.b

  @Test("a proposal changes nothing until it is accepted, then both hold the same text; both events are on both logs")
  func accepted() throws {
    var simulator = TreatySimulator.established()
    let before = try #require(simulator.treaty(0))
    simulator.propose(0)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.ours.terms == before.ours.terms)
    #expect(simulator.treaty(1)?.received?.state == .pending)
    simulator.decide(1, accept: true)
    // In force at once where it was accepted.
    #expect(simulator.treaty(1)?.revision == 1)
    #expect(simulator.treaty(0)?.revision == 0)
    simulator.settle(.seconds(300))
    let (atA, atB) = (try #require(simulator.treaty(0)), try #require(simulator.treaty(1)))
    #expect(atA.revision == 1 && atA.document == atB.document)
    #expect(atA.ours.terms.netDebitCap == atB.theirs.terms.netDebitCap)
    #expect(atA.ours.terms != before.ours.terms)
    #expect(try TreatyDocument.inspect(atA.document).text.contains("\nrevision 1\n"))
    for node in simulator.nodes {
      #expect(node.book.types.suffix(2) == ["TreatyAmendmentProposed", "TreatyAmendmentAccepted"])
    }
  }

  @Test("only the authority proposes and decides, and a peer speaks for itself alone")
  func actors() throws {
    var simulator = TreatySimulator.established()
    simulator.propose(0)
    simulator.settle(.seconds(300))
    let id = try #require(simulator.treaty(1)?.received).id
    var book = simulator.nodes[1].book
    #expect(throws: FederationError.notAuthority(b.node)) {
      try book.run(.amendment(peer: a, .accept(id: id, document: Data())), as: b.node)
    }
    #expect(throws: FederationError.notAuthority(a.node)) {
      try book.run(.amendment(peer: a, .reject(id: id, reason: "")), as: a.node)
    }
    #expect(throws: FederationError.notThePeer(Names.c.node, peer: a)) {
      try book.run(
        .amendment(peer: a, .withdraw(treatyID: "i1", id: id, number: 1, reason: "")), as: Names.c.node)
    }
    // A text that the proposer has not signed, or that says something else, is no acceptance.
    #expect(throws: FederationError.self) {
      try book.run(
        .amendment(peer: a, .accept(id: id, document: try #require(simulator.treaty(1)).document)), as: b.authority)
    }
    #expect(book.state.treaty(a)?.revision == 0)
  }

  @Test("B5: a proposal that arrives after its withdrawal is answered as withdrawn and never decided")
  func withdrawalOvertakes() throws {
    var simulator = TreatySimulator.established()
    simulator.propose(0)
    let late = simulator.requests
    simulator.requests = []
    simulator.withdraw(0)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.proposed?.state == .withdrawn)
    simulator.requests = late
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(1)?.received?.state == .withdrawn)
    simulator.decide(1, accept: true)
    #expect(simulator.treaty(1)?.revision == 0)
  }

  @Test("a withdrawal that finds the proposal accepted ends as accepted")
  func tooLate() throws {
    var simulator = TreatySimulator.established()
    simulator.propose(0)
    simulator.settle(.seconds(300))
    simulator.decide(1, accept: true)
    simulator.requests = []
    simulator.withdraw(0)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.proposed?.state == .accepted)
    #expect(simulator.treaty(0)?.revision == 1)
  }

  @Test("what nobody decides in time is over on both sides, by the decider's word")
  func lapses() throws {
    var simulator = TreatySimulator.established()
    simulator.propose(0, lifetime: .seconds(5))
    simulator.settle()
    #expect(simulator.treaty(0)?.proposed?.state == .rejected)
    #expect(simulator.treaty(0)?.proposed?.reason == "lapsed")
    #expect(simulator.treaty(1)?.received?.state == .rejected)
  }

  @Test("proposals that cross leave the lesser frame's, and the other operator's falls away")
  func crossing() throws {
    var simulator = TreatySimulator.established()
    simulator.propose(0)
    simulator.propose(1)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.proposed?.state == .pending)
    #expect(simulator.treaty(1)?.received?.state == .pending)
    #expect(simulator.treaty(1)?.proposed?.state == .rejected)
    #expect(simulator.treaty(1)?.proposed?.reason == "crossed")
    simulator.decide(1, accept: true)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.document == simulator.treaty(1)?.document)
  }

  @Test("a revoke ends what is open, and nothing of it counts in a treaty made later")
  func revoked() throws {
    var simulator = TreatySimulator.established()
    simulator.propose(0)
    simulator.settle(.seconds(300))
    var book = simulator.nodes[1].book
    let id = try #require(book.state.treaty(a)?.received).id
    try book.run(.revoke(peer: a, reason: ""), as: b.authority)
    #expect(book.state.treaty(a)?.received?.state == .withdrawn)
    #expect(throws: FederationError.notEstablished(a, state: "revoked")) {
      try book.run(.amendment(peer: a, .accept(id: id, document: Data())), as: b.authority)
    }
  }

  @Test("an amendment must change something, keep the rules, and be of the next revision")
  func invalid() throws {
    let simulator = TreatySimulator.established()
    let treaty = try #require(simulator.treaty(0))
    var book = simulator.nodes[0].book
    func offer(_ change: (inout AmendmentOffer) -> Void) throws -> FederationCommand {
      var offer = AmendmentOffer(
        treatyID: treaty.invitationID, id: "x", number: 1, revision: 1, ours: treaty.ours.terms,
        theirs: treaty.theirs.terms, document: Data(), expires: start + .seconds(60), note: "")
      change(&offer)
      offer.document = try treaty.document(revision: 1, ours: offer.ours, theirs: offer.theirs)
        .signed(by: logSigner(a))
      return .amendment(peer: b, .propose(offer))
    }
    #expect(throws: FederationError.amendmentInvalid("it changes nothing")) {
      try book.run(try offer { _ in }, as: a.authority)
    }
    #expect(throws: FederationError.self) {
      try book.run(try offer { $0.ours.subscriptions = ["Everything"] }, as: a.authority)
    }
    #expect(throws: FederationError.self) { try book.run(try offer { $0.theirs.bridgeCap = -1 }, as: a.authority) }
    #expect(throws: FederationError.amendmentBehind(b)) {
      try book.run(
        try offer {
          $0.ours.bridgeCap = 1
          $0.revision = 2
        }, as: a.authority)
    }
    #expect(throws: Never.self) { try book.run(try offer { $0.ours.bridgeCap = 1 }, as: a.authority) }
  }

  @Test("B21: a peer can bring a bounded number of proposals an hour")
  func bounded() throws {
    var simulator = TreatySimulator.established()
    for _ in 0..<FederationState.amendmentsPerHourMax {
      simulator.propose(0)
      simulator.withdraw(0)
      while !simulator.requests.isEmpty { simulator.deliver(simulator.requests.count - 1) }
      while !simulator.replies.isEmpty { simulator.reply(0, lost: false) }
    }
    simulator.late = []
    simulator.propose(0)
    simulator.deliver(0)
    #expect(simulator.replies.last?.outcome == .refused(code: "too_many_amendments"))
  }

  @Test("over the network: propose, accept, and the same signed text and terms on both sides")
  func network() async throws {
    let (a, b) = try await TestFrame.federated()
    var changes = TermChanges()
    changes.netDebitCap = 7_777
    let proposed = try await a.federation.propose(
      to: b.id, ours: changes, theirs: TermChanges(), note: "more", actor: .authority(of: a.id), key: try a.key())
    try await eventually("the proposal arrives") {
      try await b.federation.treaty(a.id).received?.id == proposed.id
    }
    _ = try await b.federation.acceptAmendment(proposed.id, of: a.id, actor: .authority(of: b.id), key: try b.key())
    try await eventually("the proposer hears of it") { try await a.federation.treaty(b.id).revision == 1 }
    let (atA, atB) = (try await a.federation.treaty(b.id), try await b.federation.treaty(a.id))
    #expect(atA.document == atB.document)
    #expect(atA.terms.netDebitCap == 7_777 && atB.theirs.terms.netDebitCap == 7_777)
    #expect(a.directory.treaty(b.id)?.terms.netDebitCap == 7_777)
    #expect(
      a.sample("frame_peer_amendments_total", ["peer": b.id.name, "direction": "outgoing", "result": "accepted"]) == 1)
    #expect(
      b.sample("frame_peer_amendments_total", ["peer": a.id.name, "direction": "incoming", "result": "accepted"]) == 1)
    #expect(b.sample("frame_peer_treaty_revision", ["peer": a.id.name]) == 1)
    #expect(b.sample("frame_peer_amendments_open", ["peer": a.id.name, "direction": "incoming"]) == 0)
    // The other way round, withdrawn and rejected.
    changes.netDebitCap = 8_888
    let second = try await b.federation.propose(
      to: a.id, ours: changes, theirs: TermChanges(), note: "", actor: .authority(of: b.id), key: try b.key())
    let ended = try await b.federation.withdrawAmendment(
      second.id, from: a.id, reason: "a mistake", actor: .authority(of: b.id))
    #expect(ended.state == .withdrawn)
    try await eventually("the withdrawal is on record at the decider") {
      try await a.federation.treaty(b.id).received?.state == .withdrawn
    }
    await a.stop()
    await b.stop()
  }

  @Test("a repin of a frame whose log key is gone too is refused: it needs a new treaty (issue 8, R2)")
  func repinOfAnotherLog() async throws {
    let (a, b) = try await TestFrame.federated()
    let (ports, pinned) = (b.ports, try #require(a.directory.treaty(b.id)))
    await b.stop()
    let rebuilt = try await TestFrame(
      b.id, ports: ports, log: LogSigner(name: b.id.name, privateKey: .init()))
    await #expect {
      _ = try await a.federation.repin(
        b.id, fingerprint: rebuilt.authority.bundle.fingerprint, actor: .authority(of: a.id), key: try a.key())
    } throws: { ($0 as? FederationError)?.code == "log_key_changed" }
    #expect(a.directory.treaty(b.id)?.pin == pinned.pin)
    let served = try #require(a.federation.servedLogKey(of: b.id))
    #expect(served != pinned.peerLogKey)
    await a.stop()
    await rebuilt.stop()
  }

  @Test("S12: a repin moves the pin to what the operator names, and calls work again; another fingerprint does nothing")
  func repin() async throws {
    let (a, b) = try await TestFrame.federated()
    let (ports, book) = (b.ports, await b.writer.book)
    let pinned = try #require(a.directory.treaty(b.id)).fingerprint
    await b.stop()
    let rebuilt = try await TestFrame(b.id, book: book, ports: ports)
    await #expect(throws: FetchError.self) { try await a.refresher.refresh(b.id) }
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 0)
    await #expect(throws: FederationError.self) {
      _ = try await a.federation.repin(
        b.id, fingerprint: a.authority.bundle.fingerprint, actor: .authority(of: a.id), key: try a.key())
    }
    #expect(a.directory.treaty(b.id)?.fingerprint == pinned)
    let loop = Task { try await a.refresher.run() }
    let treaty = try await a.federation.repin(
      b.id, fingerprint: rebuilt.authority.bundle.fingerprint, actor: .authority(of: a.id), key: try a.key())
    #expect(treaty.fingerprint == rebuilt.authority.bundle.fingerprint.description)
    #expect(await a.writer.book.types.last == "PeerBundleRepinned")
    try await eventually("both metrics match again") {
      a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 1
    }
    loop.cancel()
    try? await loop.value
    try await a.refresher.refresh(b.id)
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 1)
    let observed = treaty.fingerprint
    #expect(a.sample("frame_peer_bundle_fingerprint_info", ["expected": observed, "observed": observed]) == 1)
    try await eventually("calls reach the rebuilt peer") {
      (try? await a.channels.credit(b.id, terms("t"), timeout: .seconds(2))) != nil
    }
    #expect(await a.writer.book.replayed == a.writer.state)
    await a.stop()
    await rebuilt.stop()
  }
}
