import Foundation
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos
import Synchronization
import Testing

@testable import FrameSettlement

/// The codec of every room's state, held against what the states really store.
///
/// Whoever adds a stored property to a room's state (or to a value in it) hands it to `snapshot(_:)`, or writes and reads
/// it with the value it is in; and if the random history below never sets it, makes `history(seed:)` set it.
@Suite("Snapshots of the rooms' states")
struct SnapshotStateTests {
  /// Two frames in the middle of everything: transfers and bridge legs open, refused and done, a treaty ended.
  private func history(seed: UInt64) throws -> [SimFrame] {
    try Self.made.withLock { made in
      if let frames = made[seed] { return frames }
      let frames = try makeHistory(seed: seed)
      made[seed] = frames
      return frames
    }
  }

  private static let made = Mutex<[UInt64: [SimFrame]]>([:])

  private func makeHistory(seed: UInt64) throws -> [SimFrame] {
    let (a, b) = try SimFixture.pair()
    var world = SimWorld([a, b], seed: seed)
    for _ in 0..<1_500 { try world.step() }
    var frames = world.frames
    let stranger = try SimFixture.frame("frame-c.example", code: "CVT", scale: 4)
    for index in frames.indices {
      let now = frames[index].log.last?.time ?? SimFixture.start
      try SimFixture.establish(&frames[index], with: stranger)
      try append(to: &frames[index], stranger.id, now: now)
    }
    return frames
  }

  /// What the random history does not bring about.
  private func append(to frame: inout SimFrame, _ peer: FrameID, now: FrameTime) throws {
    var agent = PBAgentRegistered()
    agent.name = "dora"
    agent.purpose = "keeps the books"
    try frame.append(EventDraft(.agentRegistered(agent)), actor: .node(of: frame.id), now: now)
    try formerLogs(of: peer, in: &frame, now: now)
    var opened = PBBridgeBreakerOpened()
    opened.peer = peer.name
    opened.reason = "by_hand"
    opened.detail = "as a test"
    try frame.append(EventDraft(.bridgeBreakerOpened(opened)), actor: .node(of: frame.id), now: now)
    var rotated = PBPeerBundleRotated()
    rotated.peer = peer.name
    rotated.bundle = Data("{}".utf8)
    rotated.fingerprint = "SHA256:00"
    rotated.sequence = 7
    try frame.append(EventDraft(.peerBundleRotated(rotated)), actor: .node(of: frame.id), now: now)
    var refused = PBCrossRegistryTransferRefused()
    refused.transferID = "t-refused"
    refused.origin = peer.name
    refused.reason = SettlementState.neverSeen
    try frame.append(EventDraft(.crossRegistryTransferRefused(refused)), actor: .node(of: peer), now: now)
    try bridge(with: peer, in: &frame, now: now)
    try ledger(in: &frame, now: now)
    try operators(in: &frame, now: now)
    try amendments(with: peer, in: &frame, now: now)
    var invited = PBFrameInvitationRequested()
    invited.invitationID = "i-stranger"
    invited.peer = "frame-d.example"
    invited.inviter.frameID = "frame-d.example"
    invited.expiresUnixNs = (now + .seconds(60)).unixNanoseconds
    invited.source = "203.0.113.0/24"
    try frame.append(EventDraft(.frameInvitationRequested(invited)), actor: .node(of: peer), now: now)
    var locked = PBCrossRegistryTransferLocked()
    locked.terms.transferID = "t-memo"
    locked.terms.origin = frame.id.name
    locked.terms.destination = peer.name
    locked.terms.from = "alice"
    locked.terms.to = "bob"
    locked.terms.asset = PBAsset(frame.native)
    locked.terms.amount = 5
    locked.terms.memo = "for the roof"
    try frame.append(EventDraft(.crossRegistryTransferLocked(locked)), actor: .node(of: frame.id), now: now)
    var revoked = PBFrameFederationRevoked()
    revoked.peer = peer.name
    revoked.byPeer = true
    revoked.reason = "the end"
    try frame.append(EventDraft(.frameFederationRevoked(revoked)), actor: .node(of: frame.id), now: now)
  }

