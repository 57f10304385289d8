/// A bounded number of places, such as connections of a listener, that no holder can keep from all others.
///
/// Who asks says where it comes from, from the wide to the narrow: user, then process. When all places are taken, the widest
/// crowd makes room: within it the narrowest, and there whoever has been idle longest. What a crowd of one's own holds is never
/// a reason to take a place from somebody else. Pure: whoever uses it closes what has to go.
public struct SharedPlaces: Sendable {
  public struct Ticket: Sendable, Hashable {
    fileprivate let number: UInt64
  }

  public enum Answer: Sendable, Equatable {
    /// There is a place; `leaving` has lost its own for it.
    case admitted(Ticket, leaving: Ticket?)
    case refused
  }

  /// What has happened since the start, and how it stands.
  public struct Counts: Sendable, Equatable {
    public var taken = 0
    public var max = 0
    public var accepted: UInt64 = 0
    public var refused: UInt64 = 0
    /// Places that were taken from one for another.
    public var ceded: UInt64 = 0

    public init() {}
  }

  private struct Holder {
    let source: [String]
    /// Nil while it is busy; else the moment since when it is idle, as a count.
    var idleSince: UInt64?
    let arrived: UInt64
  }

  private let max: Int
  private let cedesBusy: Bool
  private var holders: [UInt64: Holder] = [:]
  private var next: UInt64 = 0
  private var accepted: UInt64 = 0
  private var refused: UInt64 = 0
  private var ceded: UInt64 = 0

  /// - Parameters:
  ///   - max: at least 1.
  ///   - cedesBusy: a crowd whose places are all busy makes room too, for somebody who is not of it.
  public init(max: Int, cedesBusy: Bool) {
    self.max = Swift.max(1, max)
    self.cedesBusy = cedesBusy
  }

  public var counts: Counts {
    var counts = Counts()
    counts.taken = holders.count
    counts.max = max
    counts.accepted = accepted
    counts.refused = refused
    counts.ceded = ceded
    return counts
  }

  /// - Parameter source: from the wide to the narrow, never empty.
  public mutating func admit(from source: [String]) -> Answer {
    var leaving: UInt64?
    if holders.count >= max {
      guard let victim = victim(for: source) else {
        refused += 1
        return .refused
      }
      holders[victim] = nil
      ceded += 1
      leaving = victim
    }
    next += 1
    accepted += 1
    holders[next] = Holder(source: source, idleSince: next, arrived: next)
    return .admitted(Ticket(number: next), leaving: leaving.map(Ticket.init(number:)))
  }

  /// A holder that is at work is not sent away for one of its own crowd.
  public mutating func set(_ ticket: Ticket, busy: Bool) {
    guard let holder = holders[ticket.number], (holder.idleSince == nil) != busy else { return }
    next += 1
    holders[ticket.number]?.idleSince = busy ? nil : next
  }

  /// The place is free again. One that was taken away already changes nothing.
  public mutating func release(_ ticket: Ticket) { holders[ticket.number] = nil }

  private func victim(for source: [String]) -> UInt64? {
    var (crowds, isOwn) = ([holders], true)
    for level in source.indices {
      var sizes: [String: Int] = [:]
      let crowd = crowds[crowds.count - 1]
      for holder in crowd.values where level < holder.source.count { sizes[holder.source[level], default: 0] += 1 }
      // With the one that asks; between equals its own crowd makes room.
      if isOwn { sizes[source[level], default: 0] += 1 }
      let own = isOwn ? source[level] : nil
      let largest = sizes.max { a, b in
        if a.value != b.value { return a.value < b.value }
        return a.key == own || b.key == own ? b.key == own : a.key > b.key
      }
      guard let largest else { break }
      let narrower = crowd.filter { level < $0.value.source.count && $0.value.source[level] == largest.key }
      // Who holds nothing yet has nothing to give: somebody else who is idle does, of the same user if it is a process.
      if narrower.isEmpty {
        crowds.append(crowd)
        break
      }
      isOwn = isOwn && largest.key == source[level]
      crowds.append(narrower)
    }
    // Of the narrowest crowd, else of the next wider; never of the others.
    for crowd in crowds.dropFirst().reversed() {
      if let idle = Self.oldestIdle(crowd) { return idle }
    }
    return cedesBusy && !isOwn ? crowds[crowds.count - 1].min { $0.value.arrived < $1.value.arrived }?.key : nil
  }

  private static func oldestIdle(_ holders: [UInt64: Holder]) -> UInt64? {
    holders.compactMap { number, holder in holder.idleSince.map { (number, $0) } }.min { $0.1 < $1.1 }?.0
  }
}
