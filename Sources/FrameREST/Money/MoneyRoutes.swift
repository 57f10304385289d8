import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import FrameEvents
import FrameNodeState
import FrameProtos

/// Minting, burning, fees, and transfers within the frame.
package struct MoneyRoutes {
  let node: NodeCore
  let metrics: LedgerMetrics

  func add(to api: APIRouter) {
    api.on(.post, "/api/v1/issue", .authority) { call in try await mint(call, LedgerCommand.issue) }
    api.on(.post, "/api/v1/burn", .authority) { call in try await mint(call, LedgerCommand.burn) }
    api.on(.post, "/api/v1/transfers", .authenticated) { call in
      let body = try call.decode(TransferBody.self)
      try APICall.check(asset: body.asset, is: node.configuration.native)
      let from = try await node.payer(of: call, body.from)
      let command = LedgerCommand.transfer(
        from: from, to: try AgentName(body.to), amount: try amount(body.amount), memo: body.memo ?? "")
      return try await run(command, call, actor: from.map { .agent($0, of: node.frame) } ?? call.actor())
    }
    api.on(.get, "/api/v1/fees", .authenticated) { call in try await fees(call) }
    api.on(.post, "/api/v1/fees/collect", .authority) { call in
      let body = try call.decodeIfPresent(CollectFeesBody.self)
      try APICall.check(asset: body?.asset, is: node.configuration.native)
      let command = LedgerCommand.collectFees(try body?.amount.map(amount), memo: body?.memo ?? "")
      return try await run(command, call, actor: try call.actor())
    }
  }

  /// The rule, what it makes of an amount, and for the authority what is in the pool.
  private func fees(_ call: APICall) async throws -> APIReply {
    let scale = node.configuration.native.scale
    func decimal(_ units: Int64) -> String { Amount(minorUnits: units).decimal(scale: scale) }
    let quoted = try call.query("amount").map(amount)
    let (rule, pool) = try await node.writer.read { ($0.ledger.fees, $0.ledger.balance(.fees)) }
    return .json(
      FeesView(
        basisPoints: rule.terms.basisPoints, fixed: decimal(rule.terms.fixed), minimum: decimal(rule.terms.minimum),
        maximum: rule.terms.maximum.map(decimal), asset: node.configuration.native.description,
        amount: quoted?.decimal(scale: scale), fee: try quoted.map { decimal(try rule.fee(on: $0.minorUnits)) },
        pool: call.caller.isAuthority ? decimal(pool) : nil))
  }

  private func mint(
    _ call: APICall, _ make: @Sendable (Amount, String) -> LedgerCommand
  ) async throws -> APIReply {
    let body = try call.decode(MintBody.self)
    try APICall.check(asset: body.asset, is: node.configuration.native)
    return try await run(make(try amount(body.amount), body.memo ?? ""), call, actor: try call.actor())
  }

  /// - actor: whose money it is; the authority acts for an agent under that agent's name.
  private func run(_ command: LedgerCommand, _ call: APICall, actor: SPIFFEID) async throws -> APIReply {
    let key = try call.idempotencyKey()
    let committed = try await node.submit(.ledger(command), actor: actor, key: key)
    metrics.count(committed)
    return .json(try receipt(committed, key.chosen(by: call.actor())), replayed: committed.replayed)
  }

  private func amount(_ text: String) throws -> Amount {
    let amount = try Amount(text, scale: node.configuration.native.scale)
    guard amount > .zero else { throw AmountError.notPositive(text) }
    return amount
  }

  /// Made from the stored events alone, so that a repeat of the command is answered with the same bytes.
  private func receipt(_ committed: Committed, _ chosen: String) throws -> ReceiptView {
    guard let first = committed.events.first else {
      throw Refusal("internal", .internal, "The command had no effect.", remedy: "Report this as a defect.")
    }
    let native = node.configuration.native
    var (from, to, units, fee) = ("", "", Int64(0), Int64?.none)
    let (treasury, issuance) = (FrameAccount.treasury.text, FrameAccount.issuance.text)
    switch first.event.payload {
    case .tokensIssued(let event): (from, to, units) = (issuance, treasury, event.amount)
    case .tokensBurned(let event): (from, to, units) = (treasury, issuance, event.amount)
    case .feesCollected(let event): (from, to, units) = (FrameAccount.fees.text, treasury, event.amount)
    case .tokensTransferred(let event):
      (from, to, units, fee) = (event.from.isEmpty ? treasury : event.from, event.to, event.amount, event.fee)
    default: break
    }
    return ReceiptView(
      state: "completed", position: first.position, time: first.time.description,
      eventTypes: committed.events.map(\.event.eventType.name),
      amount: Amount(minorUnits: units).decimal(scale: native.scale),
      fee: fee.map { Amount(minorUnits: $0).decimal(scale: native.scale) }, asset: native.description, from: from,
      to: to,
      idempotencyKey: chosen)
  }
}

extension NodeCore {
  /// Who pays: as `APICall.payer`, and for the authority the treasury too (nil).
  /// - Throws: a `Refusal` `ambiguous_account` when the old word for the treasury is also the name of an agent.
  func payer(of call: APICall, _ named: String?) async throws -> AgentName? {
    guard call.caller.isAuthority, let named else { return try call.payer(named) }
    if FrameAccount(text: named) == .treasury { return nil }
    guard named == FrameAccount.treasury.rawValue else { return try call.payer(named) }
    let agent = try AgentName(named)
    guard try await !writer.read({ $0.ledger.agentExists(agent) }) else {
      throw Refusal(
        "ambiguous_account", .conflict, "'\(named)' is the name of an agent here, and the old word for an account.",
        remedy: "Write \(FrameAccount.treasury.text) for the frame's account; the agent pays with its own token.")
    }
    return nil
  }
}
