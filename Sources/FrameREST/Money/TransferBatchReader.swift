import Foundation
import FrameAPI
import FrameCore
import FrameLedger

/// The body of a batch of transfers: `{"from": …, "asset": …, "transfers": [{"to": …, "amount": …, "memo": …}, …]}`.
///
/// Read in one pass over the bytes, without a tree: of a thousand transfers a general decoder takes longer than the ledger. The
/// reader is the one of all bodies, so that both take and refuse the same.
///
/// What is wrong with one transfer is kept and the next one read: whoever sent a thousand is told of all that are wrong, not of one.
struct TransferBatchReader: Equatable {
  struct Item: Equatable {
    /// Nil only when it is missing or no text, which is among the ``faults``.
    var to: String?
    var amount: String?
    var memo = ""
  }

  private(set) var from: String?
  private(set) var asset: String?
  private(set) var transfers: [Item] = []
  /// What is wrong with the form of a transfer, by its index.
  private(set) var faults: [Int: [TextFailure]] = [:]

  /// Of one transfer; it has three members.
  private static let faultsMax = 4

  /// - Throws: ``RequestError/body(_:)`` for what concerns the body as a whole; `TransferBatchError.tooMany` as soon as there is one
  ///   too many.
  init(json: Data) throws {
    guard !json.isEmpty else { throw RequestError.bodyMissing }
    do {
      // A transfer is the third level. A name that is twice there is found here, so that the others are still read.
      let limits = JSONReader.Limits(bytes: json.count, strictDepth: 2)
      self = try JSONReader.read(json, limits) { try TransferBatchReader(&$0) }
    } catch let failure as TextFailure {
      throw RequestError.body(failure)
    }
  }

  private init(_ reader: inout JSONReader) throws {
    var hasTransfers = false
    try reader.object { name, reader in
      switch name {
      case "from": from = try reader.string()
      case "asset": asset = try reader.string()
      case "transfers":
        hasTransfers = true
        try readItems(&reader)
      default: throw TextFailure.unknownHere(name, known: ["from", "asset", "transfers"])
      }
    }
    guard hasTransfers else { throw TextFailure.missing("transfers") }
  }

  private mutating func readItems(_ reader: inout JSONReader) throws {
    try reader.array { reader in
      guard transfers.count < TransferBatch.maximumItems else {
        throw TransferBatchError.tooMany(transfers.count + 1)
      }
      var found: [TextFailure] = []
      transfers.append(try Self.item(&reader, &found))
      guard !found.isEmpty else { return }
      let index = transfers.count - 1
      faults[index] = found.prefix(Self.faultsMax).map { $0.within("\(index)").within("transfers") }
    }
  }

  private static func item(_ reader: inout JSONReader, _ faults: inout [TextFailure]) throws -> Item {
    var item = Item()
    guard try reader.kind() == .object else {
      try skipping(&reader, &faults) { try $0.object { _, _ in } }
      return item
    }
    var seen: Set<String> = []
    try reader.object { name, reader in
      guard seen.insert(name).inserted else {
        faults.append(.twice(name))
        return try reader.skip()
      }
      try skipping(&reader, &faults, at: name) { reader in
        switch name {
        case "to": item.to = try reader.string()
        case "amount": item.amount = try reader.string()
        case "memo": item.memo = try reader.string()
        default: throw TextFailure.unknownHere(name, known: ["to", "amount", "memo"])
        }
      }
    }
    for name in ["to", "amount"] where !seen.contains(name) { faults.append(.missing(name)) }
    return item
  }

  /// Reads one value; of what is not what it must be, the reason is kept and the value read over.
  private static func skipping(
    _ reader: inout JSONReader, _ faults: inout [TextFailure], at name: String? = nil,
    _ body: (inout JSONReader) throws -> Void
  ) throws {
    do { try body(&reader) } catch let failure as TextFailure where !failure.isOfWhole {
      // A value of another kind is refused before any of it is read.
      faults.append(name.map { failure.within($0) } ?? failure)
      try reader.skip()
    }
  }
}
