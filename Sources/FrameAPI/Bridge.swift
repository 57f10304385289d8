package struct BridgeItemView: Codable, Sendable {
  package var lockId: String?
  package var redeemId: String?
  package let state: String
  package let peer: String
  package let from: String
  package let recipient: String
  package let amount: String
  package let asset: String
  package let memo: String
  package let position: UInt64

  package init(
    lockId: String? = nil, redeemId: String? = nil, state: String, peer: String, from: String, recipient: String,
    amount: String, asset: String, memo: String, position: UInt64
  ) {
    self.lockId = lockId
    self.redeemId = redeemId
    self.state = state
    self.peer = peer
    self.from = from
    self.recipient = recipient
    self.amount = amount
    self.asset = asset
    self.memo = memo
    self.position = position
  }
}

package struct ReservesView: Codable, Sendable {
  package struct Item: Codable, Sendable {
    package let kind: String
    package let id: String
    package let amount: String

    package init(kind: String, id: String, amount: String) {
      self.kind = kind
      self.id = id
      self.amount = amount
    }
  }

  package struct Reserve: Codable, Sendable {
    package let peer: String
    package let asset: String
    package let locked: String
    package let unlocked: String
    package let reserve: String
    package let outstanding: String
    package let inFlight: String
    package let imbalance: String
    package let wrappedAsset: String
    package let wrappedOutstanding: String
    package let breakerOpen: Bool
    package let breakerReason: String?
    package let inFlightItems: [Item]

    package init(
      peer: String, asset: String, locked: String, unlocked: String, reserve: String, outstanding: String,
      inFlight: String, imbalance: String, wrappedAsset: String, wrappedOutstanding: String, breakerOpen: Bool,
      breakerReason: String?, inFlightItems: [Item]
    ) {
      self.peer = peer
      self.asset = asset
      self.locked = locked
      self.unlocked = unlocked
      self.reserve = reserve
      self.outstanding = outstanding
      self.inFlight = inFlight
      self.imbalance = imbalance
      self.wrappedAsset = wrappedAsset
      self.wrappedOutstanding = wrappedOutstanding
      self.breakerOpen = breakerOpen
      self.breakerReason = breakerReason
      self.inFlightItems = inFlightItems
    }
  }

  package let reserves: [Reserve]

  package init(reserves: [Reserve]) {
    self.reserves = reserves
  }
}

/// `POST /api/v1/bridge/redeem`: wrapped tokens go home, to an agent at their origin.
package struct RedeemBody: Codable, Sendable {
  package var from: String?
  package var origin: String
  package var to: String
  package var amount: String
  package var asset: String?
  package var memo: String?

  package init(
    from: String? = nil, origin: String, to: String, amount: String, asset: String? = nil, memo: String? = nil
  ) {
    self.from = from
    self.origin = origin
    self.to = to
    self.amount = amount
    self.asset = asset
    self.memo = memo
  }
}

/// A proof of an event in a peer's log, in base64 (`frame.v1.Attestation`).
package struct ProofBody: Codable, Sendable {
  package var proof: String

  package init(proof: String) {
    self.proof = proof
  }
}

/// What whoever decides has found out.
package struct NoteBody: Codable, Sendable {
  package var note: String

  package init(note: String) {
    self.note = note
  }
}
