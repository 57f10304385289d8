internal import FrameCore
internal import FrameEvents
internal import FrameProtos

/// What an event says it does with money. The guard holds its postings against this, so that no event can claim value
/// that its own postings do not show (CONFORMANCE B14: a deposit of nothing emitted a real event).
struct MoneyClaim {
  struct Movement {
    let from: AccountRef
    let to: AccountRef
    /// Minor units, positive.
    let amount: Int64
  }

  var movements: [Movement] = []
  /// Whose money it is that moves: an agent's name, "" for the treasury; nil when it is nobody's here.
  var spender: String?

  /// - Throws: `LedgerError.postingsRefused` when the claim itself cannot be.
  init(_ payload: PBEvent.OneOf_Payload, frame: FrameID, native: Asset) throws {
    let reader = ClaimReader(event: payload.eventType.name, frame: frame, native: native)
    switch payload {
    case .tokensIssued(let event):
      try add(.issuance, .treasury, event.amount, reader)
    case .tokensBurned(let event):
      try add(.treasury, .issuance, event.amount, reader)
    case .tokensTransferred(let event):
      spender = event.from
      let source: AccountRef = event.from.isEmpty ? .treasury : try reader.liquid(event.from)
      try add(source, try reader.receiver(event.to), event.amount, reader)
      guard event.fee >= 0 else { throw reader.refusal("the fee is \(event.fee)") }
      if event.fee > 0 { try add(source, .fees, event.fee, reader) }
    case .feesCollected(let event):
      try add(.fees, .treasury, event.amount, reader)

    case .holdCreated(let event):
      spender = event.from
      let from = try reader.agent(event.from)
      try add(.liquid(from), .held(from), event.amount, reader)
    case .holdCaptured(let event):
      spender = event.from
      let from = try reader.agent(event.from)
      try add(.held(from), try reader.liquid(event.to), event.amount, reader)
      guard event.released >= 0 else { throw reader.refusal("it releases \(event.released)") }
      if event.released > 0 { try add(.held(from), .liquid(from), event.released, reader) }
    case .holdReleased(let event):
      let from = try reader.agent(event.from)
      try add(.held(from), .liquid(from), event.amount, reader)
    case .holdExpired(let event):
      let from = try reader.agent(event.from)
      try add(.held(from), .liquid(from), event.amount, reader)

    case .crossFrameTransferInitiated(let event):
      try reader.requireOrigin(event.terms)
      spender = event.terms.from
    case .crossFrameTransferSettled(let event):
      // At the destination it is the credit; at the origin it is the news of it.
      if event.terms.destination == frame.name {
        try credit(event.terms, event.creditedAmount, reader)
      } else {
        try reader.requireOrigin(event.terms)
      }
    case .crossFrameTransferCompensated(let event):
      try reader.requireOrigin(event.terms)
      let peer = try reader.peer(event.terms.destination)
      let clearing: AccountRef =
        event.formerLog.isEmpty
        ? .clearing(peer) : .clearing(of: try reader.log(event.formerLog, of: event.terms.destination))
      try add(clearing, try reader.liquid(event.terms.from), event.terms.amount, reader)

    case .crossRegistryTransferLocked(let event):
      try reader.requireOrigin(event.terms)
      spender = event.terms.from
      let from = try reader.agent(event.terms.from)
      try add(.liquid(from), .held(from), event.terms.amount, reader)
    case .crossRegistryTransferCredited(let event):
      try credit(event.terms, event.creditedAmount, reader)
    case .crossRegistryTransferCompleted(let event):
      try reader.requireOrigin(event.terms)
      spender = event.terms.from
      let from = try reader.agent(event.terms.from)
      try add(.held(from), .clearing(try reader.peer(event.terms.destination)), event.terms.amount, reader)
    case .crossRegistryTransferAborted(let event):
      try reader.requireOrigin(event.terms)
      spender = event.terms.from
      let from = try reader.agent(event.terms.from)
      try add(.held(from), .liquid(from), event.terms.amount, reader)

    case .tokensBridgeLocked(let event):
      try reader.requireNative(event.asset)
      spender = event.from
      let peer = try reader.peer(event.destination)
      try add(try reader.liquid(event.from), .bridgeReserve(peer), event.amount, reader)
    case .wrappedTokensIssued(let event):
      let asset = try reader.foreign(event.asset, of: event.origin)
      try add(.issuance(of: asset), .wrapped(try reader.agent(event.recipient), asset), event.amount, reader)
    case .wrappedTokensRedeemed(let event):
      let asset = try reader.foreign(event.asset, of: event.origin)
      spender = event.from
      try add(.wrapped(try reader.agent(event.from), asset), .issuance(of: asset), event.amount, reader)
    case .tokensBridgeUnlocked(let event):
      try reader.requireNative(event.asset)
      let peer = try reader.peer(event.destination)
      try add(.bridgeReserve(peer), try reader.liquid(event.recipient), event.amount, reader)

    case .peerLogReplaced, .formerLogAnswered, .formerLogDecided, .formerLogItemReturned:
      for movement in try FormerLogMoney.movements(payload) {
        guard movement.amount > 0 else { throw reader.refusal("it claims to move \(movement.amount)") }
        movements.append(movement)
      }

    case .formerLogProposed, .formerLogWithdrawn, .frameFounded, .agentRegistered, .crossFrameTransferRefused,
      .crossRegistryTransferRefused,
      .bridgeBreakerOpened, .bridgeBreakerClosed, .frameInvitationRequested, .frameInvitationApproved,
      .frameInvitationRejected, .frameFederationEstablished, .frameFederationRevoked, .peerBundleRotated,
      .peerBundleRepinned, .treatyAmendmentProposed, .treatyAmendmentAccepted, .treatyAmendmentRejected,
      .treatyAmendmentWithdrawn, .peerEventProjected, .agentFrozen, .agentUnfrozen,
      .supplyDriftDetected, .supplyDriftCleared,
      .operatorLicensed, .operatorSuspended, .operatorResumed, .operatorRemoved, .operatorAgentReleased,
      .peerEquivocationProven,
      .authorityPrepared, .authorityActivated, .authorityTainted, .authorityRevoked, .authorityRetired,
      .registrationEntryCreated, .registrationEntryRemoved:
      break
    }
  }

