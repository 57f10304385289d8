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

  /// What is refused of a batch is told of so many of its items at most.
  package static let toldMax = 20

  /// Runs `body` for each item.
  /// - Throws: `TransferBatchError.items` of all those for which `body` throws a refusal.
  package static func each<Item, Result>(_ items: [Item], _ body: (Item) throws -> Result) throws -> [Result] {
    var results: [Result] = []
    results.reserveCapacity(items.count)
    var refused: [TransferBatchError.Refused] = []
    for (index, item) in items.enumerated() {
      do { results.append(try body(item)) } catch let error as any FrameError {
        refused.append(.init(index: index, error: error))
        // Whether there is money for what follows depends on this one.
        if refused.count == toldMax || error.kind == .refused { break }
      }
    }
    guard refused.isEmpty else { throw TransferBatchError.items(refused, count: items.count) }
    return results
  }
}

/// Why a batch of transfers was refused; nothing of it happened.
package enum TransferBatchError: FrameError {
  case empty
  case tooMany(Int)
  /// The items that cannot be, the first of them first, so many at most; the code and the kind are those of the first.
  case items([Refused], count: Int)

  package struct Refused: Sendable {
    /// Counted from 0.
    package let index: Int
    package let error: any FrameError
  }

  package var code: String {
    switch self {
    case .empty: "batch_empty"
    case .tooMany: "batch_too_large"
    case .items(let refused, _): refused.first?.error.code ?? "internal"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .empty, .tooMany: .invalid
    case .items(let refused, _): refused.first?.error.kind ?? .internal
    }
  }
  package var message: String {
    switch self {
    case .empty: "The batch has no transfers."
    case .tooMany(let count): "The batch has \(count) transfers; the limit is \(TransferBatch.maximumItems)."
    case .items(let refused, let count):
      refused.map { "Transfer \($0.index) of the batch of \(count), counted from 0: \($0.error.message)" }
        .joined(separator: " ")
    }
  }
  package var remedy: String {
    switch self {
    case .empty: "Send at least one."
    case .tooMany: "Send several batches, each with an Idempotency-Key of its own."
    case .items(let refused, _):
      "Nothing of the batch was done. \(refused.first?.error.remedy ?? "")"
    }
  }

  package var items: [Refused] { if case .items(let refused, _) = self { refused } else { [] } }
  /// Which item was refused first.
  package var index: Int? { items.first?.index }
}

extension LedgerState {
  /// - Parameter from: nil: the treasury.
  func transferBatch(
    _ from: AgentName?, _ items: [TransferItem], _ context: DecisionContext
  ) throws -> [EventDraft] {
    try TransferBatch.require(count: items.count)
    let source = try payer(from, context)
    var spent = Amount.zero
    return try TransferBatch.each(items) { try payment($0, from, source, spent: &spent) }
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
