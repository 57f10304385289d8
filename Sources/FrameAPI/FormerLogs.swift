package struct FormerLogsView: Codable, Sendable {
  package let formerLogs: [FormerLogView]
  package let claims: [FormerLogClaimView]

  package init(formerLogs: [FormerLogView], claims: [FormerLogClaimView]) {
    self.formerLogs = formerLogs
    self.claims = claims
  }
}

/// What stands towards one log that a peer has lost or left.
package struct FormerLogView: Codable, Sendable {
  package struct Item: Codable, Sendable {
    package let kind: String
    package let id: String
    /// Who gets it back, or is paid.
    package let to: String
    package let amount: String
    /// Of wrapped tokens; the rest is in our own currency.
    package let asset: String?

    package init(kind: String, id: String, to: String, amount: String, asset: String?) {
      self.kind = kind
      self.id = id
      self.to = to
      self.amount = amount
      self.asset = asset
    }
  }

  package let log: String
  package let frameId: String
  package let state: String
  package let since: String
  package let logVerifierKey: String
  package let newLogVerifierKey: String
  /// Of all amounts but `wrapped`, which says its own.
  package let asset: String
  /// Owed to it (negative: by it), without what is in flight.
  package let clearing: String
  package let sent: String
  package let held: String
  package let transfers: UInt64
  package let reserve: String
  package let returnable: String
  package let items: UInt64
  package let wrapped: String?
  /// In `wrapped`: redeemed here, and not seen as unlocked there.
  package let redeeming: String?
  package let proposalId: String?
  package let withdrawnAt: String?
  package let decidedAt: String?
  package let note: String?
  /// What is in flight, or still to be returned; only when one log is asked for.
  package let open: [Item]?

  package init(
    log: String, frameId: String, state: String, since: String, logVerifierKey: String, newLogVerifierKey: String,
    asset: String, clearing: String, sent: String, held: String, transfers: UInt64, reserve: String, returnable: String,
    items: UInt64, wrapped: String?, redeeming: String?, proposalId: String?, withdrawnAt: String?, decidedAt: String?,
    note: String?, open: [Item]?
  ) {
    self.log = log
    self.frameId = frameId
    self.state = state
    self.since = since
    self.logVerifierKey = logVerifierKey
    self.newLogVerifierKey = newLogVerifierKey
    self.asset = asset
    self.clearing = clearing
    self.sent = sent
    self.held = held
    self.transfers = transfers
    self.reserve = reserve
    self.returnable = returnable
    self.items = items
    self.wrapped = wrapped
    self.redeeming = redeeming
    self.proposalId = proposalId
    self.withdrawnAt = withdrawnAt
    self.decidedAt = decidedAt
    self.note = note
    self.open = open
  }
}

/// What a peer asks of us about a log that we have lost, in our own currency.
package struct FormerLogClaimView: Codable, Sendable {
  package let proposalId: String
  package let frameId: String
  package let log: String
  package let state: String
  package let since: String
  /// Of both amounts.
  package let asset: String
  /// What we would owe the peer (negative: it would owe us), booked against our treasury.
  package let clearing: String?
  /// What we would lock from our treasury, behind what the peer's agents hold.
  package let reserve: String
  /// In `reserve`: what the peer's agents were redeeming with the lost log, for all that the peer knows.
  package let redeeming: String
  package let note: String?
  package let reason: String?
  package let answeredAt: String?

  package init(
    proposalId: String, frameId: String, log: String, state: String, since: String, asset: String, clearing: String?,
    reserve: String, redeeming: String, note: String?, reason: String?, answeredAt: String?
  ) {
    self.proposalId = proposalId
    self.frameId = frameId
    self.log = log
    self.state = state
    self.since = since
    self.asset = asset
    self.clearing = clearing
    self.reserve = reserve
    self.redeeming = redeeming
    self.note = note
    self.reason = reason
    self.answeredAt = answeredAt
  }
}