  /// Holds open, captured in part and ended; an agent frozen; findings accepted, and new ones.
  private func ledger(in frame: inout SimFrame, now: FrameTime) throws {
    let node = SPIFFEID.node(of: frame.id)
    for (id, payee) in [("h-open", "bob"), ("h-ended", "")] {
      var created = PBHoldCreated()
      created.holdID = id
      created.from = "alice"
      created.payee = payee
      created.amount = 10
      created.expiresUnixNs = now.unixNanoseconds + 1
      created.memo = "a room for a night"
      try frame.append(EventDraft(.holdCreated(created)), actor: node, now: now)
    }
    var captured = PBHoldCaptured()
    captured.holdID = "h-open"
    captured.from = "alice"
    captured.to = "bob"
    captured.amount = 3
    try frame.append(EventDraft(.holdCaptured(captured)), actor: node, now: now)
    var expired = PBHoldExpired()
    expired.holdID = "h-ended"
    expired.from = "alice"
    expired.amount = 10
    try frame.append(EventDraft(.holdExpired(expired)), actor: node, now: now)
    var frozen = PBAgentFrozen()
    frozen.name = "carol"
    frozen.reason = "asked for by a court"
    try frame.append(EventDraft(.agentFrozen(frozen)), actor: node, now: now)
    var drift = PBSupplyDriftDetected()
    drift.size = 12
    drift.delta = -4
    drift.findings = 1
    drift.code = "supply_delta"
    drift.detail = "at 3: off by -4"
    var cleared = PBSupplyDriftCleared()
    cleared.size = 12
    cleared.accepted = 1
    try frame.append(EventDraft(.supplyDriftDetected(drift)), actor: node, now: now)
    try frame.append(EventDraft(.supplyDriftCleared(cleared)), actor: node, now: now)
    try frame.append(EventDraft(.supplyDriftDetected(drift)), actor: node, now: now)
  }

  /// A tenant with a host name, suspended, one of its agents made the frame's own.
  private func operators(in frame: inout SimFrame, now: FrameTime) throws {
    let authority = SPIFFEID.authority(of: frame.id)
    var licensed = PBOperatorLicensed()
    licensed.operatorName = "acme"
    licensed.licenceID = "licence-1"
    licensed.scopes = ["agents", "transfers"]
    licensed.hosts = [
      .with {
        $0.name = "acme.example"
        $0.upstream = "127.0.0.1:9643"
      }
    ]
    licensed.issuedUnixNs = now.unixNanoseconds
    licensed.expiresUnixNs = (now + .seconds(86_400)).unixNanoseconds
    try frame.append(EventDraft(.operatorLicensed(licensed)), actor: authority, now: now)
    var suspended = PBOperatorSuspended()
    suspended.operatorName = "acme"
    suspended.reason = "unpaid"
    try frame.append(EventDraft(.operatorSuspended(suspended)), actor: authority, now: now)
    var released = PBOperatorAgentReleased()
    released.operatorName = "acme"
    released.agent = "acme.alice"
    try frame.append(EventDraft(.operatorAgentReleased(released)), actor: authority, now: now)
  }

  /// A proposal of each side, one accepted and one rejected, and the proof that the peer's log has two histories.
  private func amendments(with peer: FrameID, in frame: inout SimFrame, now: FrameTime) throws {
    let authority = SPIFFEID.authority(of: frame.id)
    for (index, outgoing) in [true, false].enumerated() {
      var proposed = PBTreatyAmendmentProposed()
      proposed.amendmentID = "a-\(index)"
      proposed.peer = peer.name
      proposed.outgoing = outgoing
      proposed.treatyID = "i"
      proposed.number = 1
      proposed.revision = 1
      proposed.ours.netDebitCap = 5
      proposed.theirs.netDebitCap = 6
      proposed.document = Data("a treaty".utf8)
      proposed.expiresUnixNs = (now + .seconds(60)).unixNanoseconds
      proposed.note = "as agreed"
      try frame.append(EventDraft(.treatyAmendmentProposed(proposed)), actor: authority, now: now)
    }
    var accepted = PBTreatyAmendmentAccepted()
    accepted.amendmentID = "a-0"
    accepted.peer = peer.name
    accepted.byPeer = true
    accepted.revision = 1
    accepted.ours.netDebitCap = 5
    accepted.theirs.netDebitCap = 6
    accepted.document = Data("a treaty of two".utf8)
    try frame.append(EventDraft(.treatyAmendmentAccepted(accepted)), actor: .node(of: peer), now: now)
    var rejected = PBTreatyAmendmentRejected()
    rejected.amendmentID = "a-1"
    rejected.peer = peer.name
    rejected.reason = "too much"
    try frame.append(EventDraft(.treatyAmendmentRejected(rejected)), actor: authority, now: now)
    var proven = PBPeerEquivocationProven()
    proven.peer = peer.name
    proven.kind = EquivocationProof.Kind.inconsistent.rawValue
    proven.logVerifierKey = "a key"
    proven.first = Data("one note".utf8)
    proven.second = Data("another".utf8)
    proven.proof = [Data(repeating: 7, count: 32)]
    proven.evidenceSha256 = Data(repeating: 8, count: 32)
    try frame.append(EventDraft(.peerEquivocationProven(proven)), actor: .node(of: frame.id), now: now)
  }

