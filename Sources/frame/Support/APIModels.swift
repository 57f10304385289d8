// What the API answers, as far as people are shown it; `--json` prints all of it.

struct FrameInfo: Decodable, Sendable {
  struct Currency: Decodable, Sendable {
    let code: String
    let scale: Int
  }
  let frameId: String
  let currency: Currency
  let bundleEndpoint: String
  let bundleFingerprint: String
}

struct AgentInfo: Decodable, Sendable {
  struct Balance: Decodable, Sendable {
    let kind: String
    let asset: String
    let amount: String
  }
  let name: String
  let spiffeId: String
  let address: String
  let purpose: String?
  let balances: [Balance]?
  let asOf: AsOf?
  let frozen: String?
  let frozenSince: String?
}

struct AgentList: Decodable, Sendable { let agents: [AgentInfo] }

struct OperatorInfo: Decodable, Sendable {
  struct Host: Decodable, Sendable {
    let name: String
    let upstream: String
  }
  let name: String
  let spiffeId: String
  let state: String
  let reason: String?
  let licenceId: String
  let scopes: [String]
  let hosts: [Host]
  let expiresAt: String
  let agents: [String]
}

struct OperatorList: Decodable, Sendable { let operators: [OperatorInfo] }

struct RouteList: Decodable, Sendable {
  struct Route: Decodable, Sendable {
    let name: String
    let upstream: String
    let source: String
  }
  let routes: [Route]
  /// Of a reload: settings that were changed and not taken over.
  let needsRestart: [String]?
}

struct TokenInfo: Decodable, Sendable {
  let token: String
  let spiffeId: String
  let expiresAt: String
}

struct Receipt: Decodable, Sendable {
  let state: String
  let position: UInt64?
  let transferId: String?
  let backend: String?
  let from: String?
  let to: String?
  let amount: String?
  let fee: String?
  let asset: String?
  let reason: String?
  let holdId: String?
  let released: String?
}

/// What a batch of transfers did; amounts are sums.
struct BatchReceipt: Decodable, Sendable {
  let state: String
  let position: UInt64
  let transfers: Int
  let from: String
  let amount: String
  let fee: String
  let asset: String
}

struct HoldInfo: Decodable, Sendable {
  let holdId: String
  let state: String
  let from: String
  let payee: String?
  let amount: String
  let captured: String
  let remaining: String
  let asset: String
  let memo: String
  let position: UInt64
  let createdAt: String
  let expiresAt: String
  let endedAt: String?
}

struct HoldList: Decodable, Sendable { let holds: [HoldInfo] }

struct HistoryInfo: Decodable, Sendable {
  struct Change: Decodable, Sendable {
    let kind: String
    let asset: String
    let amount: String
  }
  struct Item: Decodable, Sendable {
    let position: UInt64
    let time: String
    let type: String
    let changes: [Change]
    let counterparty: String?
    let memo: String?
  }
  let asOf: AsOf?
  let transactions: [Item]
  let nextCursor: String?
}

struct FeesInfo: Decodable, Sendable {
  let basisPoints: Int
  let fixed: String
  let minimum: String
  let maximum: String?
  let amount: String?
  let fee: String?
  let pool: String?
}

struct BridgeItem: Decodable, Sendable {
  let lockId: String?
  let redeemId: String?
  let state: String
  let peer: String?
  let from: String?
  let recipient: String?
  let amount: String?
  let asset: String?
  let memo: String?
  let position: UInt64?
}

struct ReserveList: Decodable, Sendable {
  struct Reserve: Decodable, Sendable {
    let peer: String
    let locked: String
    let unlocked: String
    let reserve: String
    let outstanding: String
    let inFlight: String
    let imbalance: String
    let wrappedOutstanding: String
    let breakerOpen: Bool
    let breakerReason: String?
  }
  let reserves: [Reserve]
}

/// Whether a peer answers, and how old each thing is that is shown of it.
struct ReachabilityInfo: Decodable, Sendable {
  struct Failure: Decodable, Sendable {
    let code: String
    let message: String
    let at: String
    let ageSeconds: Int64

