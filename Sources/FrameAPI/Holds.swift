package struct HoldView: Codable, Sendable {
  package let holdId: String
  package let state: String
  package let from: String
  package let payee: String?
  package let amount: String
  package let captured: String
  package let remaining: String
  package let asset: String
  package let memo: String
  package let position: UInt64
  package let createdAt: String
  package let expiresAt: String
  package let endedAt: String?

  package init(
    holdId: String, state: String, from: String, payee: String?, amount: String, captured: String, remaining: String,
    asset: String, memo: String, position: UInt64, createdAt: String, expiresAt: String, endedAt: String?
  ) {
    self.holdId = holdId
    self.state = state
    self.from = from
    self.payee = payee
    self.amount = amount
    self.captured = captured
    self.remaining = remaining
    self.asset = asset
    self.memo = memo
    self.position = position
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.endedAt = endedAt
  }
}

package struct HoldsView: Codable, Sendable {
  package let holds: [HoldView]

  package init(holds: [HoldView]) {
    self.holds = holds
  }
}

/// `POST /api/v1/holds`; one of `expires_in_seconds` and `expires_at` (RFC 3339).
package struct NewHoldBody: Codable, Sendable {
  package var from: String?
  package var payee: String?
  package var amount: String
  package var asset: String?
  package var expiresInSeconds: Int64?
  package var expiresAt: String?
  package var memo: String?

  package init(
    from: String? = nil, payee: String? = nil, amount: String, asset: String? = nil, expiresInSeconds: Int64? = nil,
    expiresAt: String? = nil, memo: String? = nil
  ) {
    self.from = from
    self.payee = payee
    self.amount = amount
    self.asset = asset
    self.expiresInSeconds = expiresInSeconds
    self.expiresAt = expiresAt
    self.memo = memo
  }
}

/// `POST /api/v1/holds/{id}/capture`; all that is left when no amount is named.
package struct CaptureHoldBody: Codable, Sendable {
  package var amount: String?
  package var asset: String?
  package var to: String?
  package var keepRest: Bool?
  package var memo: String?

  package init(
    amount: String? = nil, asset: String? = nil, to: String? = nil, keepRest: Bool? = nil, memo: String? = nil
  ) {
    self.amount = amount
    self.asset = asset
    self.to = to
    self.keepRest = keepRest
    self.memo = memo
  }
}
