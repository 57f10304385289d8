import Foundation
import FrameCore
import FrameProtos
import FrameTesting
import Testing

@testable import FramePeering
@testable import FrameTreaty

/// Two frames' treaty machines over a network that loses, doubles, delays and reorders, and nodes that crash at any step.
struct TreatySimulator {
  /// Two frames with a treaty: the first has invited the second.
  static func established() -> TreatySimulator {
    var simulator = TreatySimulator(seed: 1)
    simulator.invite(0)
    simulator.settle(.seconds(300))
    simulator.approve(1)
    simulator.settle(.seconds(300))
    return simulator
  }

  struct Node {
    let id: FrameID
    let pin: PinnedBundle
    var book: Book
    var machine = HandshakeMachine()
    /// What the machine was last fed.
    var fed: FederationState
    var timers: [(due: FrameTime, attempt: HandshakeMachine.Attempt)] = []

    init(_ id: FrameID, _ pin: PinnedBundle) {
      self.id = id
      self.pin = pin
      book = Book(id)
      fed = FederationState(frame: id)
    }

    func description() -> PBFrameDescription { describe(id, fingerprint: pin.fingerprint) }
  }

  /// A request on its way; the attempt is nil for an operator's withdrawal.
  struct Request {
    let from: Int
    let attempt: HandshakeMachine.Attempt?
    let treaty: Treaty
  }

  struct Reply {
    let to: Int
    let attempt: HandshakeMachine.Attempt?
    let amendment: String
    let outcome: HandshakeMachine.Outcome
  }

