import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import FrameProtos
import FrameTesting
import Testing

@testable import FrameTreaty

@Suite("Moving a frame, and what it asks for", .timeLimit(.minutes(5)))
struct RelocationTests {
  let a = Names.a
  let b = Names.b

  private let place: TreatyEndpoints = {
    var place = TreatyEndpoints(of: describe(Names.b))
    place.bundleEndpoint = "https://new.example:9454"
    place.federationAddress = "new.example:9453"
    place.apiURL = "https://api.new.example"
    return place
  }()

  /// A proposal as the frame `who` signs it.
  private func offer(
    _ treaty: Treaty, by who: FrameID, _ party: Treaty.Party = .us, to place: TreatyEndpoints? = nil,
    _ change: (inout AmendmentOffer) -> Void = { _ in }
  ) throws -> AmendmentOffer {
    var offer = AmendmentOffer(
      treatyID: treaty.invitationID, id: "x", number: 1, revision: treaty.revision + 1, ours: treaty.ours.terms,
      theirs: treaty.theirs.terms, document: Data(), expires: start + .seconds(86_400), note: "")
    change(&offer)
    offer.document = try treaty.document(
      revision: offer.revision, ours: offer.ours, theirs: offer.theirs, moving: place.map { (party: party, to: $0) }
    ).signed(by: logSigner(who))
    return offer
  }

  // MARK: Endpoints

  @Test("a frame proposes where it is; once accepted both texts and both states have it, and its keys stay")
  func moved() throws {
    var simulator = TreatySimulator.established()
    let before = try #require(simulator.treaty(0))
    simulator.relocate(1, to: place)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.theirs == before.theirs, "a proposal changes nothing")
    simulator.decide(0, accept: true)
    #expect(simulator.treaty(0)?.endpoints(of: .peer) == place, "in force at once where it was accepted")
    simulator.settle(.seconds(300))
    let (atA, atB) = (try #require(simulator.treaty(0)), try #require(simulator.treaty(1)))
    #expect(atA.document == atB.document && atA.revision == 1 && atB.revision == 1)
    #expect(atA.endpoints(of: .peer) == place && atB.endpoints(of: .us) == place)
    #expect(atB.endpoints(of: .peer) == before.endpoints(of: .us), "nobody else has moved")
    #expect(atA.pin == before.pin && atA.peerLogKey == before.peerLogKey && atA.terms == before.terms)
    #expect(atA.theirs.bundleEndpointProfile == before.theirs.bundleEndpointProfile)
    let text = try TreatyDocument.inspect(atA.document).text
    #expect(text.contains("\ninvitee-bundle-endpoint https://new.example:9454\n"))
    #expect(text.contains("\ninvitee-federation-address new.example:9453\n"))
    #expect(text.contains("\ninviter-federation-address 127.0.0.1:9443\n"))
    for node in simulator.nodes { #expect(node.book.replayed == node.book.state) }

    // It goes on from there: limits change without anybody moving, and the frame moves on, without an API.
    simulator.propose(0)
    simulator.settle(.seconds(300))
    simulator.decide(1, accept: true)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.endpoints(of: .peer) == place && simulator.treaty(0)?.revision == 2)
    var last = place
    (last.federationAddress, last.apiURL) = ("[2001:db8::1]:9443", "")
    simulator.relocate(1, to: last)
    simulator.settle(.seconds(300))
    simulator.decide(0, accept: true)
    simulator.settle(.seconds(300))
    #expect(simulator.treaty(0)?.theirs == last.applied(to: before.theirs))
    #expect(simulator.treaty(0)?.document == simulator.treaty(1)?.document)
  }

