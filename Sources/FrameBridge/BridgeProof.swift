internal import FrameCore
internal import FrameEvents
internal import FrameProtos

extension StoredEvent {
  /// The lock an event is about, or "".
  var lockID: String {
    switch payload {
    case .tokensBridgeLocked(let p): p.lockID
    case .wrappedTokensIssued(let p): p.lockID
    default: ""
    }
  }

  /// The redemption an event is about, or "".
  var redeemID: String {
    switch payload {
    case .wrappedTokensRedeemed(let p): p.redeemID
    case .tokensBridgeUnlocked(let p): p.redeemID
    default: ""
    }
  }
}

/// What a peer's attested lock or redemption claims: the tokens that left there and are due here.
package struct BridgeClaim: Sendable, Equatable {
  package enum Kind: String, Sendable { case lock, redemption }

  let kind: Kind
  let peer: FrameID
  let id: String
  /// The frame the event names as the other end.
  let addressee: String
  let from: String
  let recipient: String
  let asset: PBAsset
  let amount: Int64
  let memo: String
  let totals: PBBridgeTotals
  let postings: [PBPosting]
  let position: UInt64
  let time: FrameTime

  init?(_ recorded: RecordedEvent, from peer: FrameID) {
    self.peer = peer
    postings = recorded.event.postings
    position = recorded.position
    time = recorded.clock
    switch recorded.event.payload {
    case .tokensBridgeLocked(let p):
      kind = .lock
      (id, addressee, from, recipient) = (p.lockID, p.destination, p.from, p.recipient)
      (asset, amount, memo, totals) = (p.asset, p.amount, p.memo, p.totals)
    case .wrappedTokensRedeemed(let p):
      kind = .redemption
      (id, addressee, from, recipient) = (p.redeemID, p.origin, p.from, p.recipient)
      (asset, amount, memo, totals) = (p.asset, p.amount, p.memo, p.totals)
    default: return nil
    }
  }

  var item: BridgeItem {
    BridgeItem(
      id: id, peer: peer, from: from, recipient: recipient, amount: amount, memo: memo, position: position,
      time: time)
  }
}

/// What a peer's attested issue or unlock reports: the other leg of a lock or redemption of ours.
struct BridgeReport: Sendable, Equatable {
  enum Kind: String, Sendable { case issue, unlock }

  let kind: Kind
  let id: String
  let addressee: String
  let recipient: String
  let asset: PBAsset
  let amount: Int64
  let totals: PBBridgeTotals

  init?(_ event: StoredEvent) {
    switch event.payload {
    case .wrappedTokensIssued(let p):
      kind = .issue
      (id, addressee, recipient, asset) = (p.lockID, p.origin, p.recipient, p.asset)
      (amount, totals) = (p.amount, p.totals)
    case .tokensBridgeUnlocked(let p):
      kind = .unlock
      (id, addressee, recipient, asset) = (p.redeemID, p.destination, p.recipient, p.asset)
      (amount, totals) = (p.amount, p.totals)
    default: return nil
    }
  }
}

extension BridgeClaim {
  /// An item that waits, as the claim it was; what is final in it was checked when it came.
  init(pending item: BridgeItem, _ kind: Kind, _ view: BridgeView) {
    self.kind = kind
    peer = item.peer
    id = item.id
    addressee = view.frame.name
    from = item.from
    recipient = item.recipient
    asset = PBAsset()
    amount = item.amount
    memo = item.memo
    totals = kind == .lock ? view.peer.inbound.totals : view.peer.outbound.totals
    postings = []
    position = item.position
    time = item.time
  }
}
