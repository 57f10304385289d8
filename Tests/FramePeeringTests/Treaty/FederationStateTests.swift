import Foundation
import FrameCore
import FrameProtos
import FrameTesting
import Testing

@testable import FrameTreaty
@testable import FramePeering

@Suite("Treaties")
struct FederationStateTests {
  let a = Names.a
  let b = Names.b
  let pinA = pin("aa")
  let pinB = pin("bb")

  private func invited() throws -> (a: Book, b: Book) {
    var ofA = Book(a)
    var ofB = Book(b)
    try ofA.run(
      .requestOutgoing(
        invitationID: "i1", ours: describe(a, fingerprint: pinA.fingerprint), theirs: describe(b), pin: pinB,
        expires: start + .seconds(3600)), as: a.authority)
    try ofB.run(incoming("i1"), as: a.node)
    return (ofA, ofB)
  }

  private func incoming(_ id: String, pin: PinnedBundle? = nil) -> FederationCommand {
    let pin = pin ?? pinA
    return .receiveIncoming(
      invitationID: id, theirs: describe(a, fingerprint: pin.fingerprint), pin: pin, expires: start + .seconds(3600),
      ours: describe(b, fingerprint: pinB.fingerprint))
  }

  private func approval() -> FederationCommand {
    .approve(
      peer: a, fingerprint: pinA.fingerprint, ours: describe(b, fingerprint: pinB.fingerprint), pin: pinA)
  }

  /// B's approval as it arrives at A.
  private func acknowledged(_ id: String, by signers: [FrameID] = [Names.a, Names.b]) throws -> FederationCommand {
    let approver = describe(b, fingerprint: pinB.fingerprint)
    return .peerApproved(
      peer: b, invitationID: id, approver: approver, ourFingerprint: pinA.fingerprint,
      document: try signedTreaty(id, describe(a, fingerprint: pinA.fingerprint), approver, by: signers))
  }

  private func established() throws -> (a: Book, b: Book) {
    var (ofA, ofB) = try invited()
    try ofB.run(approval(), as: b.authority)
    try ofA.run(try acknowledged("i1"), as: b.node)
    let treaty = try #require(ofA.state.treaty(b))
    try ofB.run(
      .establish(peer: a, invitationID: "i1", inviter: treaty.ours, document: treaty.document), as: b.node)
    return (ofA, ofB)
  }

  @Test("an invitation, its approval and the answer establish the treaty on both sides, with the seed's events")
  func handshake() throws {
    let (ofA, ofB) = try established()
    #expect(ofA.types == ["FrameInvitationRequested", "FrameInvitationApproved", "FrameFederationEstablished"])
    #expect(ofB.types == ["FrameInvitationRequested", "FrameInvitationApproved", "FrameFederationEstablished"])
    let atA = try ofA.state.requireEstablished(b)
    let atB = try ofB.state.requireEstablished(a)
    #expect(atA.fingerprint == pinB.fingerprint)
    #expect(atB.fingerprint == pinA.fingerprint)
    #expect(atA.peerLogKey.hasPrefix("frame-b.example+"))
    #expect(atB.subscription.contains("TokensBridgeLocked"))
    #expect(ofA.state.establishedPeers == [b])
  }

