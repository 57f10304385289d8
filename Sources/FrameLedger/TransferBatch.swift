package import FrameCore
internal import FrameEvents
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
}

/// Why a batch of transfers was refused; nothing of it happened.
package enum TransferBatchError: FrameError {
  case empty
  case tooMany(Int)
  /// The items that cannot be, in their order, so many at most; the code and the kind are those of the first. `more` are not told.
  case items([Refused], count: Int, more: Int)

  package struct Refused: Sendable {
    /// Counted from 0.
    package let index: Int
    package let error: any FrameError

    package init(index: Int, error: any FrameError) {
      self.index = index
      self.error = error
    }
  }

  /// - Parameter found: all that was found; of an item there may be several.
  package static func of(_ found: [Refused], count: Int) -> TransferBatchError {
    var (told, items, more): ([Refused], Set<Int>, Set<Int>) = ([], [], [])
    // Those of one item stay in the order in which they were found.
    for refused in found.enumerated().sorted(by: { ($0.element.index, $0.offset) < ($1.element.index, $1.offset) }) {
      let refused = refused.element
      if items.contains(refused.index) || items.count < TransferBatch.toldMax {
        items.insert(refused.index)
        told.append(refused)
      } else {
        more.insert(refused.index)
      }
    }
    return .items(told, count: count, more: more.count)
  }

  package var code: String {
    switch self {
    case .empty: "batch_empty"
    case .tooMany: "batch_too_large"
    case .items(let refused, _, _): refused.first?.error.code ?? "internal"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .empty, .tooMany: .invalid
    case .items(let refused, _, _): refused.first?.error.kind ?? .internal
    }
  }
  package var message: String {
    switch self {
    case .empty: "The batch has no transfers."
    case .tooMany(let count): "The batch has \(count) transfers; the limit is \(TransferBatch.maximumItems)."
    case .items(let refused, let count, let more):
      refused.map { "Transfer \($0.index) of the batch of \(count), counted from 0: \($0.error.message)" }
        .joined(separator: " ") + (more > 0 ? " So are \(more) more, which are not named here." : "")
    }
  }
  package var remedy: String {
    switch self {
    case .empty: "Send at least one."
    case .tooMany: "Send several batches, each with an Idempotency-Key of its own."
    case .items(let refused, _, _):
      "Nothing of the batch was done. \(refused.first?.error.remedy ?? "")"
    }
  }

  package var items: [Refused] { if case .items(let refused, _, _) = self { refused } else { [] } }
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
    var (drafts, refused): ([EventDraft], [TransferBatchError.Refused]) = ([], [])
    drafts.reserveCapacity(items.count)
    var isShort = false
    for (index, item) in items.enumerated() {
      let mistakes = try mistakes(to: item.to, amount: item.amount, memo: item.memo, from)
      refused += mistakes.map { .init(index: index, error: $0) }
      // Whether there is money for what follows depends on the one for which there is none.
      guard mistakes.isEmpty, !isShort else { continue }
      do { drafts.append(try payment(item, from, source, spent: &spent)) } catch let error as any FrameError {
        refused.append(.init(index: index, error: error))
        isShort = true
      }
    }
    guard refused.isEmpty else { throw TransferBatchError.of(refused, count: items.count) }
    return drafts
  }

  /// What is wrong with a payment whatever else is paid, and however much money there is.
  /// - Parameters:
  ///   - to: nil when what names the payee is none, which the caller tells.
  ///   - amount: the same.
  package func mistakes(
    to: AgentName?, amount: Amount?, memo: String, _ from: AgentName?
  ) throws -> [any FrameError] {
    var found: [any FrameError] = []
    func check(_ body: () throws -> Void) throws {
      do { try body() } catch let error as any FrameError { found.append(error) }
    }
    if let amount { try check { try Self.requirePositive(amount) } }
    try check { try Self.requireShort(memo) }
    if let to {
      try check {
        if let from, from == to { throw LedgerError.sameAccount(from.text) }
        try requireAgent(to)
      }
    }
    return found
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

  /// Of a payment without ``mistakes(to:amount:memo:_:)``.
  /// - Parameter spent: what the same command has already taken out of `source`; grows by this payment and its fee.
  /// - Throws: `LedgerError`, `AmountError`.
  func payment(
    _ item: TransferItem, _ from: AgentName?, _ source: AccountRef, spent: inout Amount
  ) throws -> EventDraft {
    var event = PBTokensTransferred()
    event.from = from?.text ?? ""
    event.to = item.to.text
    event.amount = item.amount.minorUnits
    event.memo = item.memo
    if from != nil { event.fee = try fees.fee(on: event.amount) }
    let total = try item.amount.adding(Amount(minorUnits: event.fee))
    let needed = try spent.adding(total)
    try requireFunds(needed.minorUnits, in: source)
    spent = needed
    var postings = [Postings.posting(source, -total.minorUnits), Postings.posting(.liquid(item.to), event.amount)]
    if event.fee > 0 { postings.append(Postings.posting(.fees, event.fee)) }
    return EventDraft(.tokensTransferred(event), postings: postings)
  }
}
