import FrameCore
import FrameProtos
import Foundation

/// WS3 without I/O: what each treaty still owes its peer, when to try, and what an answer leads to.
///
/// The log is its only memory: fed with the treaties at start it takes up everything where the last run left it (an
/// invitation not yet delivered, an approval not yet acknowledged, an amendment not yet decided), so a crash at any step
/// resumes.
package struct HandshakeMachine: Sendable {
  /// Something the peer has to be told.
  package enum Duty: String, Sendable {
    case deliverInvitation = "deliver_invitation"
    case notifyApproval = "notify_approval"
    case notifyRejection = "notify_rejection"
    case notifyRevocation = "notify_revocation"
    /// Bring our proposal, and ask what became of it until it is decided.
    case proposeAmendment = "propose_amendment"
    /// Tell what we decided about the peer's proposal.
    case notifyAmendment = "notify_amendment"

    fileprivate var lane: Lane {
      switch self {
      case .deliverInvitation, .notifyApproval, .notifyRejection, .notifyRevocation: .handshake
      case .proposeAmendment: .proposal
      case .notifyAmendment: .decision
      }
    }
  }

  /// Duties that stand beside each other; within a lane there is one at a time.
  fileprivate enum Lane: Sendable, CaseIterable { case handshake, proposal, decision }

  /// One try of one duty. Results and timers name it, so that late ones of a past try are recognised.
  package struct Attempt: Sendable, Hashable {
    package let peer: FrameID
    package let duty: Duty
    /// The invitation or amendment that it is about.
    package let subject: String
    /// From 1.
    package let number: Int
    fileprivate let token: UInt64
  }

  package enum Outcome: Sendable, Equatable {
    /// The peer took it.
    case delivered
    /// The inviter took our approval: its final description, and the treaty with both signatures.
    case acknowledged(inviter: PBFrameDescription, document: Data)
    /// What the peer says about our proposal.
    case decided(Amendment.State, document: Data, reason: String)
    /// The peer answered no, with its code.
    case refused(code: String)
    /// No answer that means anything.
    case failed(reason: String)
  }

  package enum Input: Sendable {
    /// A treaty as the log has it: every one at start, then each that changed.
    case treaty(Treaty)
    /// The peer's invitation has crossed ours, which is the one that counts: it is open for it now, whatever it said before.
    case crossed(Treaty)
    case finished(Attempt, Outcome)
    case timer(Attempt)
  }

  package enum Action: Sendable {
    /// Tell the peer, then give back ``Input/finished(_:_:)``.
    case attempt(Attempt, Treaty)
    /// Give back ``Input/timer(_:)`` after that time.
    case wait(Attempt, Duration)
    /// Append this: the node's own conclusion, or for an amendment what the peer has answered.
    case submit(FederationCommand, key: String)
  }

  private struct Slot: Hashable, Sendable {
    let peer: FrameID
    let lane: Lane
  }

  private struct Pending: Sendable {
    var treaty: Treaty
    var attempt: Attempt
  }

  private var pending: [Slot: Pending] = [:]
  /// What the peer has been told, where the log does not say so.
  private var told: [Slot: String] = [:]
  private var lastToken: UInt64 = 0
  private var troubleBySlot: [Slot: String] = [:]

  package static let backoffFirst: Duration = .seconds(1)
  package static let backoffMax: Duration = .seconds(60)
  /// Rejections and revocations are courtesies: they are tried this often, and not for old treaties.
  package static let courtesyAttemptsMax = 8
  package static let courtesyAgeMax: Duration = .seconds(600)
  /// How often an undecided amendment is asked about, should the decider's own word get lost.
  package static let amendmentPollInterval: Duration = .seconds(3600)
  /// The same for a proposal that moves our own endpoints: the decider tells us at the new ones, where we may not be yet.
  package static let movePollInterval: Duration = .seconds(60)

  /// Answers that end an approval: asking again cannot change them.
  private static let finalRefusals: Set<String> = [
    "invitation_unknown", "invitation_expired", "fingerprint_mismatch", "frame_description_invalid", "not_the_peer",
    "treaty_document_invalid",
  ]

  /// Answers to an invitation that the peer's operator can make another of: an old treaty with us is ended there.
  private static let passingRefusals: Set<String> = ["already_federated"]
  /// How often the invitation is brought again then.
  package static let invitationPollInterval: Duration = .seconds(300)

  package init() {}

  /// Why the last try of a peer's open duties did not work; for people.
  package var troubles: [FrameID: String] {
    Dictionary(
      Lane.allCases.flatMap { lane in
        troubleBySlot.filter { $0.key.lane == lane }.map { ($0.key.peer, $0.value) }
      }, uniquingKeysWith: { first, _ in first })
  }

  package mutating func handle(_ input: Input, now: FrameTime) -> [Action] {
    switch input {
    case .treaty(let treaty): return Lane.allCases.flatMap { observe(treaty, $0, now) }
    case .crossed(let treaty):
      pending[Slot(peer: treaty.peer, lane: .handshake)] = nil
      return observe(treaty, .handshake, now)
    case .timer(let attempt):
      guard let open = current(attempt) else { return [] }
      return [.attempt(attempt, open.treaty)]
    case .finished(let attempt, let outcome):
      guard let open = current(attempt) else { return [] }
      return finish(open, outcome, now)
    }
  }

  private mutating func observe(_ treaty: Treaty, _ lane: Lane, _ now: FrameTime) -> [Action] {
    let slot = Slot(peer: treaty.peer, lane: lane)
    guard let (duty, subject) = Self.duty(of: treaty, lane, now), told[slot] != subject else {
      pending[slot] = nil
      troubleBySlot[slot] = nil
      return []
    }
    if let open = pending[slot], open.attempt.duty == duty, open.attempt.subject == subject {
      pending[slot]?.treaty = treaty  // Something else about it changed, such as the pin; the try goes on.
      return []
    }
    lastToken += 1
    let attempt = Attempt(peer: treaty.peer, duty: duty, subject: subject, number: 1, token: lastToken)
    pending[slot] = Pending(treaty: treaty, attempt: attempt)
    troubleBySlot[slot] = nil
    return [.attempt(attempt, treaty)]
  }

  private mutating func finish(_ open: Pending, _ outcome: Outcome, _ now: FrameTime) -> [Action] {
    let slot = Slot(peer: open.treaty.peer, lane: open.attempt.duty.lane)
    let (peer, id) = (open.treaty.peer, open.attempt.subject)
    switch (open.attempt.duty, outcome) {
    case (.notifyApproval, .acknowledged(let inviter, let document)):
      close(slot)
      return [
        .submit(
          .establish(peer: peer, invitationID: id, inviter: inviter, document: document), key: "ws3/establish/\(id)")
      ]
    case (.notifyApproval, .refused(let code)) where Self.finalRefusals.contains(code):
      close(slot, trouble: code)
      return [
        .submit(.approvalRefused(peer: peer, invitationID: id, reason: code), key: "ws3/approval-refused/\(id)")
      ]
    case (.proposeAmendment, .decided(.pending, _, _)):
      troubleBySlot[slot] = nil
      let left = (open.treaty.proposed?.expires ?? now) - now
      let poll = open.treaty.proposesMove ? Self.movePollInterval : Self.amendmentPollInterval
      return [.wait(next(open, number: 1), max(.seconds(1), min(left + .seconds(1), poll)))]
    case (.proposeAmendment, .decided(let state, let document, let reason)):
      close(slot)
      return [
        .submit(
          .amendment(peer: peer, .decided(id: id, state, document: document, reason: reason)),
          key: "ws3/amendment-decided/\(id)")
      ]
    case (.notifyApproval, .delivered), (.notifyApproval, .decided), (.proposeAmendment, .delivered),
      (.proposeAmendment, .acknowledged):
      return retry(open, "the peer's answer says nothing", now)
    case (_, .delivered), (_, .acknowledged), (_, .decided):
      close(slot)
      if open.attempt.duty == .notifyAmendment { told[slot] = id }
      return []
    case (.notifyApproval, .refused(let code)), (.proposeAmendment, .refused(let code)):
      return retry(open, code, now)
    case (.deliverInvitation, .refused(let code)) where Self.passingRefusals.contains(code):
      guard !open.treaty.isExpired(at: now) else {
        close(slot, trouble: code)
        return []
      }
      troubleBySlot[slot] = code
      return [.wait(next(open, number: open.attempt.number + 1), Self.invitationPollInterval)]
    case (_, .refused(let code)):
      close(slot, trouble: code)
      if open.attempt.duty == .notifyAmendment { told[slot] = id }
      return []
    case (_, .failed(let reason)):
      return retry(open, reason, now)
    }
  }

  private mutating func close(_ slot: Slot, trouble: String? = nil) {
    pending[slot] = nil
    troubleBySlot[slot] = trouble
  }

  private mutating func retry(_ open: Pending, _ reason: String, _ now: FrameTime) -> [Action] {
    let peer = open.treaty.peer
    let slot = Slot(peer: peer, lane: open.attempt.duty.lane)
    troubleBySlot[slot] = reason
    let isCourtesy = open.attempt.duty == .notifyRejection || open.attempt.duty == .notifyRevocation
    let isExpired = open.attempt.duty == .deliverInvitation && open.treaty.isExpired(at: now)
    guard !isExpired, !isCourtesy || open.attempt.number < Self.courtesyAttemptsMax else {
      pending[slot] = nil
      return []
    }
    let pause = Backoff.delay(open.attempt.number, first: Self.backoffFirst, max: Self.backoffMax, of: peer)
    return [.wait(next(open, number: open.attempt.number + 1), pause)]
  }

  /// The try that follows; the past one's results and timers mean nothing from now on.
  private mutating func next(_ open: Pending, number: Int) -> Attempt {
    lastToken += 1
    let next = Attempt(
      peer: open.treaty.peer, duty: open.attempt.duty, subject: open.attempt.subject, number: number, token: lastToken)
    pending[Slot(peer: open.treaty.peer, lane: open.attempt.duty.lane)]?.attempt = next
    return next
  }

  private func current(_ attempt: Attempt) -> Pending? {
    guard let open = pending[Slot(peer: attempt.peer, lane: attempt.duty.lane)], open.attempt == attempt else {
      return nil
    }
    return open
  }

  private static func duty(of treaty: Treaty, _ lane: Lane, _ now: FrameTime) -> (Duty, subject: String)? {
    switch lane {
    case .handshake: return handshake(treaty, now).map { ($0, treaty.invitationID) }
    case .proposal:
      guard treaty.state == .established, let proposed = treaty.proposed, proposed.state == .pending else { return nil }
      return (.proposeAmendment, proposed.id)
    case .decision:
      guard treaty.state == .established, let received = treaty.received, received.state != .pending else { return nil }
      return (.notifyAmendment, received.id)
    }
  }

  private static func handshake(_ treaty: Treaty, _ now: FrameTime) -> Duty? {
    let isRecent = now - treaty.since <= courtesyAgeMax
    switch (treaty.state, treaty.direction) {
    case (.requested, .outgoing): return treaty.isExpired(at: now) ? nil : .deliverInvitation
    case (.approved, .incoming): return .notifyApproval
    case (.rejected, .incoming): return treaty.endedByPeer || !isRecent ? nil : .notifyRejection
    case (.revoked, _): return treaty.endedByPeer || !isRecent ? nil : .notifyRevocation
    default: return nil
    }
  }
}