  @Test("a treaty is established only with a text that both have signed and that says exactly what was agreed")
  func unsigned() throws {
    for signers in [[Names.a], [Names.b], [Names.a, Names.c]] {
      var (ofA, _) = try invited()
      #expect(throws: FederationError.self) { try ofA.run(try acknowledged("i1", by: signers), as: b.node) }
      #expect(ofA.state.treaty(b)?.state == .requested)
    }
    var (ofA, ofB) = try invited()
    try ofB.run(approval(), as: b.authority)
    try ofA.run(try acknowledged("i1"), as: b.node)
    let treaty = try #require(ofA.state.treaty(b))
    let other = try signedTreaty("i2", treaty.ours, treaty.theirs)
    for document in [Data(), other, treaty.document + Data("x".utf8)] {
      #expect(throws: FederationError.self) {
        try ofB.run(
          .establish(peer: a, invitationID: "i1", inviter: treaty.ours, document: document), as: b.node)
      }
    }
    try ofB.run(
      .establish(peer: a, invitationID: "i1", inviter: treaty.ours, document: treaty.document), as: b.node)
    #expect(ofB.state.treaty(a)?.document == treaty.document)
  }

  @Test("replaying the events gives the same treaties")
  func replay() throws {
    let (ofA, ofB) = try established()
    #expect(ofA.replayed == ofA.state)
    #expect(ofB.replayed == ofB.state)
  }

  @Test("only the authority may invite, approve, reject or revoke")
  func authority() throws {
    var (ofA, ofB) = try invited()
    #expect(throws: FederationError.notAuthority(a.node)) {
      try ofA.run(.revoke(peer: b, reason: ""), as: a.node)
    }
    #expect(throws: FederationError.notAuthority(a.authority)) { try ofB.run(approval(), as: a.authority) }
    #expect(throws: FederationError.notAuthority(b.node)) {
      try ofB.run(.reject(peer: a, reason: ""), as: b.node)
    }
  }

  @Test("B11: a peer can speak for nobody but itself and cannot reach the operator's or the node's commands")
  func peerReach() throws {
    var (ofA, ofB) = try established()
    #expect(throws: FederationError.notThePeer(Names.c.node, peer: b)) {
      try ofA.run(.peerRevoked(peer: b, reason: ""), as: Names.c.node)
    }
    #expect(throws: FederationError.notThePeer(a.node, peer: b)) {
      try ofB.run(.rotatePin(peer: a, pin: pin("evil", sequence: 9)), as: a.node)
    }
    #expect(throws: FederationError.notAuthority(b.node)) {
      try ofA.run(.revoke(peer: b, reason: ""), as: b.node)
    }
  }

  @Test("approval needs the very fingerprint of the invitation and of what the endpoint serves now")
  func fingerprint() throws {
    var (_, ofB) = try invited()
    let ours = describe(b)
    #expect(
      throws: FederationError.fingerprintMismatch(a, expected: "SHA256:zz", observed: pinA.fingerprint)
    ) { try ofB.run(.approve(peer: a, fingerprint: "SHA256:zz", ours: ours, pin: pinA), as: b.authority) }
    #expect(
      throws: FederationError.fingerprintMismatch(a, expected: pinA.fingerprint, observed: "SHA256:other")
    ) {
      try ofB.run(.approve(peer: a, fingerprint: pinA.fingerprint, ours: ours, pin: pin("other")), as: b.authority)
    }
    #expect(ofB.state.treaty(a)?.state == .requested)
  }

  @Test("B10: an empty bundle or fingerprint pins nothing")
  func emptyPin() throws {
    var book = Book(b)
    for empty in [
      PinnedBundle(document: Data(), fingerprint: "SHA256:aa", sequence: 1),
      PinnedBundle(document: Data("{}".utf8), fingerprint: "", sequence: 1),
    ] {
      #expect(throws: FederationError.self) { try book.run(incoming("i1", pin: empty), as: a.node) }
    }
    #expect(book.events.isEmpty)
  }

  @Test("an invitation lapses: it can be neither approved nor acknowledged, and another may follow")
  func expiry() throws {
    var (ofA, ofB) = try invited()
    let late = start + .seconds(3601)
    #expect(throws: FederationError.invitationExpired(a, invitation: "i1")) {
      try ofB.run(approval(), as: b.authority, at: late)
    }
    #expect(throws: FederationError.invitationExpired(b, invitation: "i1")) {
      try ofA.run(try acknowledged("i1"), as: b.node, at: late)
    }
    try ofA.run(
      .requestOutgoing(
        invitationID: "i2", ours: describe(a), theirs: describe(b), pin: pinB, expires: late + .seconds(10)),
      as: a.authority, at: late)
    #expect(ofA.state.treaty(b)?.invitationID == "i2")
  }

  @Test("an invitation lapses once, when its time comes, and only if nobody has decided")
  func lapse() throws {
    let (ofA, _) = try invited()
    let end = start + .seconds(3600)
    #expect(ofA.state.lapsed(after: start, until: end).isEmpty)
    #expect(ofA.state.lapsed(after: start, until: end + .seconds(1)).map(\.peer) == [b])
    #expect(ofA.state.lapsed(after: end + .seconds(1), until: end + .seconds(60)).isEmpty)
    let (decided, _) = try established()
    #expect(decided.state.lapsed(after: start, until: end + .seconds(60)).isEmpty)
  }

  @Test("a repeated invitation, approval or acknowledgement changes nothing")
  func repetition() throws {
    var (ofA, ofB) = try established()
    let before = (ofA.events.count, ofB.events.count)
    try ofB.run(incoming("i1"), as: a.node)
    try ofB.run(approval(), as: b.authority)
    try ofA.run(try acknowledged("i1"), as: b.node)
    try ofB.run(
      .establish(peer: a, invitationID: "i1", inviter: describe(a), document: Data()), as: b.node)
    #expect(ofA.events.count == before.0)
    #expect(ofB.events.count == before.1)
  }

  @Test("an impostor that shows another bundle cannot disturb an open invitation or a treaty")
  func impostor() throws {
    var (_, ofB) = try invited()
    #expect(
      throws: FederationError.fingerprintMismatch(a, expected: pinA.fingerprint, observed: "SHA256:evil")
    ) { try ofB.run(incoming("i9", pin: pin("evil")), as: a.node) }
    var (_, later) = try established()
    #expect(throws: FederationError.alreadyFederated(a, state: "established")) {
      try later.run(incoming("i9", pin: pin("evil")), as: a.node)
    }
  }

  @Test("invitations that cross converge to one treaty, carried by the lesser frame's", arguments: [true, false])
  func crossing(aFirst: Bool) throws {
    var ofA = Book(a)
    var ofB = Book(b)
    let expires = start + .seconds(3600)
    try ofA.run(
      .requestOutgoing(
        invitationID: "from-a", ours: describe(a, fingerprint: pinA.fingerprint),
        theirs: describe(b, fingerprint: pinB.fingerprint), pin: pinB, expires: expires), as: a.authority)
    try ofB.run(
      .requestOutgoing(
        invitationID: "from-b", ours: describe(b, fingerprint: pinB.fingerprint),
        theirs: describe(a, fingerprint: pinA.fingerprint), pin: pinA, expires: expires), as: b.authority)
    let toA = FederationCommand.receiveIncoming(
      invitationID: "from-b", theirs: describe(b, fingerprint: pinB.fingerprint), pin: pinB, expires: expires,
      ours: describe(a, fingerprint: pinA.fingerprint))
    if aFirst {
      try ofB.run(incoming("from-a"), as: a.node)
      try ofA.run(toA, as: b.node)
    } else {
      try ofA.run(toA, as: b.node)
      try ofB.run(incoming("from-a"), as: a.node)
    }
    #expect(ofA.state.treaty(b)?.invitationID == "from-a")
    #expect(ofA.state.treaty(b)?.state == .requested)
    // That B invited too is no word about the fingerprint: its operator has to name it.
    let waiting = try #require(ofB.state.treaty(a))
    #expect(waiting.invitationID == "from-a" && waiting.state == .requested && waiting.direction == .incoming)
    #expect(throws: FederationError.self) {
      try ofB.run(
        .approve(peer: a, fingerprint: "SHA256:other", ours: describe(b, fingerprint: pinB.fingerprint), pin: pinA),
        as: b.authority)
    }
    try ofB.run(
      .approve(peer: a, fingerprint: pinA.fingerprint, ours: describe(b, fingerprint: pinB.fingerprint), pin: pinA),
      as: b.authority)
    try ofA.run(try acknowledged("from-a"), as: b.node)
    let treaty = try #require(ofA.state.treaty(b))
    try ofB.run(
      .establish(peer: a, invitationID: "from-a", inviter: treaty.ours, document: treaty.document), as: b.node)
    #expect(ofA.state.treaty(b)?.state == .established)
    #expect(ofB.state.treaty(a)?.state == .established)
  }

  @Test("a crossing invitation with another bundle than the pinned one is no agreement")
  func crossingImpostor() throws {
    var ofB = Book(b)
    try ofB.run(
      .requestOutgoing(
        invitationID: "from-b", ours: describe(b), theirs: describe(a), pin: pinA, expires: start + .seconds(60)),
      as: b.authority)
    #expect(throws: FederationError.self) { try ofB.run(incoming("evil", pin: pin("evil")), as: a.node) }
    #expect(ofB.state.treaty(a)?.direction == .outgoing)
  }

  @Test("S12: a rotation to a lower sequence is refused; to the same bundle it is nothing")
  func rotation() throws {
    var (ofA, _) = try established()
    try ofA.run(.rotatePin(peer: b, pin: pin("b2", sequence: 5)), as: a.node)
    #expect(ofA.state.treaty(b)?.fingerprint == "SHA256:b2")
    let count = ofA.events.count
    try ofA.run(.rotatePin(peer: b, pin: pin("b2", sequence: 5)), as: a.node)
    #expect(ofA.events.count == count)
    #expect(throws: FederationError.sequenceRollback(b, held: 5, received: 4)) {
      try ofA.run(.rotatePin(peer: b, pin: pin("b0", sequence: 4)), as: a.node)
    }
    #expect(ofA.replayed == ofA.state)
  }

  @Test("after a revoke nothing of the peer is accepted, and federation needs a new invitation")
  func revoke() throws {
    var (ofA, ofB) = try established()
    try ofA.run(.revoke(peer: b, reason: "no longer"), as: a.authority)
    #expect(throws: FederationError.notEstablished(b, state: "revoked")) { try ofA.state.requireEstablished(b) }
    #expect(throws: FederationError.invitationUnknown(b, invitation: "i1")) {
      try ofA.run(try acknowledged("i1"), as: b.node)
    }
    #expect(throws: FederationError.notEstablished(b, state: "revoked")) {
      try ofA.run(.rotatePin(peer: b, pin: pin("b2", sequence: 9)), as: a.node)
    }
    try ofB.run(.peerRevoked(peer: a, reason: "told"), as: a.node)
    #expect(ofB.state.treaty(a)?.endedByPeer == true)
    try ofA.run(.revoke(peer: b, reason: "again"), as: a.authority)
    #expect(ofA.types.count { $0 == "FrameFederationRevoked" } == 1)
    try ofB.run(incoming("i2"), as: a.node)
    #expect(ofB.state.treaty(a)?.state == .requested)
  }

  @Test("a rejection ends the invitation on both sides")
  func reject() throws {
    var (ofA, ofB) = try invited()
    try ofB.run(.reject(peer: a, reason: "not now"), as: b.authority)
    try ofA.run(.peerRejected(peer: b, invitationID: "i1", reason: "not now"), as: b.node)
    #expect(ofA.state.treaty(b)?.state == .rejected)
    #expect(ofA.state.treaty(b)?.endedByPeer == true)
    #expect(throws: FederationError.invitationUnknown(a, invitation: "i1")) {
      try ofB.run(approval(), as: b.authority)
    }
  }

  @Test("what the operator approved cannot be changed by the inviter's answer")
  func swappedTerms() throws {
    var (_, ofB) = try invited()
    try ofB.run(approval(), as: b.authority)
    var swapped = describe(a, fingerprint: pinA.fingerprint)
    swapped.logVerifierKey = logSigner(Names.c).verifierKey.text
    #expect(throws: FederationError.self) {
      try ofB.run(.establish(peer: a, invitationID: "i1", inviter: swapped, document: Data()), as: b.node)
    }
    swapped = describe(a, fingerprint: pinA.fingerprint)
    swapped.terms.netDebitCap = .max
    #expect(throws: FederationError.self) {
      try ofB.run(.establish(peer: a, invitationID: "i1", inviter: swapped, document: Data()), as: b.node)
    }
  }

  /// An invitation that a stranger leaves.
  private func leave(
    _ n: Int, in book: inout Book, from source: String, at now: FrameTime = start, read: Set<String> = [],
    lasting lifetime: Duration = .seconds(86_400)
  ) throws {
    let stranger = Names.frame("stranger-\(n).example")
    var theirs = describe(stranger, fingerprint: "SHA256:s")
    theirs.native.code = "SVT"
    try book.run(
      .receiveIncoming(
        invitationID: "i\(n)", theirs: theirs, pin: pin("s"), expires: now + lifetime, ours: describe(b),
        source: source, read: read), as: stranger.node, at: now)
  }

  @Test("H9: 64 invitations from 60 addresses do not keep an honest one out, and what an operator has looked at stays")
  func crowd() throws {
    var book = Book(b)
    for n in 0..<FederationState.openInvitationsMax {
      try leave(n, in: &book, from: n < 6 ? "203.0.113.0/24" : "10.0.\(n).0/24", at: start + .seconds(n))
    }
    let read: Set<String> = ["i0", "i1"]
    try leave(100, in: &book, from: "192.0.2.0/24", at: start + .seconds(100), read: read)
    // The oldest that nobody has read, of the network with the most.
    #expect(book.state.treaty(Names.frame("stranger-2.example")) == nil)
    #expect(book.state.treaty(Names.frame("stranger-0.example"))?.state == .requested)
    #expect(book.state.treaty(Names.frame("stranger-100.example"))?.source == "192.0.2.0/24")
    #expect(book.state.treaties.count == FederationState.openInvitationsMax)
    #expect(book.replayed == book.state)
    // When an operator has read all of them, none is taken away.
    let all = Set(book.state.treaties.values.map(\.invitationID))
    #expect(throws: FederationError.tooManyInvitations(limit: FederationState.openInvitationsMax)) {
      try leave(101, in: &book, from: "198.51.100.0/24", at: start + .seconds(101), read: all)
    }
  }

  @Test("H9: one network has its share of open invitations, and of those that are written down in an hour")
  func share() throws {
    var book = Book(b)
    for n in 0..<FederationState.openInvitationsPerSourceMax { try leave(n, in: &book, from: "10.0.0.0/24") }
    #expect(throws: FederationError.tooManyInvitations(limit: FederationState.openInvitationsPerSourceMax)) {
      try leave(99, in: &book, from: "10.0.0.0/24")
    }
    try leave(99, in: &book, from: "10.0.1.0/24")
    // Short ones do not help: each is an event.
    var (taken, now) = (0, start + .seconds(7_200))
    for n in 200..<300 {
      now = now + .seconds(2)
      if (try? leave(n, in: &book, from: "10.0.2.0/24", at: now, lasting: .seconds(1))) != nil { taken += 1 }
    }
    #expect(taken == FederationState.invitationsPerHourAndSourceMax)
    // Nor do many networks: the hour is bounded, and what has lapsed is forgotten.
    taken = 0
    now = start + .seconds(20_000)
    for n in 1_000..<2_000 {
      now = now + .seconds(1)
      if (try? leave(n, in: &book, from: "10.1.\(n).0/24", at: now, lasting: .seconds(1))) != nil { taken += 1 }
    }
    #expect(taken == FederationState.invitationsPerHourMax)
    try leave(5_000, in: &book, from: "10.2.0.0/24", at: start + .seconds(200_000))
    #expect(book.state.treaties.count == 1)
    #expect(book.replayed == book.state)
  }

  @Test("H9: an address counts with its neighbours; behind a router of this host nobody can be told apart")
  func networks() {
    #expect(InvitationSource.network(of: "203.0.113.77") == "203.0.113.0/24")
    #expect(InvitationSource.network(of: "::ffff:203.0.113.77") == "203.0.113.0/24")
    #expect(InvitationSource.network(of: "2001:db8:1:2::3") == "2001:db8:1::/48")
    for unknown in ["127.0.0.1", "::1", "unknown", "", "0.0.0.0"] {
      #expect(InvitationSource.network(of: unknown) == "", "\(unknown)")
    }
  }

  @Test("P6: a peer's bundle is not followed to a number from which there is none to come")
  func sequences() throws {
    var (book, _) = try invited()
    func rotate(_ sequence: UInt64) throws {
      try book.run(.rotatePin(peer: b, pin: pin("x\(sequence)", sequence: sequence)), as: a.node)
    }
    try rotate(2)
    for far in [UInt64.max, UInt64(Int64.max) + 1, 3 + FederationState.sequenceStepMax] {
      #expect { try rotate(far) } throws: { ($0 as? FederationError)?.code == "bundle_unusable" }
    }
    try rotate(3)
    try rotate(3 + FederationState.sequenceStepMax)
  }

  @Test(
    "a description that breaks a rule is refused",
    arguments: [
      "id", "currency", "endpoint", "profile", "address", "key", "limit", "subscription", "self",
    ])
  func descriptions(_ broken: String) throws {
    var theirs = describe(a, fingerprint: pinA.fingerprint)
    switch broken {
    case "id": theirs.frameID = "Not A Frame"
    case "currency": theirs.native.origin = "frame-c.example"
    case "endpoint": theirs.bundleEndpoint = "http://127.0.0.1:1/"
    case "profile": theirs.bundleEndpointProfile = "http"
    case "address": theirs.federationAddress = "somewhere"
    case "key": theirs.logVerifierKey = "frame-c.example+00000000+AAAA"
    case "limit": theirs.terms.bridgeCap = -1
    case "subscription": theirs.terms.subscriptions = ["Everything"]
    default: theirs = describe(b, fingerprint: pinA.fingerprint)
    }
    var book = Book(b)
    let command = FederationCommand.receiveIncoming(
      invitationID: "i1", theirs: theirs, pin: pinA, expires: start + .seconds(60), ours: describe(b))
    #expect(throws: FederationError.self) { try book.run(command, as: a.node) }
    #expect(book.events.isEmpty)
  }

  @Test("random histories: a treaty is only ever established out of an approval, and replay agrees at every step")
  func histories() throws {
    for seed in UInt64(1)...200 {
      var random = SeededGenerator(seed: seed)
      var book = Book(b)
      var previous: TreatyState?
      for step in 0..<40 {
        let id = "i\(random.next() % 3)"
        let command: (FederationCommand, SPIFFEID) =
          switch random.next() % 9 {
          case 0: (incoming(id), a.node)
          case 1: (approval(), b.authority)
          case 2: (.reject(peer: a, reason: "r"), b.authority)
          case 3: (.revoke(peer: a, reason: "r"), b.authority)
          case 4:
            (
              .establish(
                peer: a, invitationID: id, inviter: describe(a, fingerprint: pinA.fingerprint),
                document: try signedTreaty(
                  id, describe(a, fingerprint: pinA.fingerprint), describe(b, fingerprint: pinB.fingerprint))), b.node
            )
          case 5: (.peerRevoked(peer: a, reason: "r"), a.node)
          case 6: (.approvalRefused(peer: a, invitationID: id, reason: "r"), b.node)
          case 7: (.rotatePin(peer: a, pin: pin("aa", sequence: random.next() % 4)), b.node)
          default:
            (
              .requestOutgoing(
                invitationID: "o\(step)", ours: describe(b), theirs: describe(a), pin: pinA,
                expires: start + .seconds(60)),
              b.authority
            )
          }
        _ = try? book.run(command.0, as: command.1, at: start + .seconds(step))
        let now = book.state.treaty(a)?.state
        if now == .established, previous != .established { #expect(previous == .approved, "seed \(seed)") }
        if previous == .revoked, now != .revoked { #expect(now == .requested, "seed \(seed)") }
        previous = now
        #expect(book.replayed == book.state, "seed \(seed)")
      }
    }
  }
}