    var text: String { "\(message) [\(code)], \(Age.text(ageSeconds)) ago" }
  }

  let state: String
  let since: String?
  let lastSuccessAgeSeconds: Int64?
  let lastError: Failure?
  let observedAgeSeconds: Int64?
  let lastRefreshAgeSeconds: Int64?
  let refreshError: Failure?
  let streamOpen: Bool
  let streamHeadAgeSeconds: Int64?

  /// In a column.
  var short: String { state == "reachable" ? "yes" : state == "unreachable" ? "NO" : "not asked yet" }

  var answers: String {
    switch state {
    case "reachable": "yes" + (since.map { ", since \($0)" } ?? "")
    case "unreachable": "NO, since \(since ?? "?")" + (lastError.map { ": \($0.message) [\($0.code)]" } ?? "")
    default: "not asked yet"
    }
  }

  var stream: String {
    (streamOpen ? "open" : "CLOSED")
      + (streamHeadAgeSeconds.map { ", last head \(Age.text($0)) ago" } ?? ", no head yet")
  }
}

/// How long ago, for people.
enum Age {
  static func text(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3600) h"
    default: "\(seconds / 86_400) days"
    }
  }

  static func suffix(_ seconds: Int64?) -> String { seconds.map { ", \(text($0)) ago" } ?? "" }
}

struct PeerInfo: Decodable, Sendable {
  let frameId: String
  let state: String
  let next: String?
  let direction: String?
  let fingerprint: String?
  let observedFingerprint: String?
  let reachability: ReachabilityInfo?
  let logVerifierKey: String?
  let servedLogVerifierKey: String?
  let federationAddress: String?
  let bundleEndpoint: String?
  let bundleProfile: String?
  let currency: String?
  let lastRefresh: String?
  let reason: String?
  let trouble: String?
  let expiresAt: String?
  let revision: Int?
  let amendments: [AmendmentInfo]?
}

struct TermsInfo: Decodable, Sendable {
  let netDebitCap: String
  let bridgeCap: String
  let bridgeRatePerMinute: String
  let subscriptions: [String]
}

struct TreatyInfo: Decodable, Sendable {
  let frameId: String
  let treatyId: String
  let state: String
  let revision: Int
  let logVerifierKeys: [String]
  let document: String
}

struct AmendmentInfo: Decodable, Sendable {
  let amendmentId: String
  let frameId: String
  let direction: String
  let state: String
  let revision: Int
  let note: String
  let reason: String?
  let expiresAt: String
  let changes: [String]
}

struct AmendmentList: Decodable, Sendable { let amendments: [AmendmentInfo] }

struct InvitationList: Decodable, Sendable {
  struct Invitation: Decodable, Sendable {
    let invitationId: String
    let frameId: String
    let direction: String
    let state: String
    let fingerprint: String
    let expiresAt: String
  }
  let invitations: [Invitation]
}

struct PeerList: Decodable, Sendable { let peers: [PeerInfo] }

struct AuditStatement: Decodable, Sendable {
  struct Supply: Decodable, Sendable {
    let asset: String
    let issued: String
    let circulating: String
    let staked: String
    let held: String
    let fees: String
    let treasury: String
    let lockedForBridge: [String: String]
    let clearing: [String: String]
    let delta: String
    let wrapped: [String: String]?
    /// Absent from a node of before it was said.
    let formerLogs: [FormerLog]?
  }
  struct FormerLog: Decodable, Sendable {
    let log: String
    let state: String
    let clearing: String
    let lockedForBridge: String
    let wrapped: String
  }
  let supply: Supply
  let position: UInt64
  let root: String?
  let checkpoint: String?
  let clean: Bool
  let findings: Int
  let problems: [String]
  let frozen: String?
  let frozenSince: String?
}

struct MetricCatalog: Decodable, Sendable {
  struct Entry: Decodable, Sendable {
    let name: String
    let type: String
    let unit: String?
    let labels: [String]
    let help: String
  }
  let metrics: [Entry]
}
