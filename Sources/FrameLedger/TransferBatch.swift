package import FrameCore
internal import FrameLog
internal import FrameProtos

/// One payment of a batch.
package struct TransferItem: Sendable, Equatable {
  package let to: AgentName
  package let amount: Amount
  package let memo: String

  package init(to: AgentName, amount: Amount, memo: String) {
    self.to = to
    self.amount = amount
    self.memo = memo
  }
}

/// Many payments of one payer as one command: all of them are in the log, or none.
package enum TransferBatch {
  package static let maximumItems = 1_000

  /// - Throws: `TransferBatchError.empty`, `.tooMany`.
  package static func require(count: Int) throws {
    guard count > 0 else { throw TransferBatchError.empty }
    guard count <= maximumItems else { throw TransferBatchError.tooMany(count) }
  }

  /// Runs `body` for the item at `index`.
  /// - Throws: `TransferBatchError.item` around what `body` throws, when that is a refusal.
  package static func item<T>(_ index: Int, of count: Int, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as any FrameError {
      throw TransferBatchError.item(index, count: count, error)
    }
  }
}

/// Why a batch of transfers was refused; nothing of it happened.
package enum TransferBatchError: FrameError {
  case empty
  case tooMany(Int)
  /// The first item, counted from 0, that cannot be; the code and the kind are those of its own refusal.
  case item(Int, count: Int, any FrameError)

  package var code: String {
    switch self {
    case .empty: "batch_empty"
    case .tooMany: "batch_too_large"
    case .item(_, _, let error): error.code
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .empty, .tooMany: .invalid
    case .item(_, _, let error): error.kind
    }
  }
  package var message: String {
    switch self {
    case .empty: "The batch has no transfers."
    case .tooMany(let count): "The batch has \(count) transfers; the limit is \(TransferBatch.maximumItems)."
    case .item(let index, let count, let error):
      "Transfer \(index) of the batch of \(count), counted from 0: \(error.message)"
    }
  }
  package var remedy: String {
    switch self {
    case .empty: "Send at least one."
    case .tooMany: "Send several batches, each with an Idempotency-Key of its own."
    case .item(_, _, let error): "Nothing of the batch was done. \(error.remedy)"
    }
  }

  /// Which item was refused.
  package var index: Int? { if case .item(let index, _, _) = self { index } else { nil } }
}

extension LedgerState {
  /// - Parameter from: nil: the treasury.
  func transferBatch(
    _ from: AgentName?, _ items: [TransferItem], _ context: DecisionContext
  ) throws -> [EventDraft] {
    try TransferBatch.require(count: items.count)
    let source = try payer(from, context)
    var spent = Amount.zero
    var drafts: [EventDraft] = []
    drafts.reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      drafts.append(
        try TransferBatch.item(index, of: items.count) { try payment(item, from, source, spent: &spent) })
    }
    return drafts
  }

  /// The account that `from` pays out of, if the actor may.
  /// - Throws: `LedgerError.notOwner`, `.unknownAgent`, `.notAuthority`.
  func payer(_ from: AgentName?, _ context: DecisionContext) throws -> AccountRef {
    guard let from else {
      try requireAuthority(context.actor)
      return .treasury
    }
    try requireOwner(context.actor, of: from)
    try requireAgent(from)
    return .liquid(from)
  }

  /// - Parameter spent: what the same command has already taken out of `source`; grows by this payment and its fee.
  /// - Throws: `LedgerError`, `AmountError`.
  func payment(
    _ item: TransferItem, _ from: AgentName?, _ source: AccountRef, spent: inout Amount
  ) throws -> EventDraft {
    try Self.requirePositive(item.amount)
    try Self.requireShort(item.memo)
    var event = PBTokensTransferred()
    event.from = from?.text ?? ""
    event.to = item.to.text
    event.amount = item.amount.minorUnits
    event.memo = item.memo
    if let from {
      guard from != item.to else { throw LedgerError.sameAccount(from.text) }
      event.fee = try fees.fee(on: event.amount)
    }
    try requireAgent(item.to)
    let total = try item.amount.adding(Amount(minorUnits: event.fee))
    let needed = try spent.adding(total)
    try requireFunds(needed.minorUnits, in: source)
    spent = needed
    var postings = [Postings.posting(source, -total.minorUnits), Postings.posting(.liquid(item.to), event.amount)]
    if event.fee > 0 { postings.append(Postings.posting(.fees, event.fee)) }
    return EventDraft(.tokensTransferred(event), postings: postings)
  }
}
