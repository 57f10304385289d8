internal import Foundation
internal import FrameLedger
internal import FrameCore
internal import FrameEvents
internal import FrameLog
internal import FrameProtos

/// The supply as the stored events alone tell it.
///
/// It shares no code with `LedgerState`, `AccountRef` or the guard, only the event format: a mistake there cannot hide
/// itself here (CONFORMANCE B22). It never refuses an event; what is wrong becomes a finding, and the rest is counted on.
struct SupplyRecount: Sendable {
  static let maximumFindings = 100

  private struct Account: Hashable {
    let owner: String
    let kind: Int
    /// "" for the native asset, else `origin/code/scale`.
    let asset: String
  }

  private(set) var frame: String
  private(set) var frontier = MerkleFrontier()
  private(set) var findings: [AuditFinding] = []
  private(set) var findingCount = 0
  private(set) var worstDelta: Int128 = 0
  private(set) var agents = 0
  private var balances: [Account: Int128] = [:]
  private var lines = Lines()
  private var bridge = BridgeRecount()
  private var logs = FormerLogRecount()
  private var holds = HoldRecount()
  private var keys: KeyRecount?
  /// Only where two logs are held against each other: it grows with every transfer.
  private(set) var dealings: DealingsRecount?
  private var lastDelta: Int128 = 0
  private var lastTime = Int64.min

  private struct Lines {
    var issued: Int128 = 0
    var byKind: [Int: Int128] = [:]
    var reserve: [String: Int128] = [:]
    var clearing: [String: Int128] = [:]
    var wrapped: [String: Int128] = [:]
    var scales: [String: Int] = [:]

    var delta: Int128 { issued - byKind.values.reduce(0, +) }

    /// All that stands by one name stands by another from now on.
    mutating func moveWrapped(from: String, to: String) {
      guard let amount = wrapped[from] else { return }
      wrapped[from] = 0
      wrapped[to, default: 0] += amount
      if amount != 0 || scales[to] == nil { scales[to] = scales[from] }
    }
  }

  /// - Parameters:
  ///   - thorough: also check that no idempotency key has two effects; costs 16 bytes of memory a command.
  ///   - dealings: also collect what the log says of transfers and bridge items with other frames.
  init(frame: String, thorough: Bool, dealings: Bool = false) {
    self.frame = frame
    keys = thorough ? KeyRecount() : nil
    self.dealings = dealings ? DealingsRecount(frame: frame) : nil
  }

  /// Forgets which keys were seen: what is added from here on is not held against them.
  mutating func forgetKeys() { keys = nil }

  var size: UInt64 { frontier.size }
  var openHolds: Int { holds.openHolds }
  var accounts: Int { balances.count }

  mutating func add(_ position: UInt64, _ bytes: Data) {
    frontier.append(.leaf(bytes))
    let event: PBEvent
    do {
      event = try PBEvent(serializedBytes: bytes)
    } catch {
      return note("unreadable_event", position, error.words)
    }
    if event.position != position { note("wrong_position", position, "the event says position \(event.position)") }
    if event.payload == nil { note("unknown_event", position, "this version does not know its type") }
    if event.timeUnixNs < lastTime { note("time_ran_back", position, "\(event.timeUnixNs) after \(lastTime)") }
    lastTime = max(lastTime, event.timeUnixNs)
    if let problem = keys?.add(event) { note("idempotency", position, problem) }
    if case .agentRegistered = event.payload { agents += 1 }
    for move in logs.add(event) { lines.moveWrapped(from: move.from, to: move.to) }
    if let problem = holds.add(event) { note("hold", position, problem) }
    post(event, position)
    dealings?.add(event)
    if let problem = bridge.add(event) { note("bridge_totals", position, problem) }
  }

