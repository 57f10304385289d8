import Foundation
import FrameCore
import FrameLedger

/// The body of a batch of transfers: `{"from": …, "asset": …, "transfers": [{"to": …, "amount": …, "memo": …}, …]}`.
///
/// Read in one pass over the bytes, without a tree: of a thousand transfers a general decoder takes longer than the ledger. The
/// reader is the one of all bodies, so that both take and refuse the same.
struct TransferBatchBody: Equatable {
  struct Item: Equatable {
    var to = ""
    var amount = ""
    var memo = ""
  }

  private(set) var from: String?
  private(set) var asset: String?
  private(set) var transfers: [Item] = []

  /// - Throws: ``RequestError/body(_:)``; `TransferBatchError.tooMany` as soon as there is one too many.
  init(json: Data) throws {
    guard !json.isEmpty else { throw RequestError.bodyMissing }
    do {
      self = try JSONReader.read(json, JSONReader.Limits(bytes: json.count)) { try TransferBatchBody(&$0) }
    } catch let failure as TextFailure {
      throw RequestError.body(failure)
    }
  }

  private init(_ reader: inout JSONReader) throws {
    var (from, asset, transfers) = (String?.none, String?.none, [Item]?.none)
    try reader.object { name, reader in
      switch name {
      case "from": from = try reader.string()
      case "asset": asset = try reader.string()
      case "transfers": transfers = try Self.items(&reader)
      default: throw TextFailure.unknownHere(name, known: ["from", "asset", "transfers"])
      }
    }
    guard let transfers else { throw TextFailure.missing("transfers") }
    (self.from, self.asset, self.transfers) = (from, asset, transfers)
  }

  private static func items(_ reader: inout JSONReader) throws -> [Item] {
    var items: [Item] = []
    try reader.array { reader in
      guard items.count < TransferBatch.maximumItems else { throw TransferBatchError.tooMany(items.count + 1) }
      var (to, amount) = (String?.none, String?.none)
      var item = Item()
      try reader.object { name, reader in
        switch name {
        case "to": to = try reader.string()
        case "amount": amount = try reader.string()
        case "memo": item.memo = try reader.string()
        default: throw TextFailure.unknownHere(name, known: ["to", "amount", "memo"])
        }
      }
      guard let to else { throw TextFailure.missing("to") }
      guard let amount else { throw TextFailure.missing("amount") }
      item.to = to
      item.amount = amount
      items.append(item)
    }
    return items
  }
}