  @Test("endpoints that are none, or that belong to the other side, are refused at both ends")
  func refused() throws {
    let simulator = TreatySimulator.established()
    let (atA, atB) = (try #require(simulator.treaty(0)), try #require(simulator.treaty(1)))
    let changes: [(String, (inout TreatyEndpoints) -> Void)] = [
      ("no TLS", { $0.bundleEndpoint = "http://new.example:9454" }),
      ("a path", { $0.bundleEndpoint = "https://new.example:9454/elsewhere" }),
      ("no port", { $0.federationAddress = "new.example" }),
      ("port 0", { $0.federationAddress = "new.example:0" }),
      ("nothing", { $0.federationAddress = "" }),
      ("too long", { $0.apiURL = "https://" + String(repeating: "x", count: 600) }),
      ("not ASCII", { $0.apiURL = "https://ä.example" }),
      ("the other side's listener", { $0.federationAddress = "127.0.0.1:9444" }),
      ("the other side's name", { $0.federationAddress = "Frame-A.example:9999" }),
      ("the other side's name for the bundle", { $0.bundleEndpoint = "https://frame-a.example" }),
    ]
    for (what, change) in changes {
      var wrong = place
      change(&wrong)
      var (bookA, bookB) = (simulator.nodes[0].book, simulator.nodes[1].book)
      func isInvalid(_ error: any Error) -> Bool {
        // What cannot even be read as a signed text is not the treaty.
        ["amendment_invalid", "treaty_document_invalid"].contains((error as? FederationError)?.code)
      }
      let proposal = try offer(atB, by: b, to: wrong)
      #expect("\(what), proposed") {
        try bookB.run(.amendment(peer: a, .propose(proposal)), as: b.authority)
      } throws: {
        isInvalid($0)
      }
      // The same from a peer that does not look.
      var received = proposal
      (received.ours, received.theirs) = (proposal.theirs, proposal.ours)
      #expect("\(what), received") {
        try bookA.run(.amendment(peer: b, .receive(received)), as: b.node)
      } throws: {
        isInvalid($0)
      }
    }
    #expect(atA.move(of: .us, in: Data("no note".utf8)) == nil)
    #expect(atA.move(of: .us, in: atB.document) == nil)
  }

  @Test("nobody moves anybody else: a text that moves the other side, or the signer's keys, is not the treaty")
  func others() throws {
    let simulator = TreatySimulator.established()
    let (atA, atB) = (try #require(simulator.treaty(0)), try #require(simulator.treaty(1)))
    var (bookA, bookB) = (simulator.nodes[0].book, simulator.nodes[1].book)
    var elsewhere = atB.endpoints(of: .peer)
    elsewhere.federationAddress = "evil.example:9443"
    let forged = try offer(atB, by: b, .peer, to: elsewhere) { $0.ours.netDebitCap = 1 }
    #expect {
      try bookB.run(.amendment(peer: a, .propose(forged)), as: b.authority)
    } throws: {
      ($0 as? FederationError)?.code == "treaty_document_invalid"
    }
    var received = forged
    (received.ours, received.theirs) = (forged.theirs, forged.ours)
    #expect {
      try bookA.run(.amendment(peer: b, .receive(received)), as: b.node)
    } throws: {
      ($0 as? FederationError)?.code == "treaty_document_invalid"
    }
    // A change of the profile or of the log key in the proposer's own lines.
    for (from, to) in [("https_spiffe", "https_web"), (atB.ours.logVerifierKey, atA.ours.logVerifierKey)] {
      let honest = try offer(atB, by: b, to: place)
      let text = try CosignedNote(honest.document).text.replacingOccurrences(
        of: "invitee-bundle-profile \(from)", with: "invitee-bundle-profile \(to)"
      ).replacingOccurrences(of: "invitee-log-key \(from)", with: "invitee-log-key \(to)")
      var changed = honest
      changed.document = CosignedNote(text, signedBy: logSigner(b)).bytes
      #expect(changed.document != honest.document)
      (changed.ours, changed.theirs) = (honest.theirs, honest.ours)
      #expect {
        try bookA.run(.amendment(peer: b, .receive(changed)), as: b.node)
      } throws: {
        ($0 as? FederationError)?.code == "treaty_document_invalid"
      }
    }
    #expect(bookA.state.treaty(b)?.received == nil)
  }

  @Test("where another of our peers is, nobody moves; only who accepts is told")
  func thirdParty() throws {
    var simulator = TreatySimulator.established()
    let c = Names.c
    var third = describe(c, fingerprint: "SHA256:cc")
    third.bundleEndpoint = "https://third.example:9444"
    third.federationAddress = "third.example:9443"
    var ours = describe(a, fingerprint: "SHA256:aa")
    ours.bundleFingerprint = "SHA256:aa"
    var book = simulator.nodes[0].book
    try book.run(
      .requestOutgoing(
        invitationID: "c1", ours: ours, theirs: third, pin: pin("cc"), expires: start + .seconds(86_400)),
      as: a.authority)
    let document = try signedTreaty("c1", ours, third, by: [a, c])
    try book.run(
      .peerApproved(
        peer: c, invitationID: "c1", approver: third, ourFingerprint: "SHA256:aa", document: document), as: c.node)
    #expect(book.state.treaty(c)?.state == .established)
    simulator.nodes[0].book = book

    let atB = try #require(simulator.treaty(1))
    var taken = place
    taken.federationAddress = "THIRD.example:9443"
    let proposal = try offer(atB, by: b, to: taken)
    var received = proposal
    (received.ours, received.theirs) = (proposal.theirs, proposal.ours)
    try book.run(.amendment(peer: b, .receive(received)), as: b.node)
    let open = try #require(book.state.treaty(b)?.received)
    let signed = try #require(book.state.treaty(b)).document(with: open, by: .peer)
      .countersigned(open.document, by: logSigner(a))
    #expect(throws: FederationError.amendmentInvalid("THIRD.example:9443 belongs to 'frame-c.example'")) {
      try book.run(.amendment(peer: b, .accept(id: open.id, document: signed)), as: a.authority)
    }
    #expect(book.state.treaty(b)?.received?.state == .pending)
  }

  @Test("who proposes to move asks every minute, since it is told at the new address")
  func polled() throws {
    let simulator = TreatySimulator.established()
    var book = simulator.nodes[1].book
    var machine = HandshakeMachine()
    let proposal = try offer(try #require(simulator.treaty(1)), by: b, to: place)
    try book.run(.amendment(peer: a, .propose(proposal)), as: b.authority)
    let treaty = try #require(book.state.treaty(a))
    guard case .attempt(let attempt, _) = try #require(machine.handle(.treaty(treaty), now: start).first) else {
      throw TimedOut(what: "attempt")
    }
    let answer = HandshakeMachine.Outcome.decided(.pending, document: Data(), reason: "")
    guard case .wait(_, let pause) = try #require(machine.handle(.finished(attempt, answer), now: start).first) else {
      throw TimedOut(what: "wait")
    }
    #expect(pause == HandshakeMachine.movePollInterval)
  }

  @Test("over the network: a frame that has moved proposes from there, and everything goes over without an invitation")
  func network() async throws {
    let (a, b) = try await TestFrame.federated()
    let refreshing = Task { try await a.refresher.run() }
    let (book, authority, old) = (await b.writer.book, b.authority, b.ports)
    await b.stop()
    let moved = try await TestFrame(b.id, book: book, authority: authority)
    #expect(moved.ports != old)
    await #expect(throws: (any Error).self) {
      _ = try await a.channels.credit(b.id, terms("t1"), timeout: .seconds(2))
    }
    let proposed = try await moved.federation.propose(
      to: a.id, ours: TermChanges(), theirs: TermChanges(), endpoints: moved.advertised, note: "moved",
      actor: .authority(of: b.id), key: try moved.key())
    try await eventually("the proposal arrives") {
      try await a.federation.treaty(b.id).received?.id == proposed.id
    }
    _ = try await a.federation.acceptAmendment(proposed.id, of: b.id, actor: .authority(of: a.id), key: try a.key())
    try await eventually("the proposer hears of it at its new address") {
      try await moved.federation.treaty(a.id).revision == 1
    }
    let (atA, atB) = (try await a.federation.treaty(b.id), try await moved.federation.treaty(a.id))
    #expect(atA.document == atB.document)
    #expect(atA.theirs.federationAddress == "127.0.0.1:\(moved.ports.0)")
    #expect(atB.ours.bundleEndpoint == moved.endpoint)
    try await eventually("calls go to the new address") {
      (try? await a.channels.credit(b.id, terms("t2"), timeout: .seconds(2))) != nil
    }
    #expect(moved.verbs.seen.withLock { $0.credits.contains { $0.0 == a.id } })
    #expect(a.sample("frame_peer_channel_moves_total", ["peer": b.id.name, "result": "done"]) == 1)
    try await a.refresher.refresh(b.id)
    refreshing.cancel()
    try? await refreshing.value
    #expect(await a.writer.book.replayed == a.writer.state)
    await a.stop()
    await moved.stop()
  }

  @Test("over the network: proposed before the move, calls and streams stay until the new address answers")
  func early() async throws {
    let (a, b) = try await TestFrame.federated()
    // Ports that are free: nobody is there yet.
    let spare = try await TestFrame(b.id, authority: b.authority)
    let ports = spare.ports
    await spare.stop()
    var endpoints = EndpointChanges()
    endpoints.bundleEndpoint = "https://127.0.0.1:\(ports.1)"
    endpoints.federationAddress = "127.0.0.1:\(ports.0)"
    let proposed = try await b.federation.propose(
      to: a.id, ours: TermChanges(), theirs: TermChanges(), endpoints: endpoints, note: "",
      actor: .authority(of: b.id), key: try b.key())
    try await eventually("the proposal arrives") {
      try await a.federation.treaty(b.id).received?.id == proposed.id
    }
    _ = try await a.federation.acceptAmendment(proposed.id, of: b.id, actor: .authority(of: a.id), key: try a.key())
    for index in 0..<5 {
      _ = try await a.channels.credit(b.id, terms("before-\(index)"), timeout: .seconds(30))
    }
    try await eventually("the proposer asks, and hears of it where it still is") {
      try await b.federation.treaty(a.id).revision == 1
    }
    let book = await b.writer.book
    await b.stop()
    let moved = try await TestFrame(b.id, book: book, authority: b.authority, ports: ports)
    try await eventually("calls go to the new address") {
      (try? await a.channels.credit(b.id, terms("after"), timeout: .seconds(2))) != nil
    }
    #expect(moved.verbs.seen.withLock { !$0.credits.isEmpty })
    await a.stop()
    await moved.stop()
  }

  @Test("an endpoint where somebody else answers is not accepted")
  func stranger() async throws {
    let (a, b) = try await TestFrame.federated()
    let other = try await TestFrame(Names.c)
    let proposed = try await b.federation.propose(
      to: a.id, ours: TermChanges(), theirs: TermChanges(), endpoints: other.advertised, note: "",
      actor: .authority(of: b.id), key: try b.key())
    try await eventually("the proposal arrives") {
      try await a.federation.treaty(b.id).received?.id == proposed.id
    }
    await #expect {
      _ = try await a.federation.acceptAmendment(
        proposed.id, of: b.id, actor: .authority(of: a.id), key: try a.key())
    } throws: {
      ($0 as? FederationError)?.code == "endpoint_of_another"
    }
    #expect(try await a.federation.treaty(b.id).revision == 0)
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(30))
    for frame in [a, b, other] { await frame.stop() }
  }

  // MARK: Subscriptions

  @Test(
    "requests can be dropped and taken up again, outcomes cannot be dropped, and nothing that is never sent is added")
  func subscriptions() throws {
    var simulator = TreatySimulator.established()
    let all = Subscriptions.carried.sorted()
    func propose(_ who: Int, _ names: [String]) {
      simulator.proposeTerms(who) { $0.subscriptions = names }
      simulator.settle(.seconds(300))
      simulator.decide(1 - who, accept: true)
      simulator.settle(.seconds(300))
    }
    propose(1, all)
    propose(0, all)
    #expect(simulator.treaty(1)?.subscription == Subscriptions.carried)
    for name in Subscriptions.requests {
      propose(0, all.filter { $0 != name })
      #expect(simulator.treaty(1)?.subscription.contains(name) == false, "\(name)")
      #expect(simulator.treaty(0)?.terms.subscriptions.contains(name) == false, "\(name)")
      propose(0, all)
      #expect(simulator.treaty(1)?.subscription.contains(name) == true, "\(name)")
    }
    let treaty = try #require(simulator.treaty(0))
    for name in Subscriptions.outcomes {
      // Neither by who asks for them nor by who is asked.
      for isOurs in [true, false] {
        var book = simulator.nodes[0].book
        let wrong = try offer(treaty, by: a) { offer in
          offer.number = (treaty.proposed?.number ?? 0) + 1
          if isOurs { offer.ours.subscriptions.removeAll { $0 == name } }
          if !isOurs { offer.theirs.subscriptions.removeAll { $0 == name } }
        }
        #expect {
          try book.run(.amendment(peer: b, .propose(wrong)), as: a.authority)
        } throws: {
          ($0 as? FederationError)?.message.contains("tells what became of money") == true
        }
      }
    }
    var book = simulator.nodes[0].book
    let idle = try offer(treaty, by: a) {
      $0.number = (treaty.proposed?.number ?? 0) + 1
      $0.ours.subscriptions.append("TokensIssued")
    }
    #expect(throws: FederationError.amendmentInvalid("'TokensIssued' is not an event that frames send each other")) {
      try book.run(.amendment(peer: b, .propose(idle)), as: a.authority)
    }
  }

  @Test("what is to be added or dropped is found from what there is")
  func changes() throws {
    var present = PBTreatyTerms()
    present.subscriptions = ["CrossFrameTransferInitiated", "CrossFrameTransferSettled"]
    var changes = TermChanges()
    changes.subscribe = ["TokensBridgeLocked", "CrossFrameTransferSettled"]
    changes.unsubscribe = ["CrossFrameTransferInitiated"]
    #expect(try changes.apply(to: present).subscriptions == ["CrossFrameTransferSettled", "TokensBridgeLocked"])
    changes.unsubscribe = ["TokensBridgeUnlocked"]
    #expect(throws: FederationError.amendmentInvalid("there is no subscription to 'TokensBridgeUnlocked'")) {
      _ = try changes.apply(to: present)
    }
  }
}

extension TestFrame {
  /// Where it listens, as a proposal.
  fileprivate var advertised: EndpointChanges {
    var changes = EndpointChanges()
    changes.bundleEndpoint = endpoint
    changes.federationAddress = "127.0.0.1:\(ports.0)"
    return changes
  }
}
