import Foundation
import FrameCore
import FrameLedger
import FrameLog
import FrameProtos

/// Minting, burning and transfers within the frame.
struct MoneyRoutes {
  let node: NodeCore

  func add(to api: APIRouter) {
    api.on(.post, "/api/v1/issue", .authority) { call in try await mint(call, LedgerCommand.issue) }
    api.on(.post, "/api/v1/burn", .authority) { call in try await mint(call, LedgerCommand.burn) }
    api.on(.post, "/api/v1/transfers", .authenticated) { call in
      let body = try call.decode(TransferBody.self)
      let from: AgentName? =
        call.caller.isAuthority && body.from == "treasury" ? nil : try call.payer(body.from)
      let command = LedgerCommand.transfer(
        from: from, to: try AgentName(body.to), amount: try amount(body.amount), memo: body.memo ?? "")
      return try await run(command, call, actor: from.map { .agent($0, of: node.frame) } ?? call.actor())
    }
  }

  private func mint(
    _ call: APICall, _ make: @Sendable (Amount, String) -> LedgerCommand
  ) async throws -> APIReply {
    struct Body: Decodable {
      let amount: String
      let memo: String?
    }
    let body = try call.decode(Body.self)
    return try await run(make(try amount(body.amount), body.memo ?? ""), call, actor: try call.actor())
  }

  /// - actor: whose money it is; the authority acts for an agent under that agent's name.
  private func run(_ command: LedgerCommand, _ call: APICall, actor: SPIFFEID) async throws -> APIReply {
    let key = try call.idempotencyKey()
    let committed = try await node.submit(.ledger(command), actor: actor, key: key)
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
    var (from, to, units, fee) = ("", "", Int64(0), Int64(0))
    switch first.event.payload {
    case .tokensIssued(let event): (from, to, units) = ("issuance", "treasury", event.amount)
    case .tokensBurned(let event): (from, to, units) = ("treasury", "issuance", event.amount)
    case .tokensTransferred(let event):
      (from, to, units, fee) = (event.from.isEmpty ? "treasury" : event.from, event.to, event.amount, event.fee)
    default: break
    }
    return ReceiptView(
      state: "completed", position: first.position, time: first.time.description,
      eventTypes: committed.events.map(\.event.eventType.name),
      amount: Amount(minorUnits: units).decimal(scale: native.scale),
      fee: Amount(minorUnits: fee).decimal(scale: native.scale), asset: native.description, from: from, to: to,
      idempotencyKey: chosen)
  }
}

/// The body of a transfer, within the frame or to a peer.
struct TransferBody: Decodable, Sendable {
  let from: String?
  let to: String
  let amount: String
  let memo: String?
}