  private mutating func post(_ event: PBEvent, _ position: UInt64) {
    var sums: [String: Int128] = [:]
    var heldOwners: [Account] = []
    var drawn: [Account: PBAccountKind] = [:]
    for posting in event.postings {
      let account = account(posting, position)
      let amount = Int128(posting.amount)
      sums[account.asset, default: 0] += amount
      let balance = balances[account, default: 0] + amount
      balances[account] = balance
      count(account, amount, event)
      let signed = posting.kind == .clearing || posting.kind == .issuance
      if balance < 0, !signed { drawn[account] = posting.kind }
      if posting.kind == .held { heldOwners.append(account) }
      if balance > 0, posting.kind == .issuance { note("positive_issuance", position, "issuance is \(balance)") }
    }
    // An event is one step: what it takes from an account and puts there again is weighed when all of it is done.
    for (account, kind) in drawn {
      guard let balance = balances[account], balance < 0 else { continue }
      note("negative_balance", position, "\(account.owner)/\(kind)/\(account.asset) is \(balance)")
    }
    for (asset, sum) in sums where sum != 0 {
      note("unbalanced_event", position, "its postings in '\(asset)' sum to \(sum)")
    }
    for account in heldOwners where balances[account] != holds.due(account.owner) {
      note(
        "held_mismatch", position,
        "'\(account.owner)' holds \(balances[account] ?? 0), its holds and transfers \(holds.due(account.owner))")
    }
    let delta = lines.delta
    if delta != lastDelta { note("supply_delta", position, "the supply equation is off by \(delta)") }
    if delta.magnitude > worstDelta.magnitude { worstDelta = delta }
    lastDelta = delta
  }

  private mutating func account(_ posting: PBPosting, _ position: UInt64) -> Account {
    var asset = ""
    if posting.hasAsset {
      asset = "\(posting.asset.origin)/\(posting.asset.code)/\(posting.asset.scale)"
      if posting.asset.origin == frame { note("native_by_name", position, "native money is named by an asset") }
      if posting.kind != .wrapped, posting.kind != .issuance {
        note("mixed_asset", position, "'\(asset)' in an account of kind \(posting.kind)")
      }
    } else if posting.kind == .wrapped {
      note("mixed_asset", position, "native money in a wrapped account")
    }
    return Account(owner: posting.owner, kind: posting.kind.rawValue, asset: asset)
  }

  private mutating func count(_ account: Account, _ amount: Int128, _ event: PBEvent) {
    guard account.asset.isEmpty else {
      if account.kind == PBAccountKind.wrapped.rawValue {
        let row = logs.row(of: String(account.asset.prefix { $0 != "/" }), event)
        lines.wrapped[row, default: 0] += amount
        lines.scales[row] = account.asset.split(separator: "/").last.flatMap { Int($0) }
      }
      return
    }
    guard account.kind != PBAccountKind.issuance.rawValue else { return lines.issued -= amount }
    lines.byKind[account.kind, default: 0] += amount
    switch PBAccountKind(rawValue: account.kind) {
    case .bridgeReserve: lines.reserve[account.owner, default: 0] += amount
    case .clearing: lines.clearing[account.owner, default: 0] += amount
    default: break
    }
  }

  /// A finding about the log as a whole: the same one again is not another.
  mutating func noteOnce(_ code: String, _ position: UInt64?, _ message: String) {
    guard !findings.contains(where: { $0.code == code && $0.position == position }) else { return }
    note(code, position, message)
  }

  mutating func note(_ code: String, _ position: UInt64?, _ message: String) {
    findingCount += 1
    if findings.count < Self.maximumFindings { findings.append(AuditFinding(code, at: position, message)) }
  }

  var statement: SupplyStatement {
    func total(_ kind: PBAccountKind) -> Int128 { lines.byKind[kind.rawValue] ?? 0 }
    var statement = SupplyStatement()
    statement.size = size
    statement.issued = lines.issued
    statement.circulating = total(.liquid)
    statement.staked = total(.staked)
    statement.held = total(.held)
    statement.fees = total(.fees)
    statement.treasury = total(.treasury)
    statement.lockedForBridge = lines.reserve
    statement.clearing = lines.clearing
    statement.formerLogs = logs.states
    // A former log has a row while there is something in it.
    statement.wrapped = lines.wrapped.filter { $0.value != 0 || !logs.isFormer($0.key) }
    statement.wrappedScales = lines.scales.filter { statement.wrapped[$0.key] != nil }
    return statement
  }

  /// - Parameter checkpoint: the one that the root was compared with, and agreed.
  func report(_ checkpoint: SignedCheckpoint?) -> AuditReport {
    AuditReport(
      frame: frame, size: size, root: frontier.root.data, statement: statement,
      worstDelta: worstDelta, accounts: accounts, agents: agents, openHolds: openHolds, checkpoint: checkpoint,
      findings: findings, findingCount: findingCount)
  }
}
