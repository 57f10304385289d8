package import FrameCore
package import FrameEvents
package import FrameProtos

/// Money of an agent that is set aside until it is captured, released, or its time is over: one of these, once
/// (CONFORMANCE B2).
package struct Hold: Sendable, Hashable {
  /// How a hold ended.
  package enum Ending: String, Sendable, CaseIterable {
    /// All of it was captured, or what was left was released with the last capture.
    case captured
    case released
    case expired
  }

  package let id: String
  package let owner: AgentName
  /// Who may capture it; nil: its owner alone.
  package let payee: AgentName?
  /// What was set aside at first, minor units.
  package let amount: Int64
  /// From this time on it can only expire.
  package let expires: FrameTime
  package let memo: String
  package let created: FrameTime
  /// Of the event that created it.
  package let position: UInt64
  /// What was paid out so far, minor units.
  package internal(set) var captured: Int64 = 0
  /// What is still set aside, minor units; 0 once it has ended.
  package internal(set) var remaining: Int64
  package internal(set) var ending: Ending?
  package internal(set) var ended: FrameTime?

  /// As it is when the event that creates it is recorded.
  /// - Throws: `IdentifierError` when the event names no agent, which the guard lets none do.
  package init(_ event: PBHoldCreated, _ recorded: RecordedEvent) throws {
    id = event.holdID
    owner = try AgentName(event.from)
    payee = event.payee.isEmpty ? nil : try AgentName(event.payee)
    amount = event.amount
    expires = FrameTime(unixNanoseconds: event.expiresUnixNs)
    memo = event.memo
    created = recorded.clock
    position = recorded.position
    remaining = event.amount
  }

  package func isOver(at now: FrameTime) -> Bool { now >= expires }

  /// `open`, `expiring` when its time is over and its end not on record yet, or how it ended.
  package func state(at now: FrameTime) -> String { ending?.rawValue ?? (isOver(at: now) ? "expiring" : "open") }

  /// The id of the hold that the command with this key makes, so that a retry finds the same one.
  package static func id(for key: IdempotencyKey) -> String {
    "h"
      + CommandDigest.of("hold-id", key.text).prefix(16).map { byte in
        let hex = String(byte, radix: 16)
        return hex.utf8.count == 1 ? "0" + hex : hex
      }.joined()
  }
}

/// When a hold is over: at a time, or so long after it was made.
package enum HoldExpiry: Sendable, Hashable {
  case at(FrameTime)
  case after(Duration)

  func time(from now: FrameTime) -> FrameTime {
    switch self {
    case .at(let time): time
    case .after(let duration): now + duration
    }
  }

  var canonical: String {
    switch self {
    case .at(let time): "at \(time.unixNanoseconds)"
    case .after(let duration): "after \(duration.nanoseconds)"
    }
  }
}

/// The limits of holds, in one place.
package enum HoldLimits {
  /// 366 days.
  package static let secondsMax: Int64 = 366 * 86_400
  /// Open holds of one agent.
  package static let perAgentMax = 1_000
  package static let idBytesMax = 64
  /// Ended holds that are remembered, so that a late caller is told how its hold ended; older ones are in the log only.
  package static let endedKept = 10_000
  /// Holds that one round of the keeper ends.
  static let expiredPerRound = 256
}
