package import FrameCore
package import FrameEvents
package import FrameProtos

/// Which account: owner, kind and asset. Only this type and `Postings` know how accounts are spelled in events.
package struct AccountRef: Hashable, Sendable, CustomStringConvertible {
  /// An agent's name, a peer frame's id or the name of a former log of one, or "" for the frame itself; which of them follows
  /// from the kind.
  package let owner: String
  package let kind: PBAccountKind
  /// nil: the frame's native asset.
  package let asset: Asset?

  package init(owner: String, kind: PBAccountKind, asset: Asset? = nil) {
    self.owner = owner
    self.kind = kind
    self.asset = asset
  }

  // Nearly all accounts are of native money: their assets, both nil, are looked at last.
  package static func == (a: Self, b: Self) -> Bool {
    a.kind.rawValue == b.kind.rawValue && a.owner == b.owner && a.asset == b.asset
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(owner)
    hasher.combine(kind.rawValue)
    if let asset { hasher.combine(asset) }
  }

  /// - Throws: `IdentifierError` when the asset is malformed.
  package init(_ posting: PBPosting) throws {
    self.init(owner: posting.owner, kind: posting.kind, asset: posting.hasAsset ? try Asset(posting.asset) : nil)
  }

  package static func liquid(_ agent: AgentName) -> AccountRef { .init(owner: agent.text, kind: .liquid) }
  package static func held(_ agent: AgentName) -> AccountRef { .init(owner: agent.text, kind: .held) }
  package static func staked(_ agent: AgentName) -> AccountRef { .init(owner: agent.text, kind: .staked) }
  package static let treasury = AccountRef(owner: "", kind: .treasury)
  package static let fees = AccountRef(owner: "", kind: .fees)
  /// What is owed to `peer` (positive) or by it (negative): the counter-account of cross-registry transfers.
  package static func clearing(_ peer: FrameID) -> AccountRef { .init(owner: peer.name, kind: .clearing) }
  /// Native money locked here that backs wrapped tokens at `peer`.
  package static func bridgeReserve(_ peer: FrameID) -> AccountRef { .init(owner: peer.name, kind: .bridgeReserve) }
  /// The same two of a log that the peer has lost or left (decision 0034).
  package static func clearing(of former: PeerLog) -> AccountRef { .init(owner: former.name, kind: .clearing) }
  package static func bridgeReserve(of former: PeerLog) -> AccountRef {
    .init(owner: former.name, kind: .bridgeReserve)
  }
  /// Another frame's asset, held here.
  package static func wrapped(_ agent: AgentName, _ asset: Asset) -> AccountRef {
    .init(owner: agent.text, kind: .wrapped, asset: asset)
  }
  /// The negative of all native money that exists.
  package static let issuance = AccountRef(owner: "", kind: .issuance)
  /// The negative of what exists here of another frame's asset.
  package static func issuance(of asset: Asset) -> AccountRef { .init(owner: "", kind: .issuance, asset: asset) }

  /// `alice:liquid`, `frame-b.example:clearing`, `bob:wrapped[AVT@frame-a.example]`, `frame:treasury`: with a colon, which no
  /// agent's name has.
  package var description: String {
    let name = "\(owner.isEmpty ? "frame" : owner):\(kind.word)"
    return asset.map { "\(name)[\($0)]" } ?? name
  }
}

extension PBAccountKind {
  /// The kind's word in messages, metrics and the API.
  package var word: String {
    switch self {
    case .liquid: "liquid"
    case .staked: "staked"
    case .held: "held"
    case .fees: "fees"
    case .treasury: "treasury"
    case .bridgeReserve: "bridge_reserve"
    case .clearing: "clearing"
    case .wrapped: "wrapped"
    case .issuance: "issuance"
    case .unspecified, .UNRECOGNIZED: "unspecified"
    }
  }

  /// Whose name the owner of such an account is.
  package enum Ownership { case agent, peer, frame, nobody }

  package var ownership: Ownership {
    switch self {
    case .liquid, .staked, .held, .wrapped: .agent
    case .clearing, .bridgeReserve: .peer
    case .fees, .treasury, .issuance: .frame
    case .unspecified, .UNRECOGNIZED: .nobody
    }
  }

  /// Clearing is a debt between frames and issuance is the negative of the supply; every other account holds money.
  var mayBeNegative: Bool { self == .clearing || self == .issuance }
}

extension AccountRef: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(owner)
    output.write(Int64(kind.rawValue))
    output.write(asset)
  }

  package init(from input: inout SnapshotInput) throws {
    owner = try input.read()
    kind = PBAccountKind(rawValue: Int(try input.read(Int64.self))) ?? .unspecified
    asset = try input.read()
  }
}

/// Builds postings.
package enum Postings {
  /// Moves `amount` minor units; both accounts are of the same asset.
  package static func move(_ amount: Int64, from: AccountRef, to: AccountRef) -> [PBPosting] {
    [posting(from, -amount), posting(to, amount)]
  }

  /// Several moves in one event.
  static func all(_ movements: [MoneyClaim.Movement]) -> [PBPosting] {
    movements.flatMap { move($0.amount, from: $0.from, to: $0.to) }
  }

  package static func posting(_ account: AccountRef, _ amount: Int64) -> PBPosting {
    var posting = PBPosting()
    posting.owner = account.owner
    posting.kind = account.kind
    if let asset = account.asset { posting.asset = PBAsset(asset) }
    posting.amount = amount
    return posting
  }
}
