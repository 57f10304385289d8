import Foundation
import FrameCore
import FrameFederation
import FrameLedger
import FrameLog
import FrameProtos

// What the API answers, one type a reply. Field names become snake_case; amounts are decimal strings.

struct FrameView: Encodable, Sendable {
  struct Currency: Encodable, Sendable {
    let code: String
    let scale: Int
  }
  let frameId: String
  let currency: Currency
  let federationAddress: String
  let bundleEndpoint: String
  let bundleFingerprint: String
  let logVerifierKey: String
  let version: String
  let logSize: UInt64
}

struct AgentView: Encodable, Sendable {
  struct Balance: Encodable, Sendable {
    let kind: String
    let asset: String
    let amount: String
  }
  let name: String
  let spiffeId: String
  let address: String
  let purpose: String
  var position: UInt64?
  var balances: [Balance]?
  /// Given when the past was asked for: what the balances are true at.
  var asOf: AsOfView?
  /// Why and since when its money does not move out; absent unless it is frozen.
  var frozen: String?
  var frozenSince: String?
}

struct AgentsView: Encodable, Sendable { let agents: [AgentView] }

struct TokenView: Encodable, Sendable {
  let token: String
  let spiffeId: String
  let expiresAt: String

  /// - Parameter seconds: how long a token is to be valid.
  static func requireLifetime(_ seconds: Int) throws {
    guard (1...86_400).contains(seconds) else {
      throw Refusal("invalid_ttl", .invalid, "ttl_seconds is \(seconds).", remedy: "Use 1 to 86400 seconds.")
    }
  }
}

struct ReceiptView: Encodable, Sendable {
  let state: String
  let position: UInt64
  let time: String
  let eventTypes: [String]
  let amount: String
  /// On the paths that take one: transfers within the frame.
  let fee: String?
  let asset: String
  let from: String
  let to: String
  let idempotencyKey: String
  var holdId: String?
  var released: String?
}

struct TransferView: Encodable, Sendable {
  let transferId: String
  let backend: String
  let state: String
  let origin: String
  let destination: String
  let from: String
  let to: String
  let amount: String
  let asset: String
  let position: UInt64
  let openedAt: String
  let closedAt: String?
  let reason: String?
}

struct BridgeItemView: Encodable, Sendable {
  var lockId: String?
  var redeemId: String?
  let state: String
  let peer: String
  let from: String
  let recipient: String
  let amount: String
  let asset: String
  let memo: String
  let position: UInt64
}

struct ReservesView: Encodable, Sendable {
  struct Item: Encodable, Sendable {
    let kind: String
    let id: String
    let amount: String
  }
  struct Reserve: Encodable, Sendable {
    let peer: String
    let asset: String
    let locked: String
    let unlocked: String
    let reserve: String
    let outstanding: String
    let inFlight: String
    let imbalance: String
    let wrappedAsset: String
    let wrappedOutstanding: String
    let breakerOpen: Bool
    let breakerReason: String?
    let inFlightItems: [Item]
  }
  let reserves: [Reserve]
}

struct PeerView: Encodable, Sendable {
  struct Terms: Encodable, Sendable {
    let subscriptions: [String]
    let netDebitCap: String
    let bridgeCap: String
    let bridgeRatePerMinute: String
  }
  let frameId: String
  /// The treaty's; `stopped` for one that stands while nothing is exchanged: the peer's log has two histories.
  let state: String
  /// Who has to do what before it goes on; absent when nobody has.
  let next: String?
  let invitationId: String
  let direction: String
  let fingerprint: String
  let observedFingerprint: String?
  let logVerifierKey: String
  /// What the peer's bundle endpoint shows, when somebody looked: another one is another log.
  let servedLogVerifierKey: String?
  let federationAddress: String
  let bundleEndpoint: String
  let bundleProfile: String
  let currency: String
  let since: String
  let expiresAt: String?
  let lastRefresh: String?
  let reason: String?
  /// What the last step of the handshake failed with, while it is being retried.
  let trouble: String?
  /// How often the terms were amended.
  let revision: UInt32
  let terms: Terms
  let amendments: [AmendmentView]
  /// Absent unless there is a treaty.
  let reachability: ReachabilityView?