  var nodes = [Node(Names.a, pin("aa")), Node(Names.b, pin("bb"))]
  var now = start
  var random: SeededGenerator
  var requests: [Request] = []
  var replies: [Reply] = []
  /// Copies that may arrive once more at any time.
  var late: [Request] = []
  private var ids = 0

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func pick(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  // MARK: The operators

  mutating func invite(_ who: Int) {
    let (us, them) = (nodes[who], nodes[1 - who])
    ids += 1
    run(
      who,
      .requestOutgoing(
        invitationID: "i\(ids)", ours: us.description(), theirs: them.description(), pin: them.pin,
        expires: now + .seconds(7 * 86_400)), as: us.id.authority)
  }

  mutating func approve(_ who: Int) {
    let (us, them) = (nodes[who], nodes[1 - who])
    run(
      who, .approve(peer: them.id, fingerprint: them.pin.fingerprint, ours: us.description(), pin: them.pin),
      as: us.id.authority)
  }

  mutating func propose(_ who: Int, lifetime: Duration = .seconds(600)) {
    let cap = Int64(1 + pick(1_000_000))
    proposeTerms(who, lifetime: lifetime) { $0.netDebitCap = cap }
  }

  mutating func relocate(_ who: Int, to place: TreatyEndpoints, lifetime: Duration = .seconds(600)) {
    proposeTerms(who, to: place, lifetime: lifetime) { _ in }
  }

  mutating func proposeTerms(
    _ who: Int, to place: TreatyEndpoints? = nil, lifetime: Duration = .seconds(600),
    _ change: (inout PBTreatyTerms) -> Void
  ) {
    let us = nodes[who]
    guard let treaty = us.book.state.treaty(nodes[1 - who].id), treaty.state == .established else { return }
    ids += 1
    var ours = treaty.ours.terms
    change(&ours)
    var offer = AmendmentOffer(
      treatyID: treaty.invitationID, id: "p\(ids)", number: (treaty.proposed?.number ?? 0) + 1,
      revision: treaty.revision + 1, ours: ours, theirs: treaty.theirs.terms, document: Data(),
      expires: now + lifetime, note: "")
    let text = try? treaty.document(
      revision: offer.revision, ours: offer.ours, theirs: offer.theirs, moving: place.map { (party: .us, to: $0) })
    guard let text else { return }
    offer.document = text.signed(by: logSigner(us.id))
    run(who, .amendment(peer: treaty.peer, .propose(offer)), as: us.id.authority)
  }

  mutating func decide(_ who: Int, accept: Bool) {
    let us = nodes[who]
    guard let treaty = us.book.state.treaty(nodes[1 - who].id), let open = treaty.received else { return }
    guard accept else {
      return run(who, .amendment(peer: treaty.peer, .reject(id: open.id, reason: "no")), as: us.id.authority)
    }
    guard let text = try? treaty.document(with: open, by: .peer) else { return }
    let document = text.countersigned(open.document, by: logSigner(us.id))
    run(who, .amendment(peer: treaty.peer, .accept(id: open.id, document: document)), as: us.id.authority)
  }

  mutating func withdraw(_ who: Int) {
    guard let treaty = nodes[who].book.state.treaty(nodes[1 - who].id), treaty.proposed?.state == .pending else {
      return
    }
    requests.append(Request(from: who, attempt: nil, treaty: treaty))
  }

  // MARK: The node

  /// Submits as the service does, and lets the machine see what came of it.
  private mutating func run(_ who: Int, _ command: FederationCommand, as actor: SPIFFEID) {
    _ = try? nodes[who].book.run(command, as: actor, at: now)
    follow(who)
  }

  private mutating func follow(_ who: Int) {
    let state = nodes[who].book.state
    let changed = state.treaties.values.filter { nodes[who].fed.treaty($0.peer) != $0 }
    nodes[who].fed = state
    for treaty in changed { feed(who, .treaty(treaty)) }
  }

  private mutating func feed(_ who: Int, _ input: HandshakeMachine.Input) {
    for action in nodes[who].machine.handle(input, now: now) {
      switch action {
      case .attempt(let attempt, let treaty): requests.append(Request(from: who, attempt: attempt, treaty: treaty))
      case .wait(let attempt, let duration): nodes[who].timers.append((now + duration, attempt))
      case .submit(let command, _): run(who, command, as: command.speaker(at: nodes[who].id))
      }
    }
  }

  /// Loses everything but the log.
  mutating func crash(_ who: Int) {
    nodes[who].machine = HandshakeMachine()
    nodes[who].timers = []
    nodes[who].fed = FederationState(frame: nodes[who].id)
    #expect(nodes[who].book.replayed == nodes[who].book.state)
    follow(who)
  }

  // MARK: The network

  mutating func deliver(_ index: Int) {
    let request = requests.remove(at: index)
    if pick(3) == 0 { late.append(request) }
    handle(request)
  }

  mutating func deliverLate() {
    guard !late.isEmpty else { return }
    handle(late.remove(at: pick(late.count)))
  }

  mutating func lose(_ index: Int) {
    let request = requests.remove(at: index)
    if pick(2) == 0 { late.append(request) }
    answer(request, .failed(reason: "lost"))
  }

  private mutating func answer(_ request: Request, _ outcome: HandshakeMachine.Outcome) {
    replies.append(
      Reply(
        to: request.from, attempt: request.attempt, amendment: request.treaty.proposed?.id ?? "", outcome: outcome))
  }

  mutating func reply(_ index: Int, lost: Bool) {
    let reply = replies.remove(at: index)
    let outcome = lost ? HandshakeMachine.Outcome.failed(reason: "lost") : reply.outcome
    guard reply.attempt == nil else { return feed(reply.to, .finished(reply.attempt!, outcome)) }
    // The operator's withdrawal: what the decider says goes on record.
    guard case .decided(let state, let document, let reason) = outcome else { return }
    let peer = nodes[1 - reply.to].id
    run(
      reply.to,
      .amendment(peer: peer, .decided(id: reply.amendment, state, document: document, reason: reason)), as: peer.node)
  }

  /// What the peer's listener does with a request.
  private mutating func handle(_ request: Request) {
    let (who, sender) = (1 - request.from, nodes[request.from])
    let (us, treaty, peer) = (nodes[who], request.treaty, sender.id)
    do {
      let outcome: HandshakeMachine.Outcome
      switch request.attempt?.duty {
      case .deliverInvitation:
        try nodes[who].book.run(
          .receiveIncoming(
            invitationID: treaty.invitationID, theirs: treaty.ours, pin: sender.pin, expires: treaty.expires,
            ours: us.description()), as: peer.node, at: now)
        outcome = .delivered
      case .notifyApproval:
        let ours = try #require(us.book.state.treaty(peer)).ours
        let theirs = try TreatyDocument(
          treatyID: treaty.invitationID, revision: 0, inviter: treaty.theirs, invitee: treaty.ours
        ).signed(by: logSigner(peer))
        let text = try TreatyDocument(
          treatyID: treaty.invitationID, revision: 0, inviter: ours, invitee: treaty.ours)
        try nodes[who].book.run(
          .peerApproved(
            peer: peer, invitationID: treaty.invitationID, approver: treaty.ours, ourFingerprint: treaty.fingerprint,
            document: text.countersigned(theirs, by: logSigner(us.id))), as: peer.node, at: now)
        let established = try #require(nodes[who].book.state.treaty(peer))
        outcome = .acknowledged(inviter: established.ours, document: established.document)
      case .notifyRejection:
        try nodes[who].book.run(
          .peerRejected(peer: peer, invitationID: treaty.invitationID, reason: ""), as: peer.node, at: now)
        outcome = .delivered
      case .notifyRevocation:
        try nodes[who].book.run(.peerRevoked(peer: peer, reason: ""), as: peer.node, at: now)
        outcome = .delivered
      case .proposeAmendment:
        let proposed = try #require(treaty.proposed)
        let offer = AmendmentOffer(
          treatyID: treaty.invitationID, id: proposed.id, number: proposed.number, revision: proposed.revision,
          ours: proposed.theirs, theirs: proposed.ours, document: proposed.document, expires: proposed.expires,
          note: proposed.note)
        do {
          try nodes[who].book.run(.amendment(peer: peer, .receive(offer)), as: peer.node, at: now)
        } catch FederationError.amendmentInvalid {
          // It will never be taken: the courier then has it put on the decider's record as withdrawn.
          try withdraw(proposed, of: treaty, at: who, by: peer)
        }
        outcome = try decision(who, proposed.id)
      case .notifyAmendment:
        let received = try #require(treaty.received)
        guard case .decided(let state, let document, let reason) = try PBAmendmentDecision(received, of: treaty).answer
        else { throw TimedOut(what: "decision") }
        try nodes[who].book.run(
          .amendment(peer: peer, .decided(id: received.id, state, document: document, reason: reason)), as: peer.node,
          at: now)
        outcome = .delivered
      case nil:
        let proposed = try #require(treaty.proposed)
        try withdraw(proposed, of: treaty, at: who, by: peer)
        outcome = try decision(who, proposed.id)
      }
      answer(request, outcome)
    } catch let error as any FrameError {
      answer(request, error.kind == .unavailable ? .failed(reason: error.code) : .refused(code: error.code))
    } catch {
      answer(request, .failed(reason: "\(error)"))
    }
    follow(who)
  }

  private mutating func withdraw(_ proposed: Amendment, of treaty: Treaty, at who: Int, by peer: FrameID) throws {
    try nodes[who].book.run(
      .amendment(
        peer: peer, .withdraw(treatyID: treaty.invitationID, id: proposed.id, number: proposed.number, reason: "")),
      as: peer.node, at: now)
  }

  private func decision(_ who: Int, _ id: String) throws -> HandshakeMachine.Outcome {
    let treaty = try #require(nodes[who].book.state.treaty(nodes[1 - who].id))
    guard let received = treaty.received, received.id == id else {
      throw FederationError.amendmentUnknown(treaty.peer, amendment: id)
    }
    return try PBAmendmentDecision(received, of: treaty).answer
  }

  // MARK: Running

  /// One thing that may go wrong, or right.
  mutating func disturb() {
    now = now + .milliseconds(pick(2000))
    switch pick(12) {
    case 0, 1, 2: if !requests.isEmpty { deliver(pick(requests.count)) }
    case 3: if !requests.isEmpty { lose(pick(requests.count)) }
    case 4: deliverLate()
    case 5, 6: if !replies.isEmpty { reply(pick(replies.count), lost: false) }
    case 7: if !replies.isEmpty { reply(pick(replies.count), lost: true) }
    case 8: crash(pick(2))
    default: fireTimer(pick(2))
    }
  }

  private mutating func fireTimer(_ who: Int) {
    guard let first = nodes[who].timers.indices.min(by: { nodes[who].timers[$0].due < nodes[who].timers[$1].due })
    else { return }
    let timer = nodes[who].timers.remove(at: first)
    now = max(now, timer.due)
    feed(who, .timer(timer.attempt))
  }

  /// The network is well again: everything arrives, in order, until nothing moves any more within `horizon`.
  mutating func settle(_ horizon: Duration = .seconds(3700)) {
    let end = now + horizon
    for _ in 0..<400 {
      if !replies.isEmpty {
        reply(0, lost: false)
      } else if !requests.isEmpty {
        handle(requests.removeFirst())
      } else if nodes.contains(where: { node in node.timers.contains { $0.due < end } }) {
        let who =
          nodes[0].timers.map(\.due).min() ?? .distantFuture <= nodes[1].timers.map(\.due).min() ?? .distantFuture
        fireTimer(who ? 0 : 1)
      } else {
        return
      }
    }
  }

  func treaty(_ who: Int) -> Treaty? { nodes[who].book.state.treaty(nodes[1 - who].id) }
}

extension FrameTime {
  static let distantFuture = FrameTime(unixNanoseconds: .max)
}
