package import FrameCore
package import FrameTreaty
package import FrameEvents
internal import FrameProtos

/// What may be asked of the projection.
package enum ProjectionCommand: Sendable {
  /// Record the next event of a peer's stream and let the reactors act on it, in one append.
  case receive(sequence: UInt64, event: AttestedEvent)

  /// The key that gives each item one effect.
  package var key: String {
    switch self {
    // A sequence belongs to a log: another one of the same frame counts anew.
    case .receive(let sequence, let event): "sf4/\(event.log)/\(sequence)"
    }
  }
}

/// SF-4 as a pure value: what each peer is to be sent, and what of each peer's stream we hold.
package struct ProjectionState: Sendable {
  package let frame: FrameID
  /// By peer, its present log's.
  private var peers: [FrameID: Peer] = [:]
  /// What belonged to logs that their frames have lost or left: kept in case one comes back, sent and added to no more.
  private var former: [PeerLog: Peer] = [:]

  /// How far a peer's stream is held here.
  package struct Cursor: Sendable, Equatable {
    /// Of the last event held; 0 for none.
    package var sequence: UInt64 = 0
    /// Its position in the peer's log.
    package var position: UInt64?
    /// When it was recorded here.
    package var receivedAt: FrameTime?
  }

  struct Peer: Sendable {
    let log: PeerLog
    /// Event types the peer asked for in its terms.
    var subscription: Set<String>
    /// Event types we asked for in ours.
    var accepted: Set<String>
    /// Positions in our log, oldest first; an event's sequence is its index + 1.
    var outbox: [UInt64] = []
    var cursor = Cursor()
  }

  package init(frame: FrameID) { self.frame = frame }

  /// Asks of an event that somebody brought by hand whether the peer has told it to this log. A frame that has lost its log is told what was
  /// meant for the new one only; a proof alone does not say for which of them the event was.
  /// - Throws: ``ProjectionError/notOfThisStream(peer:position:)``, ``ProjectionError/streamNotBegun(peer:)``.
  package func requireStillToCome(_ attested: AttestedEvent) throws(ProjectionError) {
    guard let last = peers[attested.origin]?.cursor.position else { throw .streamNotBegun(peer: attested.origin) }
    guard attested.event.position > last else {
      throw .notOfThisStream(peer: attested.origin, position: attested.event.position)
    }
  }

  // MARK: Sending

  /// The newest sequence that exists for `peer`; 0 when there is none.
  package func head(for peer: FrameID) -> UInt64 { UInt64(peers[peer]?.outbox.count ?? 0) }

  /// Positions of the events after `sequence`, at most `limit`, oldest first.
  package func positions(for peer: FrameID, after sequence: UInt64, limit: Int) -> ArraySlice<UInt64> {
    guard let outbox = peers[peer]?.outbox, sequence < UInt64(outbox.count) else { return [] }
    return outbox.dropFirst(Int(sequence)).prefix(limit)
  }

  // MARK: Receiving

  package func cursor(of peer: FrameID) -> Cursor { peers[peer]?.cursor ?? Cursor() }

  /// Decides the receipt of one item: `PeerEventProjected`, then what the reactors draft.
  ///
  /// - Parameter react: both rooms' reactors joined; called once, with an event that is next in the peer's stream,
  ///   addressed to us and of a type we asked for.
  /// - Returns: nothing when the item is already held.
  /// - Throws: the treaty's refusal, ``ProjectionError/sequenceGap(peer:expected:got:)``,
  ///   ``ProjectionError/positionWentBack(peer:last:got:)``, ``ProjectionError/notPinnedKey(peer:)``.
  package func decide(
    _ command: ProjectionCommand, federation: FederationState, _ context: DecisionContext,
    react: (_ event: RecordedEvent, _ peer: FrameID) -> ReactorOutcome
  ) throws -> [EventDraft] {
    switch command {
    case .receive(let sequence, let attested):
      let origin = attested.origin
      let treaty = try federation.requireEstablished(origin)
      guard attested.key.text == treaty.peerLogKey else { throw ProjectionError.notPinnedKey(peer: origin) }
      let cursor = cursor(of: origin)
      if sequence <= cursor.sequence { return [] }
      guard sequence == cursor.sequence + 1 else {
        throw ProjectionError.sequenceGap(peer: origin, expected: cursor.sequence + 1, got: sequence)
      }
      let event = attested.event
      if let last = cursor.position, event.position <= last {
        throw ProjectionError.positionWentBack(peer: origin, last: last, got: event.position)
      }
      let outcome = admit(event, from: origin).map(ReactorOutcome.rejected) ?? react(event, origin)
      return [projected(event, sequence: sequence, from: origin, outcome)] + outcome.drafts
    }
  }

  /// Why an event of a peer's stream does not belong in it, or nil.
  private func admit(_ event: RecordedEvent, from origin: FrameID) -> String? {
    if event.bytes.count > ProjectionLimits.keptEventBytesMax { return "event_too_large" }
    if event.event.counterparty(from: origin) != frame.name { return "not_addressed_here" }
    let type = event.event.eventType
    if !EventType.sentAlways.contains(type), peers[origin]?.accepted.contains(type.name) != true {
      return "not_subscribed"
    }
    return nil
  }

  private func projected(
    _ event: RecordedEvent, sequence: UInt64, from origin: FrameID, _ outcome: ReactorOutcome
  ) -> EventDraft {
    var payload = PBPeerEventProjected()
    payload.originFrame = origin.name
    payload.sequence = sequence
    payload.peerPosition = event.position
    payload.eventType = event.event.eventType.name
    // What means nothing here is kept by its hash: position and proof still find it at the peer.
    if outcome.rejected.isEmpty || outcome.counts {
      payload.event = event.bytes
    } else {
      payload.eventHash = MerkleHash.leaf(event.bytes).data
    }
    payload.rejected = outcome.rejected
    return EventDraft(.peerEventProjected(payload))
  }

  // MARK: Evolving

  package mutating func evolve(_ recorded: RecordedEvent) {
    switch recorded.event.payload {
    case .frameFederationEstablished(let p):
      guard let peer = try? FrameID(p.peer) else { return }
      // A treaty made again goes on where the last one stopped; only the subscriptions are new. With another log it begins anew.
      let log = PeerLog(peer, key: p.theirs.logVerifierKey)
      if let old = peers[peer], old.log != log { former[old.log] = peers.removeValue(forKey: peer) }
      var entry = peers[peer] ?? former.removeValue(forKey: log) ?? Peer(log: log, subscription: [], accepted: [])
      entry.subscription = Set(p.theirs.terms.subscriptions)
      entry.accepted = Set(p.ours.terms.subscriptions)
      peers[peer] = entry
    case .treatyAmendmentProposed(let p):
      // The peer may accept, and send what we ask for, before we hear that it has.
      guard p.outgoing, let peer = try? FrameID(p.peer) else { return }
      peers[peer]?.accepted.formUnion(p.ours.subscriptions)
    case .treatyAmendmentAccepted(let p):
      guard let peer = try? FrameID(p.peer) else { return }
      peers[peer]?.subscription = Set(p.theirs.subscriptions)
      peers[peer]?.accepted.formUnion(p.ours.subscriptions)
    case .peerEventProjected(let p):
      guard let peer = try? FrameID(p.originFrame) else { return }
      peers[peer]?.cursor = Cursor(sequence: p.sequence, position: p.peerPosition, receivedAt: recorded.clock)
    default:
      guard let name = recorded.event.counterparty(from: frame), let peer = try? FrameID(name) else { return }
      let type = recorded.event.eventType
      guard EventType.sentAlways.contains(type) || peers[peer]?.subscription.contains(type.name) == true else { return }
      peers[peer]?.outbox.append(recorded.position)
    }
  }
}

// MARK: Snapshots

extension ProjectionState: SnapshotState {
  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.same("frame", frame)
    try fields.field("peers", &peers)
    try fields.field("former", &former)
  }
}

extension ProjectionState.Peer: SnapshotValue {
  func write(to output: inout SnapshotOutput) {
    output.write(log)
    output.write(subscription)
    output.write(accepted)
    output.write(outbox)
    output.write(cursor)
  }

  init(from input: inout SnapshotInput) throws {
    log = try input.read()
    subscription = try input.read()
    accepted = try input.read()
    outbox = try input.read()
    cursor = try input.read()
  }
}

extension ProjectionState.Cursor: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(sequence)
    output.write(position)
    output.write(receivedAt)
  }

  package init(from input: inout SnapshotInput) throws {
    sequence = try input.read()
    position = try input.read()
    receivedAt = try input.read()
  }
}
