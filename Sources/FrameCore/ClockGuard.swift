/// Holds the wall clock against the steady one, and says which time is to be counted by (decision 0036).
///
/// The wall clock is set: by NTP, by people, by a host that wakes up. A step back is followed at once: it leaves
/// nothing behind. A step forward does: an event that is recorded a year ahead keeps all later ones there, a key that is made
/// then is not valid for a year. So it is followed only when it has stood for ``standing``; until then time goes on as the
/// steady clock counts it. A clock that was set back and is set right again soon goes to no time that was not believed before: that is
/// followed at once too.
public struct ClockGuard: Sendable {
  public struct Step: Equatable, Sendable {
    public enum Direction: String, CaseIterable, Sendable { case forward, back }

    public let direction: Direction
    public let by: Duration
  }

  public struct Reading: Equatable, Sendable {
    /// What the log counts by.
    public fileprivate(set) var time: FrameTime
    /// How far the clock is ahead of that.
    public fileprivate(set) var held: Duration = .zero
    /// Set when this reading is the first after a step.
    public fileprivate(set) var step: Step?
    /// A step forward has stood for long enough and is followed from this reading on.
    public fileprivate(set) var follows = false
    /// Set when this reading is the first after a step in that direction was taken back.
    public fileprivate(set) var returned: Step.Direction?
  }

  /// What two clocks may differ by from one look to the next: more than a slew or a slow thread, less than anybody's step.
  public static let tolerance: Duration = .seconds(5)
  /// How long a step forward must stand before it is followed: time to be paged and to set the clock right. For as long a step back may be
  /// taken back; after it, the earlier time is the right one.
  public static let standing: Duration = .seconds(600)

  /// The last pair that is believed.
  private var base: (time: FrameTime, steady: Duration)?
  /// A step forward that is not followed yet.
  private var pending: (since: Duration, ahead: Duration)?
  /// What was believed when the clock was set back, and when that was.
  private var before: (time: FrameTime, since: Duration)?

  public init() {}

  public mutating func read(wall: FrameTime, steady: Duration) -> Reading {
    guard let base else { return believe(wall, steady) }
    let expected = base.time + (steady - base.steady)
    if let past = before, steady - past.since >= Self.standing { before = nil }
    let ahead = wall - expected
    let wasPending = pending != nil
    guard ahead.magnitude > Self.tolerance else {
      var reading = believe(wall, steady)
      if wasPending { reading.returned = .forward }
      return reading
    }
    guard ahead > .zero else {
      // The first of several: each may be taken back as far as the time before all of them.
      if before == nil { before = (expected, steady) }
      return believe(wall, steady, Step(direction: .back, by: .zero - ahead))
    }
    if let past = before, wall <= past.time + (steady - past.since) + Self.tolerance {
      if wall + Self.tolerance >= past.time + (steady - past.since) { before = nil }
      var reading = believe(wall, steady)
      reading.returned = .back
      return reading
    }
    var step: Step?
    if pending.map({ (ahead - $0.ahead).magnitude > Self.tolerance }) ?? true {
      step = Step(direction: .forward, by: ahead)
      pending = (steady, ahead)
    }
    if let pending, steady - pending.since >= Self.standing {
      before = nil
      var reading = believe(wall, steady)
      reading.follows = true
      return reading
    }
    return Reading(time: expected, held: ahead, step: step)
  }

  private mutating func believe(_ wall: FrameTime, _ steady: Duration, _ step: Step? = nil) -> Reading {
    base = (wall, steady)
    pending = nil
    return Reading(time: wall, step: step)
  }
}

extension Duration {
  fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