  private mutating func credit(_ terms: PBTransferTerms, _ amount: Int64, _ reader: ClaimReader) throws {
    guard terms.destination == reader.frame.name else { throw reader.refusal("it credits in '\(terms.destination)'") }
    try add(.clearing(try reader.peer(terms.origin)), try reader.liquid(terms.to), amount, reader)
  }

  private mutating func add(_ from: AccountRef, _ to: AccountRef, _ amount: Int64, _ reader: ClaimReader) throws {
    guard amount > 0 else { throw reader.refusal("it claims to move \(amount)") }
    if movements.isEmpty { movements.reserveCapacity(2) }
    movements.append(Movement(from: from, to: to, amount: amount))
  }
}

/// Reads the names in a payload as this frame understands them.
private struct ClaimReader {
  let event: String
  let frame: FrameID
  let native: Asset

  func refusal(_ why: String) -> LedgerError { .postingsRefused(event: event, why: why) }

  package func agent(_ name: String) throws -> AgentName {
    guard let agent = try? AgentName(name) else { throw refusal("'\(name)' is not an agent's name") }
    return agent
  }

  func liquid(_ name: String) throws -> AccountRef { .liquid(try agent(name)) }

  /// `bob`, or `bob@frame-b.example` for whom the money goes to that frame's clearing account.
  func receiver(_ name: String) throws -> AccountRef {
    guard name.utf8.contains(UInt8(ascii: "@")) else { return try liquid(name) }
    guard let address = try? AgentAddress(name), address.frame != frame else {
      throw refusal("'\(name)' is not an agent of another frame")
    }
    return .clearing(address.frame)
  }

  func peer(_ name: String) throws -> FrameID {
    guard let peer = try? FrameID(name), peer != frame else { throw refusal("'\(name)' is not another frame") }
    return peer
  }

  func log(_ name: String, of peer: String) throws -> PeerLog {
    guard let log = PeerLog(name: name), log.frame.name == peer, log.frame != frame else {
      throw refusal("'\(name)' is not a log of '\(peer)'")
    }
    return log
  }

  func requireOrigin(_ terms: PBTransferTerms) throws {
    guard terms.origin == frame.name else { throw refusal("its origin is '\(terms.origin)'") }
    _ = try peer(terms.destination)
  }

  func requireNative(_ asset: PBAsset) throws {
    guard asset == PBAsset(native) else { throw refusal("'\(asset.code)' of '\(asset.origin)' is not native here") }
  }

  func foreign(_ asset: PBAsset, of origin: String) throws -> Asset {
    guard let foreign = try? Asset(asset), foreign.origin.name == origin, foreign.origin != frame else {
      throw refusal("'\(asset.code)' is not an asset of '\(origin)'")
    }
    return foreign
  }
}
