/// A supply statement and what it is true at.
package struct AuditView: Codable, Sendable {
  package struct Supply: Codable, Sendable {
    /// Of all amounts but the wrapped ones, which are in their origin's currency.
    package let asset: String
    package let issued: String
    package let circulating: String
    package let staked: String
    package let held: String
    package let fees: String
    package let treasury: String
    package let lockedForBridge: ByName
    package let clearing: ByName
    package let delta: String
    package let wrapped: ByName
    package let formerLogs: [FormerLog]

    package init(
      asset: String, issued: String, circulating: String, staked: String, held: String, fees: String, treasury: String,
      lockedForBridge: ByName, clearing: ByName, delta: String, wrapped: ByName, formerLogs: [FormerLog]
    ) {
      self.asset = asset
      self.issued = issued
      self.circulating = circulating
      self.staked = staked
      self.held = held
      self.fees = fees
      self.treasury = treasury
      self.lockedForBridge = lockedForBridge
      self.clearing = clearing
      self.delta = delta
      self.wrapped = wrapped
      self.formerLogs = formerLogs
    }
  }

  /// What stands towards a log that a peer has lost or left: its parts of the lines, and why they are there.
  package struct FormerLog: Codable, Sendable {
    package let log: String
    package let state: String
    package let clearing: String
    package let lockedForBridge: String
    package let wrapped: String

    package init(log: String, state: String, clearing: String, lockedForBridge: String, wrapped: String) {
      self.log = log
      self.state = state
      self.clearing = clearing
      self.lockedForBridge = lockedForBridge
      self.wrapped = wrapped
    }
  }

  /// Amounts by a name that is data, not a field: written as it is.
  package struct ByName: Codable, Sendable {
    package let amounts: [String: String]

    package init(amounts: [String: String]) {
      self.amounts = amounts
    }

    package init(from decoder: any Decoder) throws {
      amounts = try decoder.singleValueContainer().decode([String: String].self)
    }

    package func encode(to encoder: any Encoder) throws {
      // A dictionary as one value: only so does the encoder leave its keys alone.
      var container = encoder.singleValueContainer()
      try container.encode(amounts)
    }
  }

  package let clean: Bool
  package let position: UInt64
  package let root: String
  /// The signed checkpoint that the audited events were compared with; absent when there was none of that size.
  package let checkpoint: String?
  /// The size that it is of; only from an audit of the files.
  package let checkpointSize: UInt64?
  /// How many there are; `problems` lists the first hundred.
  package let findings: Int
  package let problems: [String]
  /// Why nothing is issued now; absent unless issuing is frozen.
  package let frozen: String?
  package let frozenSince: String?
  package let supply: Supply

  package init(
    clean: Bool, position: UInt64, root: String, checkpoint: String?, checkpointSize: UInt64? = nil, findings: Int,
    problems: [String], frozen: String?, frozenSince: String?, supply: Supply
  ) {
    self.clean = clean
    self.position = position
    self.root = root
    self.checkpoint = checkpoint
    self.checkpointSize = checkpointSize
    self.findings = findings
    self.problems = problems
    self.frozen = frozen
    self.frozenSince = frozenSince
    self.supply = supply
  }
}

/// The supply as it was.
package struct PastSupplyView: Codable, Sendable {
  package let asOf: AsOfView
  package let supply: AuditView.Supply

  package init(asOf: AsOfView, supply: AuditView.Supply) {
    self.asOf = asOf
    self.supply = supply
  }
}

/// `POST /api/v1/audit/clear`.
package struct ClearAuditBody: Codable, Sendable {
  package var note: String
  package var acceptFindings: UInt64?

  package init(note: String, acceptFindings: UInt64? = nil) {
    self.note = note
    self.acceptFindings = acceptFindings
  }
}
