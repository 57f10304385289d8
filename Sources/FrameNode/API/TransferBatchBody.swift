import Foundation
import FrameCore
import FrameLedger

/// The body of a batch of transfers: `{"from": …, "transfers": [{"to": …, "amount": …, "memo": …}, …]}`.
///
/// Read by hand in one pass over the bytes: of a thousand transfers a general decoder takes longer than the ledger. Takes what
/// the general decoder takes: fields in any order, unknown ones skipped, `null` for what is optional.
struct TransferBatchBody: Equatable {
  struct Item: Equatable {
    var to = ""
    var amount = ""
    var memo = ""
  }

  private(set) var from: String?
  private(set) var transfers: [Item] = []

  /// - Throws: a `Refusal` with code `invalid_body`; `TransferBatchError.tooMany` as soon as there is one too many.
  init(json: Data) throws {
    var found = (from: String?.none, transfers: [Item]?.none)
    do {
      try json.withUnsafeBytes { bytes in
        var reader = JSONReader(bytes)
        try reader.object { name, reader in
          switch name {
          case "from": found.from = try reader.optionalString("from")
          case "transfers": found.transfers = try Self.items(&reader)
          default: try reader.skip()
          }
        }
        try reader.end()
      }
    } catch let error as JSONReader.Failure {
      throw Self.refusal(error.reason)
    }
    guard let transfers = found.transfers else { throw Self.refusal("'transfers' is missing") }
    self.from = found.from
    self.transfers = transfers
  }

  private static func items(_ reader: inout JSONReader) throws -> [Item] {
    var items: [Item] = []
    try reader.array("transfers") { reader in
      let index = items.count
      guard index < TransferBatch.maximumItems else {
        throw TransferBatchError.tooMany(index + 1)
      }
      var (to, amount) = (String?.none, String?.none)
      var item = Item()
      try reader.object { name, reader in
        switch name {
        case "to": to = try reader.string("transfers.\(index).to")
        case "amount": amount = try reader.string("transfers.\(index).amount")
        case "memo": item.memo = try reader.optionalString("transfers.\(index).memo") ?? ""
        default: try reader.skip()
        }
      }
      guard let to else { throw JSONReader.Failure("'transfers.\(index).to' is missing") }
      guard let amount else { throw JSONReader.Failure("'transfers.\(index).amount' is missing") }
      item.to = to
      item.amount = amount
      items.append(item)
    }
    return items
  }

  private static func refusal(_ why: String) -> Refusal {
    Refusal(
      "invalid_body", .invalid, "The request body is not what this path takes: \(why).",
      remedy: "Send a JSON object as described in /openapi.yaml.")
  }
}
