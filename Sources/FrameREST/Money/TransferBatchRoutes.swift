import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import FrameEvents
import FrameNodeState
import FrameProtos

/// `POST /api/v1/transfers/batch`: up to a thousand transfers of one payer in one command, all of them or none.
package struct TransferBatchRoutes {
  /// A thousand transfers with the longest memos; only this path takes so much.
  static let bodyLimit = 1024 * 1024

  let node: NodeCore
  let metrics: LedgerMetrics

  func add(to api: APIRouter) {
    api.on(.post, "/api/v1/transfers/batch", .authenticated, bodyLimit: Self.bodyLimit, cost: 4) { call in
      let key = try call.idempotencyKey()
      let body = try TransferBatchReader(json: call.body)
      try APICall.check(asset: body.asset, is: node.configuration.native)
      let from = try await node.payer(of: call, body.from)
      let transfers = try await items(body, from)
      let committed = try await node.submit(
        .ledger(.transferBatch(from: from, transfers)),
        actor: from.map { .agent($0, of: node.frame) } ?? call.actor(), key: key)
      metrics.countBatch(committed)
      return .json(try receipt(committed, key.chosen(by: call.actor())), replayed: committed.replayed)
    }
  }

  /// - Throws: `TransferBatchError.items` of all transfers that cannot be: those that cannot be read, and of the others those that the
  ///   ledger would not take. Only what depends on the rest of the batch is not looked at then.
  private func items(_ body: TransferBatchReader, _ from: AgentName?) async throws -> [TransferItem] {
    let lines = body.transfers
    try TransferBatch.require(count: lines.count)
    let scale = node.configuration.native.scale
    var items: [TransferItem] = []
    items.reserveCapacity(lines.count)
    var refused: [TransferBatchError.Refused] = []
    var parts: [(to: AgentName?, amount: Amount?)] = []
    for (index, line) in lines.enumerated() {
      func read<Part>(_ text: String?, _ body: (String) throws -> Part) throws -> Part? {
        do { return try text.map(body) } catch let error as any FrameError {
          refused.append(.init(index: index, error: error))
          return nil
        }
      }
      for failure in body.faults[index] ?? [] { refused.append(.init(index: index, error: RequestError.body(failure))) }
      let amount = try read(line.amount) { text in
        let amount = try Amount(text, scale: scale)
        guard amount > .zero else { throw AmountError.notPositive(text) }
        return amount
      }
      let to = try read(line.to) { try AgentName($0) }
      parts.append((to, amount))
      if let to, let amount { items.append(TransferItem(to: to, amount: amount, memo: line.memo)) }
    }
    guard !refused.isEmpty else { return items }
    let found = try await node.writer.read { [parts] state in
      try zip(lines, parts).enumerated().flatMap { index, line in
        try state.ledger.mistakes(to: line.1.to, amount: line.1.amount, memo: line.0.memo, from)
          .map { TransferBatchError.Refused(index: index, error: $0) }
      }
    }
    throw TransferBatchError.of(refused + found, count: lines.count)
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
