/// Something that should answer and at times does not, as people are told of it: once when it is lost, once when it is back, and now
/// and then in between. What happens at each try is for the counters.
public struct Outage: Sendable, Equatable {
  public enum News: Sendable, Equatable {
    case lost
    /// Not for the first time; for so long already.
    case still(Duration)
    /// After so long.
    case back(Duration)
  }

  /// Between two reminders.
  public static let reminderInterval: Duration = .seconds(600)

  /// So many tries in a row that failed make it lost: one may be a connection that was closed for good reason.
  private let patience: Int
  private var failures = 0
  /// Of the first of the failures in a row.
  public private(set) var since: FrameTime?
  public private(set) var isLost = false
  private var told: FrameTime?

  /// And they must be spread over this long: several calls that end with one connection are one failure.
  private let spread: Duration

  public init(patience: Int = 2, spread: Duration = .seconds(1)) {
    self.patience = patience
    self.spread = spread
  }

  /// The last try has failed.
  public var isFailing: Bool { failures > 0 }

  /// - Returns: what is worth telling, if anything is.
  public mutating func failed(at now: FrameTime) -> News? {
    failures = min(failures + 1, patience)
    let since = self.since ?? now
    self.since = since
    guard isLost else {
      guard failures >= patience, now - since >= spread else { return nil }
      isLost = true
      told = now
      return .lost
    }
    // A clock that was set back must not keep it silent.
    let elapsed = now - (told ?? since)
    guard elapsed >= Self.reminderInterval || elapsed < .zero else { return nil }
    told = now
    return .still(max(.zero, now - since))
  }

  /// It is known to be gone, without a try more: somebody else is where it was.
  /// - Returns: what is worth telling, if anything is.
  public mutating func lost(at now: FrameTime) -> News? {
    guard !isLost else { return nil }
    failures = patience
    since = since ?? now
    isLost = true
    told = now
    return .lost
  }

  /// - Returns: what is worth telling, if anything is.
  public mutating func succeeded(at now: FrameTime) -> News? {
    guard failures > 0 else { return nil }
    let news: News? = isLost ? since.map { .back(max(.zero, now - $0)) } : nil
    self = Outage(patience: patience, spread: spread)
    return news
  }
}
