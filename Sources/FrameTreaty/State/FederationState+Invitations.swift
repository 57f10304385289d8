import FrameCore
import FrameEvents
import FrameProtos

// Room for invitations: anyone may leave one, so what they take is bounded by source and in all, and what nobody has looked
// at makes way before an honest inviter is turned away (CONFORMANCE B21).
extension FederationState {
  /// Open invitations from others that may wait for the operator at once.
  package static let openInvitationsMax = 64
  /// The same from one network.
  package static let openInvitationsPerSourceMax = 8
  /// Invitations that are written down in an hour.
  package static let invitationsPerHourMax = 128
  package static let invitationsPerHourAndSourceMax = 16
  /// A lapsed invitation is forgotten this long after its end, when another one comes.
  static let lapsedKept: Duration = .seconds(3600)

  /// When an invitation came, and from where.
  struct Arrival: Sendable, Equatable {
    let source: String
    let time: FrameTime
  }

  /// - Parameters:
  ///   - source: the network it comes from (``InvitationSource``); "" when that cannot be told, and then only the bounds over all count.
  ///   - read: invitations that the operator has looked at, by id.
  /// - Returns: whose invitation makes room for it, if there is none.
  /// - Throws: ``FederationError/tooManyInvitations(limit:)``.
  func room(for source: String, read: Set<String>, now: FrameTime) throws(FederationError) -> FrameID? {
    let open = treaties.values.filter { $0.state == .requested && $0.direction == .incoming && !$0.isClosed(at: now) }
    try checkRate(of: source, now)
    if !source.isEmpty, open.count(where: { $0.source == source }) >= Self.openInvitationsPerSourceMax {
      throw .tooManyInvitations(limit: Self.openInvitationsPerSourceMax)
    }
    guard open.count >= Self.openInvitationsMax else { return nil }
    let crowds = Dictionary(grouping: open, by: \.source).mapValues(\.count)
    let unread = open.filter { !read.contains($0.invitationID) }
    let last = unread.min { a, b in
      let (crowdA, crowdB) = (crowds[a.source] ?? 0, crowds[b.source] ?? 0)
      if crowdA != crowdB { return crowdA > crowdB }
      return a.since == b.since ? a.peer < b.peer : a.since < b.since
    }
    guard let last else { throw .tooManyInvitations(limit: Self.openInvitationsMax) }
    return last.peer
  }

  /// Each invitation is an event, also one that takes the place of an earlier one of the same frame.
  /// - Throws: ``FederationError/tooManyInvitations(limit:)``.
  func checkRate(of source: String, _ now: FrameTime) throws(FederationError) {
    let recent = arrivals.filter { $0.time.isWithin(.seconds(3600), of: now) }
    guard recent.count < Self.invitationsPerHourMax else {
      throw .tooManyInvitations(limit: Self.invitationsPerHourMax)
    }
    guard source.isEmpty || recent.count(where: { $0.source == source }) < Self.invitationsPerHourAndSourceMax else {
      throw .tooManyInvitations(limit: Self.invitationsPerHourAndSourceMax)
    }
  }

  /// Takes note of an invitation that came, and forgets those that made room for it or have long lapsed.
  mutating func arrived(_ e: PBFrameInvitationRequested, at time: FrameTime) {
    arrivals = arrivals.filter { $0.time.isWithin(.seconds(3600), of: time) }.suffix(Self.invitationsPerHourMax - 1)
    arrivals.append(Arrival(source: e.source, time: time))
    if let displaced = try? FrameID(e.displaced), isUnanswered(displaced) { forget(displaced) }
    for (peer, treaty) in treaties where isUnanswered(peer) && time - treaty.expires > Self.lapsedKept { forget(peer) }
  }

  private func isUnanswered(_ peer: FrameID) -> Bool {
    guard let treaty = treaties[peer] else { return false }
    return treaty.state == .requested && treaty.direction == .incoming
  }
}

extension FederationState.Arrival: SnapshotValue {
  func write(to output: inout SnapshotOutput) {
    output.write(source)
    output.write(time)
  }

  init(from input: inout SnapshotInput) throws {
    source = try input.read()
    time = try input.read()
  }
}
