internal import FrameCore
package import FrameProtos

/// What one log says of its dealings with other frames: every transfer and every bridge item by its id, with what became of
/// it, and what its postings moved.
///
/// What is dealt with belongs to a log of the peer, not to its name (decision 0034): the one that the treaty of that moment is with.
///
/// Part of the audit: reads stored events alone and shares nothing with the rooms that wrote them. Two of these are held
/// against each other by ``DealingsMatch``.
package struct DealingsRecount: Sendable {
  /// A transfer that this frame debits.
  struct Sent: Sendable {
    /// `returned`: given back after a decision about the log it was sent to, whatever that log did with it.
    enum Outcome: Sendable, Equatable { case open, settled(Int128), refunded, returned }

    let terms: PBTransferTerms
    let isTwoPhase: Bool
    let position: UInt64
    let log: Log
    var outcome = Outcome.open
  }

  /// A transfer that this frame was asked to credit.
  struct Asked: Sendable {
    var terms: PBTransferTerms?
    let position: UInt64
    var credited: Int128?
  }

  /// A lock, an issue, a redemption or an unlock.
  struct Leg: Sendable {
    let amount: Int64
    let recipient: String
    let asset: String
    let position: UInt64
    /// Given back after a decision about the log it was meant for.
    var isReturned = false
  }

  /// A log of a peer; the key is "" where no treaty was ever on record.
  struct Log: Hashable, Sendable {
    let peer: String
    let key: String
  }

  /// A log of a peer and an id.
  struct Key: Hashable, Sendable {
    let log: Log
    let id: String
  }

  /// A peer and an id. Own transfers are known by it: an id is debited once, whatever log the peer had. So are refusals.
  struct PeerID: Hashable, Sendable {
    let peer: String
    let id: String
  }

  /// Of the log's founding event; "" when it has none.
  package private(set) var frame: String
  private(set) var logKey = ""
  private(set) var scale = 0
  private(set) var native = ""
  private(set) var sent: [PeerID: Sent] = [:]
  private(set) var asked: [Key: Asked] = [:]
  private(set) var refused: Set<PeerID> = []
  var locks: [Key: Leg] = [:]
  var issues: [Key: Leg] = [:]
  var redemptions: [Key: Leg] = [:]
  var unlocks: [Key: Leg] = [:]
  /// Redemptions at a lost log that were paid here after the decision about it.
  var paid: [Key: Leg] = [:]
  /// The key of each peer's present log.
  var keys: [String: String] = [:]
  var standings: [Log: Standing] = [:]
  /// By the log that is to take over and the proposal: what this frame booked, and what it accepted of its own lost log.
  var recognitions: [Key: Recognition] = [:]
  var answers: [Key: Recognition] = [:]
  /// Events 0 ..< end were read.
  private(set) var end: UInt64 = 0
  /// What this log shows to be wrong without the other one.
  private(set) var problems: [DealingsProblem] = []
  private(set) var problemCount = 0

  static let problemsMax = 1000

  /// - Parameter frame: whose log it is.
  package init(frame: String) { self.frame = frame }

  /// For what the log got after `read`: empty, with the peers' logs as they were then.
  package init(after read: Self) {
    frame = read.frame
    keys = read.keys
    end = read.end
  }

  mutating func note(_ code: String, _ id: String, at position: UInt64?, _ message: String) {
    problemCount += 1
    if problems.count < Self.problemsMax { problems.append(DealingsProblem(code, frame, id, position, message)) }
  }

  package mutating func add(_ event: PBEvent) {
    let position = event.position
    let money = DealingsMoney(event)
    if position < .max { end = max(end, position + 1) }
    closeDebit(before: event)
    switch event.payload {
    case .frameFounded(let e):
      (logKey, scale, native) = (e.logVerifierKey, Int(e.native.scale), Self.text(e.native))
      expect(money, "", position, [])
    case .tokensTransferred(let e) where !e.transferID.isEmpty: debited = (e.transferID, position, money)
    case .crossFrameTransferInitiated(let e): open(e.terms, isTwoPhase: false, money, position)
    case .crossRegistryTransferLocked(let e): open(e.terms, isTwoPhase: true, money, position)
    case .crossRegistryTransferCompleted(let e): end(e.terms, .settled(Int128(e.creditedAmount)), money, position)
    case .crossRegistryTransferAborted(let e):
      end(e.terms, isReturn(e.terms, e.reason) ? .returned : .refunded, money, position)
    case .crossFrameTransferCompensated(let e):
      end(e.terms, e.formerLog.isEmpty ? .refunded : .returned, money, position)
    case .crossFrameTransferSettled(let e) where e.terms.origin == frame:
      end(e.terms, .settled(Int128(e.creditedAmount)), money, position)
    case .crossFrameTransferSettled(let e): credit(e.terms, e.creditedAmount, money, position)
    case .crossRegistryTransferCredited(let e): credit(e.terms, e.creditedAmount, money, position)
    case .crossFrameTransferRefused(let e): refuse(e.terms.transferID, e.terms.origin, money, position)
    case .crossRegistryTransferRefused(let e): refuse(e.transferID, e.origin, money, position)
    default:
      if !addBridge(event, money), !addLogs(event, money) { expectNothing(money, position) }
    }
  }

  // MARK: Transfers

  /// The debit of an async transfer comes in the event before the one that opens it.
  private var debited: (id: String, position: UInt64, money: DealingsMoney)?

  /// A debit that the log ends with.
  var openDebit: (id: String, position: UInt64)? { debited.map { ($0.id, $0.position) } }

  /// A debit that no transfer follows would be money out of sight.
  private mutating func closeDebit(before event: PBEvent) {
    guard let debited else { return }
    if case .crossFrameTransferInitiated(let e) = event.payload, e.terms.transferID == debited.id { return }
    expect(debited.money, debited.id, debited.position, [])
    self.debited = nil
  }

  private mutating func open(
    _ terms: PBTransferTerms, isTwoPhase: Bool, _ money: DealingsMoney, _ position: UInt64
  ) {
    let money = isTwoPhase ? money : money.adding(debited?.money ?? DealingsMoney())
    debited = nil
    guard terms.origin == frame else { return expectNothing(money, position) }
    let id = PeerID(peer: terms.destination, id: terms.transferID)
    guard sent[id] == nil else {
      return note("debited_twice", id.id, at: position, "it was debited at \(sent[id]?.position ?? 0) already")
    }
    let log = present(terms.destination)
    sent[id] = Sent(terms: terms, isTwoPhase: isTwoPhase, position: position, log: log)
    standings[log, default: Standing()].items += 1
    let due: Int128 = isTwoPhase ? 0 : Int128(terms.amount)
    clear(due, log)
    expect(money, id.id, position, [(.clearing(terms.destination), due)])
  }

  /// Whether a 2pc transfer goes back because its peer came back with another log.
  private func isReturn(_ terms: PBTransferTerms, _ reason: String) -> Bool {
    guard reason == "peer_log_replaced", let log = sent[PeerID(peer: terms.destination, id: terms.transferID)]?.log
    else { return false }
    return log != present(terms.destination)
  }

  private mutating func end(
    _ terms: PBTransferTerms, _ outcome: Sent.Outcome, _ money: DealingsMoney, _ position: UInt64
  ) {
    let id = PeerID(peer: terms.destination, id: terms.transferID)
    guard var transfer = sent[id] else {
      return note("outcome_without_debit", id.id, at: position, "the log has no debit of it")
    }
    switch (transfer.outcome, outcome) {
    case (.open, _): break
    case (.settled, .settled): note("settled_twice", id.id, at: position, "it was settled before")
    case (.refunded, .refunded), (.returned, .returned), (.returned, .refunded), (.refunded, .returned):
      note("refunded_twice", id.id, at: position, "it was refunded before")
    default: note("settled_and_refunded", id.id, at: position, "it has both outcomes")
    }
    if !transfer.terms.isSame(as: terms) {
      note("terms_differ", id.id, at: position, "its outcome has other terms than its debit")
    }
    if outcome == .returned { requireDecided(transfer.log, id.id, position) }
    transfer.outcome = outcome
    let due: Int128 =
      switch (outcome, transfer.isTwoPhase) {
      case (.settled, true): Int128(transfer.terms.amount)
      case (.refunded, false), (.returned, false): -Int128(transfer.terms.amount)
      default: 0
      }
    clear(due, transfer.log)
    let account = outcome == .returned ? name(of: transfer.log) : terms.destination
    expect(money, id.id, position, [(.clearing(account), due)])
    sent[id] = transfer
  }

  private mutating func credit(
    _ terms: PBTransferTerms, _ amount: Int64, _ money: DealingsMoney, _ position: UInt64
  ) {
    let log = present(terms.origin)
    let key = Key(log: log, id: terms.transferID)
    if asked[key] == nil { standings[log, default: Standing()].items += 1 }
    var asked = asked[key] ?? Asked(position: position)
    if asked.credited != nil { note("credited_twice", key.id, at: position, "it was credited before") }
    if refused.contains(PeerID(peer: terms.origin, id: key.id)) {
      note("credited_and_refused", key.id, at: position, "it was refused before")
    }
    asked.terms = terms
    asked.credited = (asked.credited ?? 0) + Int128(amount)
    self.asked[key] = asked
    clear(-Int128(amount), log)
    expect(money, key.id, position, [(.clearing(terms.origin), -Int128(amount))])
  }

  private mutating func refuse(_ id: String, _ origin: String, _ money: DealingsMoney, _ position: UInt64) {
    expect(money, id, position, [])
    guard origin != frame else { return }
    if asked[Key(log: present(origin), id: id)]?.credited != nil {
      note("credited_and_refused", id, at: position, "it was credited before")
    }
    refused.insert(PeerID(peer: origin, id: id))
  }

  // MARK: Postings

  /// An event that says one amount and moves another is the plainest way to hide money.
  mutating func expect(
    _ money: DealingsMoney, _ id: String, _ position: UInt64, _ due: [(DealingsMoney.Account, Int128)]
  ) {
    guard let found = money.difference(from: due) else { return }
    note(
      "postings_differ", id, at: position,
      "its postings move \(moved(found.moved, of: found.account)) of \(found.account), its terms \(moved(found.due, of: found.account))"
    )
  }

  private mutating func expectNothing(_ money: DealingsMoney, _ position: UInt64) {
    guard let found = money.difference(from: []) else { return }
    note(
      "money_without_dealing", "", at: position,
      "it moves \(moved(found.moved, of: found.account)) of \(found.account), and is no transfer, bridge item or decision"
    )
  }

  private func moved(_ units: Int128, of account: DealingsMoney.Account) -> String {
    Self.money(units, account.asset.isEmpty ? native : account.asset)
  }

  /// An amount as people write it, with its currency.
  /// - Parameter asset: as ``text(_:)`` makes it; "" when it is not known.
  static func money(_ units: Int128, _ asset: String) -> String {
    guard let slash = asset.lastIndex(of: "/"), let scale = UInt8(asset[asset.index(after: slash)...]), scale <= 9
    else { return "\(units) of the smallest unit" }
    return "\(Amount.decimal(sum: units, scale: scale)) \(asset[..<slash])"
  }

  static func text(_ asset: PBAsset) -> String { "\(asset.code)@\(asset.origin)/\(asset.scale)" }
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