  /// Both legs done on a proof before the stream told of them, and a redemption that waits to be unlocked.
  private func bridge(with peer: FrameID, in frame: inout SimFrame, now: FrameTime) throws {
    var issued = PBWrappedTokensIssued()
    issued.lockID = "l-ahead"
    issued.origin = peer.name
    issued.recipient = "alice"
    issued.amount = 3
    try frame.append(EventDraft(.wrappedTokensIssued(issued)), actor: .node(of: frame.id), now: now)
    var unlocked = PBTokensBridgeUnlocked()
    unlocked.redeemID = "r-ahead"
    unlocked.destination = peer.name
    unlocked.recipient = "alice"
    unlocked.amount = 4
    try frame.append(EventDraft(.tokensBridgeUnlocked(unlocked)), actor: .node(of: frame.id), now: now)
    var redeemed = PBWrappedTokensRedeemed()
    redeemed.redeemID = "r-waits"
    redeemed.origin = frame.id.name
    redeemed.from = "bob"
    redeemed.recipient = "alice"
    redeemed.asset = PBAsset(frame.native)
    redeemed.amount = 2
    redeemed.totals.redeemed = 2
    var event = PBEvent()
    event.actor = SPIFFEID.node(of: peer).description
    event.payload = .wrappedTokensRedeemed(redeemed)
    var projected = PBPeerEventProjected()
    projected.originFrame = peer.name
    projected.sequence = 1
    projected.eventType = "WrappedTokensRedeemed"
    projected.event = try event.serializedBytes()
    try frame.append(EventDraft(.peerEventProjected(projected)), actor: .node(of: frame.id), now: now)
  }

  /// The peer has lost its log twice: one was recognised after a withdrawal that came too late, the other waits; and it asks about ours.
  private func formerLogs(of peer: FrameID, in frame: inout SimFrame, now: FrameTime) throws {
    let node = SPIFFEID.node(of: frame.id)
    var initiated = PBCrossFrameTransferInitiated()
    initiated.terms.transferID = "t-lost"
    initiated.terms.origin = frame.id.name
    initiated.terms.destination = peer.name
    initiated.terms.from = "alice"
    initiated.terms.to = "bob"
    initiated.terms.asset = PBAsset(frame.native)
    initiated.terms.amount = 6
    try frame.append(EventDraft(.crossFrameTransferInitiated(initiated)), actor: node, now: now)
    var locked = PBTokensBridgeLocked()
    locked.lockID = "l-lost"
    locked.destination = peer.name
    locked.from = "alice"
    locked.recipient = "bob"
    locked.amount = 9
    try frame.append(EventDraft(.tokensBridgeLocked(locked)), actor: node, now: now)
    try bridge(with: peer, in: &frame, now: now)
    var redeemed = PBWrappedTokensRedeemed()
    redeemed.redeemID = "r-lost"
    redeemed.origin = peer.name
    redeemed.from = "alice"
    redeemed.recipient = "bob"
    redeemed.amount = 1
    try frame.append(EventDraft(.wrappedTokensRedeemed(redeemed)), actor: node, now: now)
    let first = try #require(frame.state.settlement.log(of: peer))
    try SimFixture.establish(&frame, with: SimFixture.frame(peer.name, code: "CVT", scale: 4))
    var proposed = PBFormerLogProposed()
    proposed.peer = peer.name
    proposed.log = first.name
    proposed.proposalID = "p-ours"
    try frame.append(EventDraft(.formerLogProposed(proposed)), actor: node, now: now)
    var withdrawn = PBFormerLogWithdrawn()
    withdrawn.peer = peer.name
    withdrawn.log = first.name
    withdrawn.proposalID = "p-ours"
    try frame.append(EventDraft(.formerLogWithdrawn(withdrawn)), actor: node, now: now)
    var decided = PBFormerLogDecided()
    decided.peer = peer.name
    decided.log = first.name
    decided.outcome = .recognised
    decided.figures.wrapped = 3
    decided.figures.redeeming = 1
    decided.note = "as agreed"
    try frame.append(EventDraft(.formerLogDecided(decided)), actor: node, now: now)
    var refused = PBCrossRegistryTransferRefused()
    refused.transferID = "t-of-the-next-log"
    refused.origin = peer.name
    refused.reason = SettlementState.neverSeen
    try frame.append(EventDraft(.crossRegistryTransferRefused(refused)), actor: .node(of: peer), now: now)
    var credited = PBCrossRegistryTransferCredited()
    credited.terms = initiated.terms
    credited.terms.transferID = "t-lost"  // It is free in the next log.
    credited.terms.origin = peer.name
    credited.terms.destination = frame.id.name
    credited.creditedAmount = 6
    try frame.append(EventDraft(.crossRegistryTransferCredited(credited)), actor: .node(of: peer), now: now)
    try claim(by: peer, in: &frame, now: now)
    try SimFixture.establish(&frame, with: SimFixture.frame(peer.name, code: "CVT", scale: 4))
  }

