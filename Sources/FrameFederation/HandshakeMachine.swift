import FrameCore
import FrameProtos

/// The WS3 handshake without I/O: what each treaty still owes its peer, when to try, and what an answer leads to.
///
/// The log is its only memory: fed with the treaties at start it takes up every handshake where the last run left it
/// (an invitation not yet delivered, an approval not yet acknowledged), so a crash at any step resumes.
package struct HandshakeMachine: Sendable {
  /// Something the peer has to be told.
  package enum Duty: String, Sendable {
    case deliverInvitation = "deliver_invitation"
    case notifyApproval = "notify_approval"
    case notifyRejection = "notify_rejection"
    case notifyRevocation = "notify_revocation"
  }

  /// One try of one duty. Results and timers name it, so that late ones of a past try are recognised.
  package struct Attempt: Sendable, Hashable {
    package let peer: FrameID
    package let duty: Duty
    package let invitationID: String
    /// From 1.
    package let number: Int
    fileprivate let token: UInt64
  }

  package enum Outcome: Sendable, Equatable {
    /// The peer took it. For an approval, with its final description.
    case delivered(inviter: PBFrameDescription?)
    /// The peer answered no, with its code.
    case refused(code: String)
    /// No answer that means anything.
    case failed(reason: String)
  }

  package enum Input: Sendable {
    /// A treaty as the log has it: every one at start, then each that changed.
    case treaty(Treaty)
    case finished(Attempt, Outcome)
    case timer(Attempt)
  }

  package enum Action: Sendable {
    /// Tell the peer, then give back ``Input/finished(_:_:)``.
    case attempt(Attempt, Treaty)
    /// Give back ``Input/timer(_:)`` after that time.
    case wait(Attempt, Duration)
    /// Append this as the node.
    case submit(FederationCommand, key: String)
  }

  private struct Pending: Sendable {
    var treaty: Treaty
    var attempt: Attempt
  }

  private var pending: [FrameID: Pending] = [:]
  private var lastToken: UInt64 = 0
  /// Why the last try of each peer's open duty did not work; for people.
  package private(set) var troubles: [FrameID: String] = [:]

  package static let backoffFirst: Duration = .seconds(1)
  package static let backoffMax: Duration = .seconds(60)
  /// Rejections and revocations are courtesies: they are tried this often, and not for old treaties.
  package static let courtesyAttemptsMax = 8
  package static let courtesyAgeMax: Duration = .seconds(600)

  /// Answers that end an approval: asking again cannot change them.
  private static let finalRefusals: Set<String> = [
    "invitation_unknown", "invitation_expired", "fingerprint_mismatch", "frame_description_invalid", "not_the_peer",
  ]

  package init() {}

  package mutating func handle(_ input: Input, now: FrameTime) -> [Action] {
    switch input {
    case .treaty(let treaty): return observe(treaty, now)
    case .timer(let attempt):
      guard let open = current(attempt) else { return [] }
      return [.attempt(attempt, open.treaty)]
    case .finished(let attempt, let outcome):
      guard let open = current(attempt) else { return [] }
      return finish(open, outcome, now)
    }
  }

  /// The duty that is open for a peer, if any.
  package func duty(of peer: FrameID) -> Duty? { pending[peer]?.attempt.duty }

  private mutating func observe(_ treaty: Treaty, _ now: FrameTime) -> [Action] {
    let peer = treaty.peer
    guard let duty = Self.duty(of: treaty, now) else {
      pending[peer] = nil
      troubles[peer] = nil
      return []
    }
    if let open = pending[peer], open.attempt.duty == duty, open.attempt.invitationID == treaty.invitationID {
      pending[peer]?.treaty = treaty  // Something else about it changed, such as the pin; the try goes on.
      return []
    }
    lastToken += 1
    let attempt = Attempt(peer: peer, duty: duty, invitationID: treaty.invitationID, number: 1, token: lastToken)
    pending[peer] = Pending(treaty: treaty, attempt: attempt)
    troubles[peer] = nil
    return [.attempt(attempt, treaty)]
  }

  private mutating func finish(_ open: Pending, _ outcome: Outcome, _ now: FrameTime) -> [Action] {
    let peer = open.treaty.peer
    switch (open.attempt.duty, outcome) {
    case (.notifyApproval, .delivered(.some(let inviter))):
      pending[peer] = nil
      troubles[peer] = nil
      let id = open.attempt.invitationID
      return [.submit(.establish(peer: peer, invitationID: id, inviter: inviter), key: "ws3/establish/\(id)")]
    case (.notifyApproval, .delivered(.none)):
      return retry(open, "the inviter's answer was empty", now)
    case (.notifyApproval, .refused(let code)) where Self.finalRefusals.contains(code):
      pending[peer] = nil
      troubles[peer] = code
      let id = open.attempt.invitationID
      return [
        .submit(.approvalRefused(peer: peer, invitationID: id, reason: code), key: "ws3/approval-refused/\(id)")
      ]
    case (_, .delivered):
      pending[peer] = nil
      troubles[peer] = nil
      return []
    case (.notifyApproval, .refused(let code)):
      return retry(open, code, now)
    case (_, .refused(let code)):
      pending[peer] = nil
      troubles[peer] = code
      return []
    case (_, .failed(let reason)):
      return retry(open, reason, now)
    }
  }

  private mutating func retry(_ open: Pending, _ reason: String, _ now: FrameTime) -> [Action] {
    let peer = open.treaty.peer
    troubles[peer] = reason
    let isCourtesy = open.attempt.duty == .notifyRejection || open.attempt.duty == .notifyRevocation
    let isExpired = open.attempt.duty == .deliverInvitation && open.treaty.isExpired(at: now)
    guard !isExpired, !isCourtesy || open.attempt.number < Self.courtesyAttemptsMax else {
      pending[peer] = nil
      return []
    }
    lastToken += 1
    let next = Attempt(
      peer: peer, duty: open.attempt.duty, invitationID: open.attempt.invitationID, number: open.attempt.number + 1,
      token: lastToken)
    pending[peer]?.attempt = next
    return [.wait(next, Backoff.delay(open.attempt.number, first: Self.backoffFirst, max: Self.backoffMax, of: peer))]
  }

  private func current(_ attempt: Attempt) -> Pending? {
    guard let open = pending[attempt.peer], open.attempt == attempt else { return nil }
    return open
  }

  private static func duty(of treaty: Treaty, _ now: FrameTime) -> Duty? {
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

/// Exponential backoff with a spread that is fixed by who and when, not by chance: many frames do not retry in step, and a
/// test knows what to expect.
enum Backoff {
  /// - Parameter attempt: how many tries have failed, from 1.
  static func delay(_ attempt: Int, first: Duration, max: Duration, of peer: FrameID) -> Duration {
    let doubled = first * (1 << min(attempt - 1, 20))
    return spread(min(doubled, max), peer, attempt, percent: 20)
  }

  /// `duration`, up to `percent` longer or shorter.
  static func spread(_ duration: Duration, _ peer: FrameID, _ round: Int, percent: Int) -> Duration {
    // FNV-1a over the name and the round.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(peer.name)/\(round)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let thousandths = Int(hash >> 33) % (percent * 20 + 1) - percent * 10
    return duration + duration * thousandths / 1000
  }
}