  init(
    _ treaty: Treaty, native: Asset, sight: ReachabilityView.Sight?, now: FrameTime, trouble: String?,
    isStopped: Bool = false, servedLogKey: String? = nil
  ) {
    let foreign = (try? Asset(treaty.theirs.native)) ?? native
    func decimal(_ units: Int64, _ asset: Asset) -> String { Amount(minorUnits: units).decimal(scale: asset.scale) }
    frameId = treaty.peer.name
    let isStopped = isStopped && treaty.state == .established
    state = isStopped ? Self.stopped : treaty.state.rawValue
    next = isStopped ? Self.twoHistories(treaty.peer) : Self.next(treaty, trouble: trouble, now: now)
    invitationId = treaty.invitationID
    direction = treaty.direction.rawValue
    fingerprint = treaty.fingerprint
    observedFingerprint = sight?.bundle.fingerprint
    reachability = treaty.state == .established ? sight.map { ReachabilityView($0, now: now) } : nil
    logVerifierKey = treaty.peerLogKey
    servedLogVerifierKey = servedLogKey
    federationAddress = treaty.theirs.federationAddress
    bundleEndpoint = treaty.theirs.bundleEndpoint
    bundleProfile = treaty.theirs.bundleEndpointProfile
    currency = treaty.theirs.native.code
    since = treaty.since.description
    expiresAt = treaty.state == .requested ? treaty.expires.description : nil
    lastRefresh = sight?.bundle.lastRefresh?.description
    reason = treaty.reason.isEmpty ? nil : treaty.reason
    self.trouble = trouble
    terms = Terms(
      subscriptions: treaty.terms.subscriptions, netDebitCap: decimal(treaty.terms.netDebitCap, native),
      bridgeCap: decimal(treaty.terms.bridgeCap, foreign),
      bridgeRatePerMinute: decimal(treaty.terms.bridgeRatePerMinute, foreign))
    revision = treaty.revision
    amendments = AmendmentView.all(of: treaty, native: native)
  }
}

extension PeerView {
  static let stopped = "stopped"

  private static func twoHistories(_ peer: FrameID) -> String {
    "both operators: \(peer)'s log has two histories (frame log equivocation show \(peer)); nothing is exchanged with it"
  }

  private static func next(_ treaty: Treaty, trouble: String?, now: FrameTime) -> String? {
    let peer = treaty.peer
    switch (treaty.state, treaty.direction) {
    case (.requested, _) where treaty.isExpired(at: now): return "a new invitation: this one has lapsed"
    case (.requested, .incoming):
      return "this frame's operator: frame peer approve \(peer) --fingerprint …, as learned by other means"
    case (.requested, .outgoing) where trouble == "already_federated":
      return
        "\(peer)'s operator: a treaty of before still stands there; once that is revoked, our invitation is brought again, within six minutes"
    case (.requested, .outgoing): return "\(peer)'s operator, who approves it there"
    case (.approved, _): return "\(peer), which has to hear of the approval"
    case (.established, _), (.rejected, _), (.revoked, _): return nil
    }
  }
}

struct PeersView: Encodable, Sendable { let peers: [PeerView] }

struct EventView: Encodable, Sendable {
  struct PostingView: Encodable, Sendable {
    let owner: String
    let kind: String
    let asset: String
    let minorUnits: Int64
  }
  let position: UInt64
  let time: String
  /// What the clock said, where that was behind `time`.
  let clock: String?
  let type: String
  let actor: String
  let idempotencyKey: String
  let postings: [PostingView]
  let payload: JSONFragment

  init(_ recorded: RecordedEvent, native: Asset) {
    let event = recorded.event
    position = recorded.position
    time = recorded.time.description
    clock = recorded.clock < recorded.time ? recorded.clock.description : nil
    type = event.eventType.name
    actor = event.actor
    idempotencyKey = event.idempotencyKey
    postings = event.postings.map { posting in
      let asset = posting.hasAsset ? "\(posting.asset.code)@\(posting.asset.origin)" : native.description
      return PostingView(owner: posting.owner, kind: posting.kind.word, asset: asset, minorUnits: posting.amount)
    }
    payload = JSONFragment(event.payloadFields())
  }
}

struct EventsView: Encodable, Sendable {
  let size: UInt64
  let events: [EventView]
}

struct AttestationView: Encodable, Sendable {
  let position: UInt64
  let eventType: String
  let proof: String
}

struct MetricsView: Encodable, Sendable {
  struct Entry: Encodable, Sendable {
    let name: String
    let type: String
    let unit: String
    let labels: [String]
    let help: String
  }
  let metrics: [Entry]
}
