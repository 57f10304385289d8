package struct AgentView: Codable, Sendable {
  package struct Balance: Codable, Sendable {
    package let kind: String
    package let asset: String
    package let amount: String

    package init(kind: String, asset: String, amount: String) {
      self.kind = kind
      self.asset = asset
      self.amount = amount
    }
  }

  package let name: String
  package let spiffeId: String
  package let address: String
  package let purpose: String
  package var position: UInt64?
  package var balances: [Balance]?
  /// Given when the past was asked for: what the balances are true at.
  package var asOf: AsOfView?
  /// Why and since when its money does not move out; absent unless it is frozen.
  package var frozen: String?
  package var frozenSince: String?

  package init(
    name: String, spiffeId: String, address: String, purpose: String, position: UInt64? = nil,
    balances: [Balance]? = nil, asOf: AsOfView? = nil, frozen: String? = nil, frozenSince: String? = nil
  ) {
    self.name = name
    self.spiffeId = spiffeId
    self.address = address
    self.purpose = purpose
    self.position = position
    self.balances = balances
    self.asOf = asOf
    self.frozen = frozen
    self.frozenSince = frozenSince
  }
}

package struct AgentsView: Codable, Sendable {
  package let agents: [AgentView]

  package init(agents: [AgentView]) {
    self.agents = agents
  }
}

package struct TokenView: Codable, Sendable {
  package let token: String
  package let spiffeId: String
  package let expiresAt: String

  package init(token: String, spiffeId: String, expiresAt: String) {
    self.token = token
    self.spiffeId = spiffeId
    self.expiresAt = expiresAt
  }
}

package struct HistoryView: Codable, Sendable {
  package let agent: String
  /// Present when a point in the past was asked for.
  package let asOf: AsOfView?
  package let transactions: [TransactionView]
  /// Of the next page; absent when there is none. Towards the newest it is always there: ask again with it later.
  package let nextCursor: String?

  package init(agent: String, asOf: AsOfView?, transactions: [TransactionView], nextCursor: String?) {
    self.agent = agent
    self.asOf = asOf
    self.transactions = transactions
    self.nextCursor = nextCursor
  }
}

/// One event as it touched one agent's money.
package struct TransactionView: Codable, Sendable {
  package struct Change: Codable, Sendable {
    package let kind: String
    package let asset: String
    /// Signed decimal.
    package let amount: String

    package init(kind: String, asset: String, amount: String) {
      self.kind = kind
      self.asset = asset
      self.amount = amount
    }
  }

  package let position: UInt64
  package let time: String
  package let type: String
  package let changes: [Change]
  package let counterparty: String?
  package let memo: String?
  /// Of the transfer, hold, lock or redemption that it is part of.
  package let reference: String?

  package init(
    position: UInt64, time: String, type: String, changes: [Change], counterparty: String?, memo: String?,
    reference: String?
  ) {
    self.position = position
    self.time = time
    self.type = type
    self.changes = changes
    self.counterparty = counterparty
    self.memo = memo
    self.reference = reference
  }
}

/// What is true as of a point in the past.
package struct AsOfView: Codable, Sendable {
  /// Events in the log then.
  package let size: UInt64
  /// Position of the last of them; absent when there were none.
  package let position: UInt64?
  /// When it was recorded.
  package let time: String?
  /// The RFC 6962 root of the log of that size.
  package let root: String

  package init(size: UInt64, position: UInt64?, time: String?, root: String) {
    self.size = size
    self.position = position
    self.time = time
    self.root = root
  }
}

/// `POST /api/v1/agents`.
package struct NewAgentBody: Codable, Sendable {
  package var name: String
  package var purpose: String?

  package init(name: String, purpose: String? = nil) {
    self.name = name
    self.purpose = purpose
  }
}

/// Why something is done; on paths where it may be left out.
package struct ReasonBody: Codable, Sendable {
  package var reason: String?

  package init(reason: String? = nil) {
    self.reason = reason
  }
}

/// Why an agent is frozen.
package struct FreezeBody: Codable, Sendable {
  package var reason: String

  package init(reason: String) {
    self.reason = reason
  }
}

/// How long a token is to be valid: 1 to 86,400 seconds, 300 when it is left out.
package struct TokenBody: Codable, Sendable {
  package var ttlSeconds: Int?

  package init(ttlSeconds: Int? = nil) {
    self.ttlSeconds = ttlSeconds
  }
}
