internal import FrameCore
package import FrameProtos

/// What one log says of its dealings with other frames: every transfer and every bridge item by its id, with what became of
/// it, and what its postings moved.
///
/// Part of the audit: reads stored events alone and shares nothing with the rooms that wrote them. Two of these are held
/// against each other by ``DealingsMatch``.
package struct DealingsFold: Sendable {
  /// A transfer that this frame debits.
  struct Sent: Sendable {
    enum Outcome: Sendable, Equatable { case open, settled(Int128), refunded }

    let terms: PBTransferTerms
    let isTwoPhase: Bool
    let position: UInt64
    /// Of the treaty under which it was opened: an item belongs to a log, not to a name. "" when the log knows no treaty.
    let peerKey: String
    var outcome = Outcome.open
    /// What its events moved to the peer's clearing account.
    var cleared: Int128 = 0
  }

  /// A transfer that this frame was asked to credit.
  struct Asked: Sendable {
    var terms: PBTransferTerms?
    let position: UInt64
    let peerKey: String
    var credited: Int128?
    var isRefused = false
    var cleared: Int128 = 0
  }

  /// A lock, an issue, a redemption or an unlock.
  struct Leg: Sendable {
    let amount: Int64
    let recipient: String
    let asset: String
    let position: UInt64
    let peerKey: String
  }

  /// A peer and an id.
  struct Key: Hashable, Sendable {
    let peer: String
    let id: String
  }

  /// Of the log's founding event; "" when it has none.
  package private(set) var frame: String
  private(set) var logKey = ""
  private(set) var scale = 0
  private(set) var native = ""
  private(set) var sent: [Key: Sent] = [:]
  private(set) var asked: [Key: Asked] = [:]
  private(set) var locks: [Key: Leg] = [:]
  private(set) var issues: [Key: Leg] = [:]
  private(set) var redemptions: [Key: Leg] = [:]
  private(set) var unlocks: [Key: Leg] = [:]
  /// What this log shows to be wrong without the other one.
  private(set) var problems: [DealingsProblem] = []
  private(set) var problemCount = 0
  private var keys: [String: String] = [:]

  static let problemsMax = 1000

  /// - Parameter frame: whose log it is.
  package init(frame: String) { self.frame = frame }

  mutating func note(_ code: String, _ id: String, at position: UInt64?, _ message: String) {
    problemCount += 1
    if problems.count < Self.problemsMax { problems.append(DealingsProblem(code, frame, id, position, message)) }
  }

  package mutating func add(_ event: PBEvent) {
    let position = event.position
    switch event.payload {
    case .frameFounded(let e):
      (logKey, scale, native) = (e.logVerifierKey, Int(e.native.scale), Self.text(e.native))
    case .frameFederationEstablished(let e): keys[e.peer] = e.theirs.logVerifierKey
    case .tokensTransferred(let e) where !e.transferID.isEmpty: debit(e, event)
    case .crossFrameTransferInitiated(let e): open(e.terms, isTwoPhase: false, event)
    case .crossRegistryTransferLocked(let e): open(e.terms, isTwoPhase: true, event)
    case .crossRegistryTransferCompleted(let e): end(e.terms, .settled(Int128(e.creditedAmount)), event)
    case .crossRegistryTransferAborted(let e): end(e.terms, .refunded, event)
    case .crossFrameTransferCompensated(let e): end(e.terms, .refunded, event)
    case .crossFrameTransferSettled(let e) where e.terms.origin == frame:
      end(e.terms, .settled(Int128(e.creditedAmount)), event)
    case .crossFrameTransferSettled(let e): credit(e.terms, e.creditedAmount, event)
    case .crossRegistryTransferCredited(let e): credit(e.terms, e.creditedAmount, event)
    case .crossFrameTransferRefused(let e): refuse(e.terms.transferID, e.terms.origin, event)
    case .crossRegistryTransferRefused(let e): refuse(e.transferID, e.origin, event)
    case .tokensBridgeLocked(let e):
      leg(\.locks, e.destination, e.lockID, e.amount, e.recipient, e.asset, event, "locked_twice")
      expect(Self.moved(event, .bridgeReserve), Int128(e.amount), e.lockID, position)
    case .wrappedTokensIssued(let e):
      leg(\.issues, e.origin, e.lockID, e.amount, e.recipient, e.asset, event, "issued_twice")
      expect(Self.moved(event, .wrapped), Int128(e.amount), e.lockID, position)
    case .wrappedTokensRedeemed(let e):
      leg(\.redemptions, e.origin, e.redeemID, e.amount, e.recipient, e.asset, event, "redeemed_twice")
      expect(Self.moved(event, .wrapped), -Int128(e.amount), e.redeemID, position)
    case .tokensBridgeUnlocked(let e):
      leg(\.unlocks, e.destination, e.redeemID, e.amount, e.recipient, e.asset, event, "unlocked_twice")
      expect(Self.moved(event, .bridgeReserve), -Int128(e.amount), e.redeemID, position)
    default: break
    }
  }

  // MARK: Transfers

  /// The debit of an async transfer comes in the event before the one that opens it.
  private var debited: (id: String, moved: Int128)?

  private mutating func debit(_ e: PBTokensTransferred, _ event: PBEvent) {
    debited = (e.transferID, Self.moved(event, .clearing))
  }

  private mutating func open(_ terms: PBTransferTerms, isTwoPhase: Bool, _ event: PBEvent) {
    guard terms.origin == frame else { return }
    let key = Key(peer: terms.destination, id: terms.transferID)
    guard sent[key] == nil else {
      return note("debited_twice", key.id, at: event.position, "it was debited at \(sent[key]?.position ?? 0) already")
    }
    var transfer = Sent(
      terms: terms, isTwoPhase: isTwoPhase, position: event.position, peerKey: keys[terms.destination] ?? "")
    transfer.cleared = Self.moved(event, .clearing)
    if !isTwoPhase {
      if let debited, debited.id == terms.transferID { transfer.cleared += debited.moved }
      debited = nil
    }
    expect(transfer.cleared, isTwoPhase ? 0 : Int128(terms.amount), key.id, event.position)
    sent[key] = transfer
  }

  private mutating func end(_ terms: PBTransferTerms, _ outcome: Sent.Outcome, _ event: PBEvent) {
    let key = Key(peer: terms.destination, id: terms.transferID)
    guard var transfer = sent[key] else {
      return note("outcome_without_debit", key.id, at: event.position, "the log has no debit of it")
    }
    switch (transfer.outcome, outcome) {
    case (.open, _): break
    case (.settled, .settled): note("settled_twice", key.id, at: event.position, "it was settled before")
    case (.refunded, .refunded): note("refunded_twice", key.id, at: event.position, "it was refunded before")
    default: note("settled_and_refunded", key.id, at: event.position, "it has both outcomes")
    }
    if !transfer.terms.isSame(as: terms) {
      note("terms_differ", key.id, at: event.position, "its outcome has other terms than its debit")
    }
    let moved = Self.moved(event, .clearing)
    transfer.cleared += moved
    transfer.outcome = outcome
    let due =
      switch (outcome, transfer.isTwoPhase) {
      case (.settled, true): Int128(transfer.terms.amount)
      case (.refunded, false): -Int128(transfer.terms.amount)
      default: Int128(0)
      }
    expect(moved, due, key.id, event.position)
    sent[key] = transfer
  }

  private mutating func credit(_ terms: PBTransferTerms, _ amount: Int64, _ event: PBEvent) {
    let key = Key(peer: terms.origin, id: terms.transferID)
    var asked = asked[key] ?? Asked(position: event.position, peerKey: keys[terms.origin] ?? "")
    if asked.credited != nil { note("credited_twice", key.id, at: event.position, "it was credited before") }
    if asked.isRefused { note("credited_and_refused", key.id, at: event.position, "it was refused before") }
    let moved = Self.moved(event, .clearing)
    asked.cleared += moved
    asked.terms = terms
    asked.credited = (asked.credited ?? 0) + Int128(amount)
    self.asked[key] = asked
    expect(moved, -Int128(amount), key.id, event.position)
  }

  private mutating func refuse(_ id: String, _ origin: String, _ event: PBEvent) {
    guard origin != frame else { return }
    let key = Key(peer: origin, id: id)
    var asked = asked[key] ?? Asked(position: event.position, peerKey: keys[origin] ?? "")
    if asked.credited != nil { note("credited_and_refused", id, at: event.position, "it was credited before") }
    asked.isRefused = true
    self.asked[key] = asked
    expect(Self.moved(event, .clearing), 0, id, event.position)
  }

  // MARK: Bridge

  private mutating func leg(
    _ legs: WritableKeyPath<Self, [Key: Leg]>, _ peer: String, _ id: String, _ amount: Int64, _ recipient: String,
    _ asset: PBAsset, _ event: PBEvent, _ twice: String
  ) {
    let key = Key(peer: peer, id: id)
    guard self[keyPath: legs][key] == nil else {
      return note(twice, id, at: event.position, "first at \(self[keyPath: legs][key]?.position ?? 0)")
    }
    self[keyPath: legs][key] = Leg(
      amount: amount, recipient: recipient, asset: Self.text(asset), position: event.position,
      peerKey: keys[peer] ?? "")
  }

  // MARK: Postings

  /// An event that says one amount and moves another is the plainest way to hide money.
  private mutating func expect(_ moved: Int128, _ due: Int128, _ id: String, _ position: UInt64) {
    guard moved != due else { return }
    note("postings_differ", id, at: position, "its postings move \(moved) minor units, its terms \(due)")
  }

  private static func moved(_ event: PBEvent, _ kind: PBAccountKind) -> Int128 {
    event.postings.reduce(0) { $1.kind == kind ? $0 + Int128($1.amount) : $0 }
  }

  /// An amount as people write it, with its currency.
  /// - Parameter asset: as ``text(_:)`` makes it; "" when it is not known.
  static func money(_ units: Int128, _ asset: String) -> String {
    guard let slash = asset.lastIndex(of: "/"), let scale = UInt8(asset[asset.index(after: slash)...]), scale <= 9
    else { return "\(units) minor units" }
    return "\(Amount.decimal(sum: units, scale: scale)) \(asset[..<slash])"
  }

  private static func text(_ asset: PBAsset) -> String { "\(asset.code)@\(asset.origin)/\(asset.scale)" }
}

/// A contradiction between two logs, or of one log with itself, about one transfer or bridge item.
package struct DealingsProblem: Sendable, Equatable {
  /// Stable `snake_case` word.
  package let code: String
  /// Whose log shows it.
  package let frame: String
  package let id: String
  /// In that frame's log.
  package let position: UInt64?
  package let message: String

  init(_ code: String, _ frame: String, _ id: String, _ position: UInt64?, _ message: String) {
    self.code = code
    self.frame = frame
    self.id = id
    self.position = position
    self.message = message
  }
}

extension PBTransferTerms {
  /// Field by field: what a later version added to one of the two is no difference.
  func isSame(as other: Self) -> Bool {
    transferID == other.transferID && origin == other.origin && destination == other.destination && from == other.from
      && to == other.to && amount == other.amount && memo == other.memo && asset.origin == other.asset.origin
      && asset.code == other.asset.code && asset.scale == other.asset.scale
  }
}
