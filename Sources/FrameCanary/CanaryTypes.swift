import FrameCore

/// The two ways a cross-registry transfer can settle; the raw value is the API's `backend` parameter and the metric label.
package enum CanaryBackend: String, Sendable, CaseIterable, Comparable {
  case async
  case twoPhase = "2pc"

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Where in a probe something happened; the metric label `phase`.
package enum CanaryPhase: String, Sendable, CaseIterable {
  /// From sending the request until the node answered the caller.
  case request
  /// From that answer until the transfer reads as completed.
  case settle
}

/// Why a probe failed; the metric label `reason`. A closed set, so that every series exists from the start (O9) and
/// nothing a peer answers can grow it.
package enum CanaryFailure: String, Sendable, CaseIterable {
  /// The phase did not end within its limit.
  case timeout
  /// The node's own API did not answer.
  case unreachable
  /// The node answered that the peer cannot be reached now (503).
  case peerUnavailable = "peer_unavailable"
  /// The token was not accepted (401, 403).
  case unauthorized
  /// The canary's account could not be funded, or the funds were not enough.
  case noFunds = "no_funds"
  /// Our frame refused the transfer (any other 4xx).
  case refused
  /// The peer refused it and the money came back.
  case compensated
  /// The answer was not one that the API documents.
  case badResponse = "bad_response"
  /// The node answered with a failure of its own (5xx).
  case `internal`
}

/// An established peer, as far as the canary needs to know it.
package struct CanaryPeer: Hashable, Sendable {
  package let frame: FrameID
  /// Decimal places of the peer's native currency: an amount must fit both exactly (CONFORMANCE B18).
  package let scale: UInt8
  /// What the treaty lets us send: not async to a peer that is not subscribed to it.
  package let backends: [CanaryBackend]

  package init(frame: FrameID, scale: UInt8, backends: [CanaryBackend] = CanaryBackend.allCases) {
    self.frame = frame
    self.scale = scale
    self.backends = backends
  }
}

/// What the node lends its canary. Everything else the canary does through the public API, like any other client.
package struct CanaryHost: Sendable {
  /// Decimal places of our own native currency.
  package let scale: UInt8
  /// The peers with an established treaty, now.
  package let peers: @Sendable () async throws -> [CanaryPeer]
  /// Makes sure that the canary's agent exists and holds at least `minimum`, topped up from the treasury within the
  /// node's own cap. Throws when it cannot.
  /// With a minimum of zero it only makes the agent.
  package let ensureFunds: @Sendable (_ minimum: Amount) async throws -> Void

  package init(
    scale: UInt8, peers: @escaping @Sendable () async throws -> [CanaryPeer],
    ensureFunds: @escaping @Sendable (_ minimum: Amount) async throws -> Void
  ) {
    self.scale = scale
    self.peers = peers
    self.ensureFunds = ensureFunds
  }
}

/// How often and how patiently the canary sings.
package struct CanaryConfiguration: Sendable, Equatable {
  /// The canary's agent on every frame.
  package static let agent = "canary"
  /// The most unresolved transfers remembered per peer; beyond it no new ones are started.
  package static let maximumUnresolved = 16

  /// Between two rounds with one peer.
  package var interval: Duration
  /// After a first round that failed, until the one other round that comes off the grid.
  package var secondChance: Duration
  /// Most that the request phase may take.
  package var requestTimeout: Duration
  /// Most that the settle phase may take.
  package var settleTimeout: Duration
  /// How often the list of established peers is looked at.
  package var peerPollInterval: Duration
  /// First and longest pause between two looks at a transfer that is settling.
  package var settlePollMinimum: Duration
  package var settlePollMaximum: Duration
  /// What one probe sends, in minor units of ours.
  package var amount: Amount

  package init(
    interval: Duration = .seconds(60), secondChance: Duration = .seconds(2), requestTimeout: Duration = .seconds(10),
    settleTimeout: Duration = .seconds(20), peerPollInterval: Duration = .milliseconds(500),
    settlePollMinimum: Duration = .milliseconds(5), settlePollMaximum: Duration = .milliseconds(500),
    amount: Amount = Amount(minorUnits: 1)
  ) {
    self.interval = interval
    self.secondChance = min(secondChance, interval)
    self.requestTimeout = requestTimeout
    self.settleTimeout = settleTimeout
    self.peerPollInterval = peerPollInterval
    self.settlePollMinimum = settlePollMinimum
    self.settlePollMaximum = settlePollMaximum
    self.amount = amount
  }

  /// ``amount``, raised to the next one that the peer's currency can state exactly.
  package func amount(ours: UInt8, theirs: UInt8) -> Amount {
    guard ours > theirs, let step = Amount(minorUnits: 1).rescaled(from: theirs, to: ours)?.minorUnits else {
      return amount
    }
    return Amount(minorUnits: max(1, (amount.minorUnits + step - 1) / step) * step)
  }
}
