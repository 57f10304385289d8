import Foundation
import FrameCore
import FrameLedger
import FrameLog
import FrameProtos

/// `POST /api/v1/transfers/batch`: up to a thousand transfers of one payer in one command, all of them or none.
struct TransferBatchRoutes {
  /// A thousand transfers with the longest memos; only this path takes so much.
  static let bodyLimit = 1024 * 1024

  let node: NodeCore
  let metrics: LedgerMetrics

  func add(to api: APIRouter) {
    api.on(.post, "/api/v1/transfers/batch", .authenticated, bodyLimit: Self.bodyLimit, cost: 4) { call in
      let key = try call.idempotencyKey()
      let body = try TransferBatchBody(json: call.body)
      try APICall.check(asset: body.asset, is: node.configuration.native)
      let from = try await node.payer(of: call, body.from)
      let transfers = try items(body.transfers)
      let committed = try await node.submit(
        .ledger(.transferBatch(from: from, transfers)),
        actor: from.map { .agent($0, of: node.frame) } ?? call.actor(), key: key)
      metrics.countBatch(committed)
      return .json(try receipt(committed, key.chosen(by: call.actor())), replayed: committed.replayed)
    }
  }

  private func items(_ transfers: [TransferBatchBody.Item]) throws -> [TransferItem] {
    try TransferBatch.require(count: transfers.count)
    let scale = node.configuration.native.scale
    return try TransferBatch.each(transfers) { item in
      let amount = try Amount(item.amount, scale: scale)
      guard amount > .zero else { throw AmountError.notPositive(item.amount) }
      return TransferItem(to: try AgentName(item.to), amount: amount, memo: item.memo)
    }
  }

  /// Made from the stored events alone, so that a repeat of the command is answered with the same bytes.
  private func receipt(_ committed: Committed, _ chosen: String) throws -> TransferBatchView {
    guard let first = committed.events.first, case .tokensTransferred(let head) = first.event.payload else {
      throw Refusal("internal", .internal, "The command had no effect.", remedy: "Report this as a defect.")
    }
    var (amount, fees) = (Amount.zero, Amount.zero)
    for recorded in committed.events {
      guard case .tokensTransferred(let event) = recorded.event.payload else { continue }
      amount = try amount.adding(Amount(minorUnits: event.amount))
      fees = try fees.adding(Amount(minorUnits: event.fee))
    }
    let native = node.configuration.native
    return TransferBatchView(
      state: "completed", position: first.position, transfers: committed.events.count, time: first.time.description,
      from: head.from.isEmpty ? FrameAccount.treasury.text : head.from, amount: amount.decimal(scale: native.scale),
      fee: fees.decimal(scale: native.scale), asset: native.description, idempotencyKey: chosen)
  }
}

/// What a batch did: its transfers stand at `position` and the `transfers - 1` positions after it, in their order.
struct TransferBatchView: Encodable, Sendable {
  let state: String
  let position: UInt64
  let transfers: Int
  let time: String
  let from: String
  /// Sums over all transfers.
  let amount: String
  let fee: String
  let asset: String
  let idempotencyKey: String
}
