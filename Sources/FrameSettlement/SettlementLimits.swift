/// Every bound of this room, in one place.
package enum SettlementLimits {
  package static let transferIDBytesMax = 64
  /// What one transfer may move, in minor units: far from Int64's edge, so that no sum of balances can reach it.
  package static let amountMax: Int64 = 1_000_000_000_000_000
  /// Refusals that one peer may bring about in a minute: each is written to the log (CONFORMANCE B21).
  package static let refusalsPerMinuteMax: Int64 = 6_000
  /// The same where the peer only asked: an honest one asks about what it holds money for and could not deliver.
  package static let neverSeenPerMinuteMax: Int64 = 600
  /// Terms that go back to a peer with a refusal.
  package static let echoedTermsBytesMax = 2_048
  /// How long a caller of the 2pc backend waits for the outcome before it is told "pending".
  package static let callerWait: Duration = .seconds(3)
  /// After it the origin no longer asks for the credit but for the outcome.
  package static let lockDeadline: Duration = .seconds(30)
  /// One call to the peer.
  package static let callTimeout: Duration = .seconds(5)
  package static let retryDelayMin: Duration = .milliseconds(100)
  package static let retryDelayMax: Duration = .seconds(15)
  /// While a caller waits: from the first try that brought no answer to the next; then twice as long each time, so often at most.
  package static let nudgeDelay: Duration = .milliseconds(75)
  package static let nudgesMax = 6
  /// In-doubt transfers of one peer that are asked about at once.
  package static let resolverConcurrencyMax = 16
  /// Transfers to a former log that are given back in one round.
  package static let giveBackBatchMax = 64
}
