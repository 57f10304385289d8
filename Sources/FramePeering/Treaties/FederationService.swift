import FrameTreaty
import FrameCore
import FrameIdentity
import FrameEvents
import FrameProtos
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// The shell of WS3: takes the operator's and the peers' words to the writer, and sees every handshake through.
///
/// Every treaty command goes through here, so that ``PeerDirectory`` (and with it the network) follows a command before its
/// caller is answered.
package final class FederationService: Service, TreatyRequests {
  package let frame: FrameID
  let writer: any FederationWriter
  private let directory: PeerDirectory
  let courier: TreatyExchange
  private let describe: Description
  let signer: LogSigner
  let clock: any FrameClock
  private let metrics: PeeringMetrics
  private let logger: Logger
  private let machine = Mutex(HandshakeMachine())
  private let observed: Mutex<FederationState>
  /// The log keys that peers' bundle endpoints last showed, where somebody looked. For people: nothing rests on them.
  private let servedLogKeys = Mutex<[FrameID: String]>([:])
  /// Open invitations that an operator has looked at, by id.
  private let read = Mutex<Set<String>>([])
  private let actions: AsyncStream<HandshakeMachine.Action>
  private let enqueue: AsyncStream<HandshakeMachine.Action>.Continuation

  /// What this frame says of itself now to a frame of the given currency, in which some of the limits in its `terms` are; nil:
  /// to anybody.
  package typealias Description = @Sendable (_ peer: PBAsset?) throws -> PBFrameDescription

  package static let invitationLifetime: Duration = .seconds(7 * 86_400)

  /// - Parameters:
  ///   - describe: what this frame says of itself now; its `terms` are the limits it holds peers to.
  ///   - bundle: our bundle document, as the bundle endpoint serves it.
  ///   - signer: the log's key, which signs treaties.
  package init(
    writer: any FederationWriter, directory: PeerDirectory, identity: SVIDSource, endpoints: EndpointClient,
    signer: LogSigner,
    describe: @escaping Description, bundle: @escaping @Sendable () throws -> Data,
    trust: EndpointTrust = EndpointTrust(), metrics: PeeringMetrics, clock: any FrameClock = SystemClock(),
    routing: @escaping PeerChannels.Routing = { _, _ in nil }, logger: Logger = Logger(label: "frame.federation")
  ) {
    self.frame = directory.frame
    self.writer = writer
    self.directory = directory
    self.describe = describe
    self.signer = signer
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    self.observed = Mutex(FederationState(frame: directory.frame))
    self.courier = TreatyExchange(
      frame: directory.frame, identity: identity, endpoints: endpoints, trust: trust, clock: clock, metrics: metrics,
      routing: routing,
      ourBundle: bundle, signer: signer)
    (actions, enqueue) = AsyncStream.makeStream()
  }

  /// Takes the treaties from the log to the network. Call once before the listeners open.
  package func prime() async throws { follow(try await state()) }

  /// Works on all open handshakes until shut down.
  package func run() async throws {
    try await prime()
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        group.addTask { await self.watchInvitations() }
        for await action in self.actions {
          group.addTask { await self.perform(action) }
        }
        group.cancelAll()
      }
    }
  }

  /// Nothing happens when an invitation lapses, so somebody has to look.
  private func watchInvitations() async {
    var last = clock.now()
    while (try? await clock.sleep(for: .seconds(60))) != nil {
      guard let state = try? await state() else { continue }
      let now = clock.now()
      for treaty in state.lapsed(after: last, until: now) {
        metrics.invitationsLapsed.with(treaty.direction.rawValue).increment()
        logger.notice(
          "An invitation has lapsed",
          metadata: ["peer": "\(treaty.peer)", "direction": "\(treaty.direction.rawValue)"])
      }
      last = now
      metrics.show(state, now: now)
    }
  }

  // MARK: The operator

  /// Invites a frame: contacts its bundle endpoint, pins what it serves, records the invitation; it is then delivered until
  /// it arrives or lapses.
  /// - Parameters:
  ///   - endpoint: `https://host:port` of the peer's bundle endpoint.
  ///   - profile: how that endpoint proves itself; what it says of itself must agree.
  ///   - expected: what the bundle's fingerprint must be, when the operator knows it from elsewhere.
  /// - Throws: ``FederationError``, `FetchError`, `BundleError`, or what the log throws.
  package func invite(
    _ peer: FrameID, at endpoint: String, by profile: BundleProfile = .spiffe,
    expecting expected: BundleFingerprint? = nil, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Treaty {
    guard peer != frame else { throw FederationError.selfPeering(peer) }
    if let treaty = try await state().treaty(peer), !treaty.isClosed(at: clock.now()),
      treaty.state != .requested
    {
      throw FederationError.alreadyFederated(peer, state: treaty.state.rawValue)
    }
    let (theirs, pin) = try await courier.discover(peer, at: EndpointURL(endpoint), by: profile)
    if let expected, pin.fingerprint != expected.description {
      throw FederationError.fingerprintMismatch(peer, expected: expected.description, observed: pin.fingerprint)
    }
    let now = clock.now()
    return try await submit(
      .requestOutgoing(
        invitationID: UniqueID.make(at: now), ours: try describe(theirs.native), theirs: theirs, pin: pin,
        expires: now + Self.invitationLifetime), actor: actor, key: key
    ).require(peer)
  }

  /// Accepts an invitation by its fingerprint: fetches the inviter's bundle from its endpoint, which must have exactly that
  /// fingerprint, and pins it. The inviter is then told until it answers.
  package func approve(
    _ peer: FrameID, fingerprint: BundleFingerprint, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Treaty {
    let open = try await treaty(peer)
    let text = fingerprint.description
    // Its fingerprint is of the time before: to compare with it would tell an operator of a mismatch where nothing has come yet.
    if open.state == .rejected || open.state == .revoked {
      throw FederationError.noOpenInvitation(peer, state: open.state.rawValue)
    }
    guard open.fingerprint == text else {
      throw FederationError.fingerprintMismatch(peer, expected: text, observed: open.fingerprint)
    }
    var pin = open.pin
    if open.state == .requested, open.direction == .incoming {
      pin = try await courier.fetchBundle(peer, from: open.theirs, vouchedBy: open.pin)
    }
    return try await submit(
      .approve(peer: peer, fingerprint: text, ours: try describe(open.theirs.native), pin: pin), actor: actor, key: key
    ).require(peer)
  }

  package func reject(
    _ peer: FrameID, reason: String, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Treaty {
    try await submit(.reject(peer: peer, reason: reason), actor: actor, key: key).require(peer)
  }

  /// Ends the relationship: when this returns it is durable, connections to and from the peer are closed and its calls are
  /// refused.
  package func revoke(
    _ peer: FrameID, reason: String, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Treaty {
    try await submit(.revoke(peer: peer, reason: reason), actor: actor, key: key).require(peer)
  }

  /// What an operator decides about a log that a peer has lost, or that we have.
  package func decide(
    _ command: FormerLogCommand, with peer: FrameID, actor: SPIFFEID, key: IdempotencyKey
  ) async throws { try await submit(.formerLog(peer: peer, command), actor: actor, key: key) }

  /// - Throws: ``FederationError/unknownPeer(_:)``.
  package func treaty(_ peer: FrameID) async throws -> Treaty { try await writer.read { try $0.require(peer) } }

  /// The log key that the peer's bundle endpoint last showed, if anybody looked.
  package func servedLogKey(of peer: FrameID) -> String? { servedLogKeys.withLock { $0[peer] } }

  func saw(_ logKey: String, of peer: FrameID) { servedLogKeys.withLock { $0[peer] = logKey } }

  /// Looks, for people, at what a peer says of itself whose bundle nothing vouches for any more.
  func look(at treaty: Treaty) async {
    guard let url = try? EndpointURL(treaty.theirs.bundleEndpoint),
      let profile = try? BundleProfile(treaty.theirs.bundleEndpointProfile),
      let (theirs, _) = try? await courier.discover(treaty.peer, at: url, by: profile)
    else { return }
    saw(theirs.logVerifierKey, of: treaty.peer)
  }

  /// Says that an operator has looked at what stands with the peer: an open invitation of it makes room for no other.
  package func markRead(_ treaty: Treaty) {
    guard treaty.state == .requested, treaty.direction == .incoming else { return }
    read.withLock { _ = $0.insert(treaty.invitationID) }
  }

  /// All treaties, in order of the peers' names.
  package func treaties() async throws -> [Treaty] {
    try await writer.read { Array($0.treaties.values) }.sorted { $0.peer < $1.peer }
  }

  /// Whether nothing is exchanged with the peer, treaty or not, because its log has two histories.
  package func isStopped(_ peer: FrameID) -> Bool { directory.isStopped(peer) }

  /// What the handshake with the peer is waiting for, if its last step did not work.
  package func trouble(with peer: FrameID) -> String? { machine.withLock { $0.troubles[peer] } }

  // MARK: The peers

  /// Takes an invitation that arrived at the bundle endpoint.
  /// - Parameter source: the address it came from.
  package func receive(_ invitation: SignedInvitation, from source: String = "") async throws -> Treaty {
    let verified = try await invitation.verify(as: frame, clock: clock)
    // What we hold an inviter to counts from the approval on, which says it anew, and is refused when it cannot be said.
    let ours = try (try? describe(verified.inviter.native)) ?? describe(nil)
    let treaty = try await submit(
      .receiveIncoming(
        invitationID: verified.id, theirs: verified.inviter, pin: verified.pin, expires: verified.expires,
        ours: ours, source: InvitationSource.network(of: source), read: read.withLock { $0 }),
      actor: .node(of: verified.peer), key: IdempotencyKey(verified.id, caller: .node(of: verified.peer))
    ).require(verified.peer)
    if treaty.state == .requested, treaty.direction == .outgoing { feed(.crossed(treaty), clock.now()) }
    return treaty
  }

  package func approvalNotified(_ notice: PBApprovalNotice, by peer: FrameID) async throws -> PBApprovalReply {
    // Before our key signs anything about it.
    _ = try DescriptionRules.check(notice.approver)
    let text = try TreatyDocument(
      treatyID: notice.invitationID, revision: 0, inviter: try await treaty(peer).ours, invitee: notice.approver)
    let treaty = try await submit(
      .peerApproved(
        peer: peer, invitationID: notice.invitationID, approver: notice.approver,
        ourFingerprint: notice.inviterFingerprint, document: text.countersigned(notice.document, by: signer)),
      actor: .node(of: peer), key: try Self.key("approved", notice.invitationID, peer)
    ).require(peer)
    var reply = PBApprovalReply()
    reply.inviter = treaty.ours
    reply.document = treaty.document
    return reply
  }

  package func rejectionNotified(_ notice: PBRejectionNotice, by peer: FrameID) async throws {
    try await submit(
      .peerRejected(peer: peer, invitationID: notice.invitationID, reason: notice.reason), actor: .node(of: peer),
      key: try Self.key("rejected", notice.invitationID, peer))
  }

  package func revocationNotified(_ notice: PBRevocationNotice, by peer: FrameID) async throws {
    let id = try await treaty(peer).invitationID
    try await submit(
      .peerRevoked(peer: peer, reason: notice.reason), actor: .node(of: peer), key: try Self.key("revoked", id, peer))
  }

  static func key(_ verb: String, _ id: String, _ peer: FrameID) throws -> IdempotencyKey {
    guard !id.isEmpty, id.utf8.count <= 64 else { throw FederationError.invitationUnknown(peer, invitation: id) }
    return try IdempotencyKey("ws3-\(verb)/\(id)", caller: .node(of: peer))
  }

  // MARK: The node

  /// Moves a pin that the held one vouches for.
  func rotate(_ peer: FrameID, to pin: PinnedBundle) async throws {
    try await submit(
      .rotatePin(peer: peer, pin: pin), actor: .node(of: frame),
      key: IdempotencyKey(derived: "ws3/rotate/\(peer)/\(UniqueID.make(at: clock.now()))"))
  }

  /// Records the proof that a peer's log has two histories, and stops the treaty.
  /// - Throws: ``FederationError`` when it is no proof; `LogError`.
  package func reportEquivocation(_ peer: FrameID, _ proof: EquivocationProof) async throws {
    try await submit(
      .reportEquivocation(peer: peer, proof: proof), actor: .node(of: frame),
      key: IdempotencyKey(derived: "witness/equivocation/\(peer)/\(UniqueID.make(at: clock.now()))"))
  }

  /// - Returns: the state as the command has left it; the network follows it already.
  @discardableResult
  func submit(
    _ command: FederationCommand, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> FederationState {
    let state = try await writer.submit(command, actor: actor, key: key, then: { $0 }).view
    follow(state)
    return state
  }

  /// All of it, which is what the network follows: it is small, and changes when a person does something.
  func state() async throws -> FederationState { try await writer.read { $0 } }

  /// Brings the network and the handshakes up to the durable state.
  private func follow(_ state: FederationState) {
    directory.update(state)
    let now = clock.now()
    metrics.show(state, now: now)
    // Callers may arrive here in any order: only a later state may follow an earlier one.
    let (changed, gone) = observed.withLock { observed -> ([Treaty], [Treaty]) in
      guard state.version >= observed.version else { return ([], []) }
      defer { observed = state }
      // What was so before this start has been counted before.
      if observed.version > 0 {
        for (peer, new) in state.treaties {
          if let old = observed.treaty(peer), old != new { metrics.count(old, new) }
        }
      }
      return (
        state.treaties.values.filter { observed.treaty($0.peer) != $0 },
        observed.treaties.values.filter { state.treaty($0.peer) == nil }
      )
    }
    for treaty in gone {
      metrics.forget(stranger: treaty.peer)
      read.withLock { _ = $0.remove(treaty.invitationID) }
      guard !treaty.isExpired(at: now) else { continue }
      metrics.invitationsDisplaced.increment()
      logger.notice(
        "An invitation that nobody had looked at has made room for another",
        metadata: ["peer": "\(treaty.peer)", "source": "\(treaty.source)", "since": "\(treaty.since)"])
    }
    for treaty in changed {
      logger.info(
        "A treaty stands",
        metadata: ["peer": "\(treaty.peer)", "state": "\(treaty.state.rawValue)", "since": "\(treaty.since)"])
      feed(.treaty(treaty), now)
    }
  }

  private func feed(_ input: HandshakeMachine.Input, _ now: FrameTime) {
    for action in machine.withLock({ $0.handle(input, now: now) }) { enqueue.yield(action) }
  }

  private func perform(_ action: HandshakeMachine.Action) async {
    do {
      switch action {
      case .attempt(let attempt, let treaty):
        let outcome = try await courier.carryOut(attempt, treaty)
        switch outcome {
        case .delivered, .acknowledged, .decided: break
        case .refused, .failed:
          logger.notice(
            "A step of the handshake did not work",
            metadata: [
              "peer": "\(attempt.peer)", "duty": "\(attempt.duty.rawValue)", "try": "\(attempt.number)",
              "outcome": "\(outcome)",
            ])
        }
        feed(.finished(attempt, outcome), clock.now())
      case .wait(let attempt, let duration):
        try await clock.sleep(for: duration)
        feed(.timer(attempt), clock.now())
      case .submit(let command, let key):
        try await submit(command, actor: command.speaker(at: frame), key: IdempotencyKey(derived: key))
      }
    } catch is CancellationError {
      // Shutting down: the log has what is needed to go on at the next start.
    } catch {
      logger.error("A step of the handshake failed", metadata: ["error": "\(error.report)"])
      await recover(from: action)
    }
  }

  /// A command of ours was refused, or the log would not take it: look again at what the log says, after a pause.
  private func recover(from action: HandshakeMachine.Action) async {
    guard case .submit(let command, _) = action, let peer = try? FrameID(command.peerName) else { return }
    guard (try? await clock.sleep(for: HandshakeMachine.backoffFirst * 5)) != nil else { return }
    do {
      guard let treaty = try await writer.read({ $0.treaty(peer) }) else { return }
      feed(.treaty(treaty), clock.now())
    } catch {
      logger.error("Cannot read the federation's state", metadata: ["error": "\(error.report)"])
    }
  }
}
