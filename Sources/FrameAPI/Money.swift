/// The body of a transfer, within the frame or to a peer.
package struct TransferBody: Codable, Sendable {
  package var from: String?
  package var to: String
  package var amount: String
  /// What is moved, in full; checked when it is given.
  package var asset: String?
  package var memo: String?

  package init(from: String? = nil, to: String, amount: String, asset: String? = nil, memo: String? = nil) {
    self.from = from
    self.to = to
    self.amount = amount
    self.asset = asset
    self.memo = memo
  }
}

package struct ReceiptView: Codable, Sendable {
  package var state: String
  package var position: UInt64
  package var time: String
  package var eventTypes: [String]
  package var amount: String
  /// On the paths that take one: transfers within the frame.
  package var fee: String?
  package var asset: String
  package var from: String
  package var to: String
  package var idempotencyKey: String
  package var holdId: String?
  package var released: String?

  package init(
    state: String, position: UInt64, time: String, eventTypes: [String], amount: String, fee: String?, asset: String,
    from: String, to: String, idempotencyKey: String, holdId: String? = nil, released: String? = nil
  ) {
    self.state = state
    self.position = position
    self.time = time
    self.eventTypes = eventTypes
    self.amount = amount
    self.fee = fee
    self.asset = asset
    self.from = from
    self.to = to
    self.idempotencyKey = idempotencyKey
    self.holdId = holdId
    self.released = released
  }
}

package struct TransferView: Codable, Sendable {
  package var transferId: String
  package var backend: String
  package var state: String
  package var origin: String
  package var destination: String
  package var from: String
  package var to: String
  package var amount: String
  package var asset: String
  package var position: UInt64
  package var openedAt: String
  package var closedAt: String?
  package var reason: String?

  package init(
    transferId: String, backend: String, state: String, origin: String, destination: String, from: String, to: String,
    amount: String, asset: String, position: UInt64, openedAt: String, closedAt: String?, reason: String?
  ) {
    self.transferId = transferId
    self.backend = backend
    self.state = state
    self.origin = origin
    self.destination = destination
    self.from = from
    self.to = to
    self.amount = amount
    self.asset = asset
    self.position = position
    self.openedAt = openedAt
    self.closedAt = closedAt
    self.reason = reason
  }
}

/// What a batch did: its transfers stand at `position` and the `transfers - 1` positions after it, in their order.
package struct TransferBatchView: Codable, Sendable {
  package let state: String
  package let position: UInt64
  package let transfers: Int
  package let time: String
  package let from: String
  /// Sums over all transfers.
  package let amount: String
  package let fee: String
  package let asset: String
  package let idempotencyKey: String

  package init(
    state: String, position: UInt64, transfers: Int, time: String, from: String, amount: String, fee: String,
    asset: String, idempotencyKey: String
  ) {
    self.state = state
    self.position = position
    self.transfers = transfers
    self.time = time
    self.from = from
    self.amount = amount
    self.fee = fee
    self.asset = asset
    self.idempotencyKey = idempotencyKey
  }
}

/// The frame's fee rule; amounts are decimal strings.
package struct FeesView: Codable, Sendable {
  package let basisPoints: Int64
  package let fixed: String
  package let minimum: String
  package let maximum: String?
  package let asset: String
  /// What was asked about, and its fee.
  package let amount: String?
  package let fee: String?
  /// What is in the fee pool; the authority only.
  package let pool: String?

  package init(
    basisPoints: Int64, fixed: String, minimum: String, maximum: String?, asset: String, amount: String?, fee: String?,
    pool: String?
  ) {
    self.basisPoints = basisPoints
    self.fixed = fixed
    self.minimum = minimum
    self.maximum = maximum
    self.asset = asset
    self.amount = amount
    self.fee = fee
    self.pool = pool
  }
}

/// What is issued or burned.
package struct MintBody: Codable, Sendable {
  package var amount: String
  package var asset: String?
  package var memo: String?

  package init(amount: String, asset: String? = nil, memo: String? = nil) {
    self.amount = amount
    self.asset = asset
    self.memo = memo
  }
}

/// `POST /api/v1/fees/collect`; all there is when no amount is named.
package struct CollectFeesBody: Codable, Sendable {
  package var amount: String?
  package var asset: String?
  package var memo: String?

  package init(amount: String? = nil, asset: String? = nil, memo: String? = nil) {
    self.amount = amount
    self.asset = asset
    self.memo = memo
  }
}

/// `POST /api/v1/transfers/batch`: up to a thousand transfers of one payer, all of them or none.
///
/// The node reads it in one pass over the bytes; a test holds that reader to this form.
package struct TransferBatchBody: Codable, Sendable {
  package struct Item: Codable, Sendable, Equatable {
    package var to: String
    package var amount: String
    package var memo: String?

    package init(to: String, amount: String, memo: String? = nil) {
      self.to = to
      self.amount = amount
      self.memo = memo
    }
  }

  package var from: String?
  package var asset: String?
  package var transfers: [Item]

  package init(from: String? = nil, asset: String? = nil, transfers: [Item]) {
    self.from = from
    self.asset = asset
    self.transfers = transfers
  }
}
