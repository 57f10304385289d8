import Foundation
import FrameCore

/// Transfers in a file, as a person or a spreadsheet writes them.
struct TransferFile {
  struct Item: Decodable, Equatable {
    let to: String
    let amount: String
    let memo: String?

    var json: JSONValue {
      var fields: [String: JSONValue] = ["to": .string(to), "amount": .string(amount)]
      fields.add("memo", memo)
      return .object(fields)
    }
  }

  /// - Throws: ``CLIError/badTransferFile(path:why:)``, ``CLIError/noFile(path:why:)``, ``CLIError/noAccess(path:why:)``.
  static func read(_ path: String) throws -> [Item] {
    let data = try Files.read(path)
    if path.hasSuffix(".csv") { return try csv(String(decoding: data, as: UTF8.self), path) }
    do { return try JSONDecoder().decode([Item].self, from: data) } catch {
      throw CLIError.badTransferFile(
        path: path, why: "it is not a JSON list of {\"to\", \"amount\", \"memo\"} of strings")
    }
  }

  private static func csv(_ text: String, _ path: String) throws -> [Item] {
    func refusal(_ why: String) -> CLIError { .badTransferFile(path: path, why: why) }
    guard let rows = CSV.rows(text) else { throw refusal("a quoted field does not end") }
    guard let titles = rows.first, let to = titles.firstIndex(of: "to"), let amount = titles.firstIndex(of: "amount")
    else { throw refusal("its first line does not name the columns 'to' and 'amount'") }
    let memo = titles.firstIndex(of: "memo")
    return try rows.dropFirst().enumerated().map { index, row in
      guard row.count == titles.count else {
        throw refusal("row \(index + 1) has \(row.count) fields, not \(titles.count)")
      }
      return Item(to: row[to], amount: row[amount], memo: memo.map { row[$0] }.flatMap { $0.isEmpty ? nil : $0 })
    }
  }
}
