internal import FrameProtos

/// What an event's postings move on the accounts that stand towards other frames: clearing, reserves, wrapped tokens.
///
/// Money towards another frame moves by transfers, bridge items and decisions about former logs alone, and by exactly what they say. So
/// what stands on such an account is the sum of named items, and nothing else can hide there.
struct DealingsMoney: Sendable {
  struct Account: Hashable, Sendable, Comparable, CustomStringConvertible {
    let kind: PBAccountKind
    let owner: String
    /// "" for the native asset.
    let asset: String

    static func clearing(_ owner: String) -> Self { .init(kind: .clearing, owner: owner, asset: "") }
    static func reserve(_ owner: String) -> Self { .init(kind: .bridgeReserve, owner: owner, asset: "") }
    static func wrapped(_ owner: String, _ asset: String) -> Self { .init(kind: .wrapped, owner: owner, asset: asset) }

    var description: String { "\(owner):\(kind.word)" + (asset.isEmpty ? "" : "[\(asset)]") }

    static func < (a: Self, b: Self) -> Bool { a.description < b.description }
  }

  private(set) var moved: [Account: Int128] = [:]

  /// Nothing.
  init() {}

  init(_ event: PBEvent) {
    for posting in event.postings {
      guard [.clearing, .bridgeReserve, .wrapped].contains(posting.kind) else { continue }
      let asset = posting.hasAsset ? DealingsRecount.text(posting.asset) : ""
      moved[Account(kind: posting.kind, owner: posting.owner, asset: asset), default: 0] += Int128(posting.amount)
    }
  }

  subscript(account: Account) -> Int128 { moved[account] ?? 0 }

  /// Both together.
  func adding(_ other: Self) -> Self {
    var both = self
    both.moved.merge(other.moved, uniquingKeysWith: +)
    return both
  }

  /// - Parameter due: what should have moved; an account may be named twice.
  /// - Returns: the first account on which something else has, or nil.
  func difference(from due: [(Account, Int128)]) -> (account: Account, moved: Int128, due: Int128)? {
    let due = Dictionary(due, uniquingKeysWith: +)
    return Set(moved.keys).union(due.keys).sorted().lazy
      .map { (account: $0, moved: self[$0], due: due[$0] ?? 0) }
      .first { $0.moved != $0.due }
  }
}
