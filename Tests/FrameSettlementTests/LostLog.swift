import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
import FrameProtos
import FrameSettlement

/// A and B have paid each other and locked for each other; then something of each kind is under way from B, and A comes back under its name
/// with another log.
struct LostLog {
  /// A as it was.
  private(set) var old: SimFrame
  /// A as it came back.
  var new: SimFrame
  var b: SimFrame
  let lost: PeerLog
  static let now = SimFixture.start + .seconds(1)

  /// - Parameters:
  ///   - hasHeard: the lost log had acted on what was under way, and B does not know of it.
  ///   - before: what happens before A is lost.
  init(hasHeard: Bool = false, before: (inout LostLog) throws -> Void = { _ in }) throws {
    (old, b) = try SimFixture.pair()
    new = old
    lost = PeerLog(old.id, key: old.key.text)
    try new.pay("a1", to: b, 300)
    try b.pay("b1", to: new, 1_000)
    try new.lockFor("la", b, 500)
    try b.lockFor("lb", new, 800)
    try exchange()
    try b.redeemAt(new.id, "rb", 100)
    try exchange()
    try b.pay("b2", to: new, 70)
    let held = try SimFixture.terms("b3", b, new, amount: 40)
    try b.settlement(
      .lock(held, deadline: Self.now + .seconds(3)), actor: .agent(SimFixture.agent("alice"), of: b.id), key: "hold/b3",
      now: Self.now)
    try b.lockFor("lb2", new, 60)
    try b.redeemAt(new.id, "rb2", 30)
    if hasHeard { try BridgePair.deliver(b, &new, Self.now) }
    old = new
    try before(&self)
    new = try SimFixture.frame("frame-a.example", code: "AVT")
    try SimFixture.revoke(&b, old.id, now: Self.now)
    try SimFixture.federate(&new, &b)
  }

  /// The streams between the present log of A and B, until both have all.
  mutating func exchange() throws {
    for _ in 0..<4 {
      try BridgePair.deliver(new, &b, Self.now)
      try BridgePair.deliver(b, &new, Self.now)
    }
  }

  /// What a node does by itself once it is decided.
  mutating func giveBackAll() throws {
    for item in b.state.settlement.toGiveBack {
      try b.settlement(.giveBack(transferID: item.id, log: item.log), actor: .node(of: b.id), now: Self.now)
    }
    for (log, item) in b.state.bridge.toReturn {
      try b.bridge(.returnItem(log: log, kind: item.kind, id: item.id), actor: .node(of: b.id), now: Self.now)
    }
  }

  /// Wrapped tokens of A's money at B, in the name of a lock.
  func issued(_ id: String, _ amount: Int64) -> (PBEvent.OneOf_Payload, [PBPosting]) {
    let payload = PBWrappedTokensIssued.with {
      $0.lockID = id
      $0.origin = new.id.name
      $0.recipient = "bob"
      $0.asset = PBAsset(new.native)
      $0.amount = amount
    }
    return (.wrappedTokensIssued(payload), SimFixture.issue(amount, "bob", new.native))
  }
}

extension SimFrame {
  private static var agents: (alice: AgentName, bob: AgentName) { (SimFixture.agent("alice"), SimFixture.agent("bob")) }

  mutating func pay(_ id: String, to peer: SimFrame, _ amount: Int64) throws {
    let terms = try SimFixture.terms(id, self, peer, amount: amount)
    try settlement(.initiate(terms), actor: .agent(Self.agents.alice, of: self.id), key: "send/\(id)", now: LostLog.now)
  }

  mutating func lockFor(_ id: String, _ peer: SimFrame, _ amount: Int64) throws {
    let (alice, bob) = Self.agents
    try bridge(
      .lock(id: id, destination: peer.id, from: alice, recipient: bob, amount: Amount(minorUnits: amount)),
      actor: .agent(alice, of: self.id), key: "lock/\(id)", now: LostLog.now)
  }

  mutating func redeemAt(_ origin: FrameID, _ id: String, _ amount: Int64) throws {
    let (alice, bob) = Self.agents
    try bridge(
      .redeem(id: id, origin: origin, from: bob, recipient: alice, amount: Amount(minorUnits: amount)),
      actor: .agent(bob, of: self.id), key: "redeem/\(id)", now: LostLog.now)
  }

  /// An operator's word about a log.
  mutating func decideOn(_ peer: FrameID, _ command: FormerLogCommand) throws {
    try submit(
      .formerLog(peer, command), actor: .authority(of: id), key: "op/\(log.count)", digest: .init(), now: LostLog.now)
  }

  /// An event that no room would have made.
  mutating func forge(_ payload: PBEvent.OneOf_Payload, _ postings: [PBPosting] = []) throws {
    try append(EventDraft(payload, postings: postings), actor: .node(of: id), now: LostLog.now)
  }
}