  private func claim(by peer: FrameID, in frame: inout SimFrame, now: FrameTime) throws {
    var asked = PBFormerLogProposed()
    asked.peer = frame.id.name
    asked.log = PeerLog(frame.id, key: "an older key").name
    asked.proposalID = "p-theirs"
    asked.note = "you owe us"
    asked.figures.clearing = -4
    var event = PBEvent()
    event.actor = SPIFFEID.node(of: peer).description
    event.payload = .formerLogProposed(asked)
    var projected = PBPeerEventProjected()
    projected.originFrame = peer.name
    projected.sequence = 1
    projected.eventType = "FormerLogProposed"
    projected.event = try event.serializedBytes()
    try frame.append(EventDraft(.peerEventProjected(projected)), actor: .node(of: frame.id), now: now)
    var answered = PBFormerLogAnswered()
    answered.peer = peer.name
    answered.log = asked.log
    answered.proposalID = "p-theirs"
    answered.reason = "we do not"
    try frame.append(EventDraft(.formerLogAnswered(answered)), actor: .authority(of: frame.id), now: now)
  }

  private func restored(_ bytes: [UInt8], native: Asset) throws -> SimState {
    var state = SimState(native: native)
    try bytes.withUnsafeBytes { try SnapshotFields.decode($0, into: &state) }
    return state
  }

  @Test("what comes out of a snapshot is what went in, in every stored property", arguments: [3, 17] as [UInt64])
  func roundTrip(seed: UInt64) throws {
    for frame in try history(seed: seed) {
      let bytes = SnapshotFields.encode(frame.state)
      let restored = try restored(bytes, native: frame.native)
      #expect(StateMirror.text(restored) == StateMirror.text(frame.state))
      #expect(SnapshotFields.encode(restored) == bytes, "equal states have equal bytes")
    }
  }

  @Test("replay from a snapshot at any point gives, byte for byte, what replay from the beginning gives")
  func resumed() throws {
    for frame in try history(seed: 5) {
      let whole = SnapshotFields.encode(frame.replayed())
      for tenth in 0...10 {
        let cut = frame.log.count * tenth / 10
        var state = SimState(native: frame.native)
        for event in frame.log[..<cut] { state.evolve(event) }
        state = try restored(SnapshotFields.encode(state), native: frame.native)
        for event in frame.log[cut...] { state.evolve(event) }
        #expect(SnapshotFields.encode(state) == whole, "from \(cut) of \(frame.log.count)")
      }
    }
  }

  @Test("the history that these tests rest on sets every stored property of every state, so that none is missed")
  func nothingUntouched() throws {
    var said: [String: Bool] = [:]
    for seed in [3, 17] as [UInt64] {
      for frame in try history(seed: seed) {
        said.merge(StateMirror.properties(frame.state)) { $0 || $1 }
      }
    }
    let configured: Set = ["Terms.basisPoints", "Terms.fixed", "Terms.minimum", "Terms.maximum"]
    let silent = said.filter { !$0.value && !configured.contains($0.key) }.keys.sorted()
    #expect(silent.isEmpty, "make the history set: \(silent)")
    #expect(said.count > 80)
  }

  @Test("a snapshot of another configuration, a cut one and one with a byte too many are refused")
  func refusals() throws {
    let frame = try history(seed: 3)[0]
    let bytes = SnapshotFields.encode(frame.state)
    let other = try Asset(origin: frame.id, code: "XYZ", scale: 2)
    #expect { try restored(bytes, native: other) } throws: { ($0 as? SnapshotRefusal)?.code == "other_configuration" }
    for length in stride(from: 0, to: bytes.count, by: 97) {
      #expect(throws: SnapshotRefusal.self) { try restored(Array(bytes[..<length]), native: frame.native) }
    }
    #expect(throws: SnapshotRefusal.self) { try restored(bytes + [0], native: frame.native) }
  }

  @Test("a snapshot whose bytes were changed is refused or read as something else, and never crashes")
  func mutations() throws {
    let frame = try history(seed: 3)[0]
    let bytes = SnapshotFields.encode(frame.state)
    var random = SeededRandom(seed: 99)
    for _ in 0..<300 {
      var changed = bytes
      changed[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
      do { _ = try restored(changed, native: frame.native) } catch { #expect(error is SnapshotRefusal, "\(error)") }
    }
  }
}
