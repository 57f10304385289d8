/// Every bound of this room, in one place.
package enum BridgeLimits {
  package static let idBytesMax = 64
  /// What one lock or redemption may move, in minor units: far from Int64's edge.
  package static let amountMax: Int64 = 1_000_000_000_000_000
  /// Running totals a peer may claim, in minor units: sums of a few of them stay far from Int64's edge.
  package static let totalMax: Int64 = 1 << 60
  /// Items of one peer and direction that may wait at once.
  package static let pendingMax = 10_000
  /// How often what could not be issued or unlocked is tried again.
  package static let relayInterval: Duration = .seconds(1)
  /// How often the two sides' totals are compared.
  package static let statementInterval: Duration = .seconds(60)
  package static let callTimeout: Duration = .seconds(10)
  /// Pending items of one peer that are tried in one round.
  package static let relayBatchMax = 64
}
