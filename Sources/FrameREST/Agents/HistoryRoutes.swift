import Foundation
import FrameAudit
import FrameAPI
import FrameCore
import FrameLedger
import FrameEvents
import FrameNodeState
import FrameProtos

/// An agent's transactions, page by page.
package struct HistoryRoutes {
  let node: NodeCore
  let history: AccountHistory

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/agents/{name}/transactions", .authenticated) { call in
      let name = try AgentName(call.parameter("name"))
      try FrameRoutes.requireSelf(name, call)
      let limit = Int(try call.query("limit", in: 1...200, default: 50))
      let order = call.query("order") ?? "newest"
      guard ["newest", "oldest"].contains(order) else {
        throw Refusal(
          "invalid_query", .invalid, "'order=\(order.prefix(40))' is neither newest nor oldest.",
          remedy: "Use order=newest or order=oldest, or leave it out.")
      }
      let cursor =
        try call.query("cursor").map { try HistoryCursor($0) } ?? HistoryCursor(newestFirst: order == "newest")
      guard call.query("order") == nil || cursor.newestFirst == (order == "newest") else {
        throw Refusal(
          "invalid_cursor", .invalid, "The cursor is of the other order.",
          remedy: "Give a cursor only with the order it came with.")
      }
      let past = try call.past(at: node.clock.now())
      guard try await node.writer.read({ $0.ledger.agentExists(name) }) else {
        throw LedgerError.unknownAgent(name.text)
      }
      let page = try await history.page(of: name, cursor, limit: limit, asOf: past)
      let native = node.configuration.native
      var asOf: AsOfView?
      if let past = page.asOf { asOf = try await AsOfView(past, node) }
      return .json(
        HistoryView(
          agent: name.text, asOf: asOf, transactions: page.events.map { TransactionView($0, of: name, native: native) },
          nextCursor: page.next?.text))
    }
  }
}

extension TransactionView {
  init(_ recorded: RecordedEvent, of agent: AgentName, native: Asset) {
    let told = Self.tell(recorded.event, agent.text)
    self.init(
      position: recorded.position,
      time: recorded.time.description,
      type: recorded.event.eventType.name,
      changes: recorded.event.postings.filter { $0.owner == agent.text && $0.kind.isAgents }.map { posting in
        let scale = posting.hasAsset ? UInt8(clamping: posting.asset.scale) : native.scale
        return Change(
          kind: posting.kind.word,
          asset: posting.hasAsset ? "\(posting.asset.code)@\(posting.asset.origin)" : native.description,
          amount: Amount(minorUnits: posting.amount).decimal(scale: scale))
      },
      counterparty: told.counterparty.isEmpty ? nil : told.counterparty,
      memo: told.memo.isEmpty ? nil : told.memo,
      reference: told.reference.isEmpty ? nil : told.reference)
  }

  private static func tell(
    _ event: StoredEvent, _ agent: String
  ) -> (counterparty: String, memo: String, reference: String) {
    func outgoing(_ terms: PBTransferTerms) -> (String, String, String) {
      ("\(terms.to)@\(terms.destination)", terms.memo, terms.transferID)
    }
    func incoming(_ terms: PBTransferTerms) -> (String, String, String) {
      ("\(terms.from)@\(terms.origin)", terms.memo, terms.transferID)
    }
    return switch event.payload {
    case .tokensTransferred(let p):
      (p.from == agent ? p.to : p.from.isEmpty ? FrameAccount.treasury.text : p.from, p.memo, p.transferID)
    case .holdCreated(let p): (p.payee, p.memo, p.holdID)
    case .holdCaptured(let p): (p.from == agent ? p.to : p.from, p.memo, p.holdID)
    case .holdReleased(let p): ("", p.reason, p.holdID)
    case .holdExpired(let p): ("", "", p.holdID)
    case .crossRegistryTransferLocked(let p): outgoing(p.terms)
    case .crossRegistryTransferCompleted(let p): outgoing(p.terms)
    case .crossRegistryTransferAborted(let p): outgoing(p.terms)
    case .crossFrameTransferCompensated(let p): outgoing(p.terms)
    case .crossFrameTransferSettled(let p): incoming(p.terms)
    case .crossRegistryTransferCredited(let p): incoming(p.terms)
    case .tokensBridgeLocked(let p): ("\(p.recipient)@\(p.destination)", p.memo, p.lockID)
    case .wrappedTokensIssued(let p): (p.origin, p.memo, p.lockID)
    case .wrappedTokensRedeemed(let p): ("\(p.recipient)@\(p.origin)", p.memo, p.redeemID)
    case .tokensBridgeUnlocked(let p): (p.destination, p.memo, p.redeemID)
    case .formerLogItemReturned(let p): (p.log, "", p.itemID)
    default: ("", "", "")
    }
  }
}
