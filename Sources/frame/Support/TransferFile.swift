import Foundation
import FrameCore

/// Transfers in a file, as a person or a spreadsheet writes them.
///
/// Read as strictly as a request: what the file says and the node would not be told is refused, with its line or its place.
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

  /// More than the body of a batch may have.
  private static let bytesMax = 2 * 1024 * 1024

  /// - Throws: ``CLIError/badTransferFile(path:why:)``, ``CLIError/noFile(path:why:)``, ``CLIError/noAccess(path:why:)``.
  static func read(_ path: String) throws -> [Item] { try parse(try Files.read(path), path) }

  /// - Throws: ``CLIError/badTransferFile(path:why:)``.
  static func parse(_ data: Data, _ path: String) throws -> [Item] {
    if path.hasSuffix(".csv") { return try csv(data, path) }
    do {
      return try TextDecoding.document.decode([Item].self, json: data, JSONReader.Limits(bytes: bytesMax))
    } catch {
      throw CLIError.badTransferFile(
        path: path, why: "it must be a JSON list of {\"to\", \"amount\", \"memo\"} of strings; \(error.words)")
    }
  }

  private static func csv(_ data: Data, _ path: String) throws -> [Item] {
    func refusal(_ why: String) -> CLIError { .badTransferFile(path: path, why: why) }
    guard data.count <= bytesMax else { throw refusal("it has more than \(bytesMax) bytes") }
    let rows: [[String]]
    do { rows = try CSV.rows(data) } catch { throw refusal(error.words) }
    guard let titles = rows.first, let to = titles.firstIndex(of: "to"), let amount = titles.firstIndex(of: "amount")
    else { throw refusal("its first line does not name the columns 'to' and 'amount'") }
    let known = ["to", "amount", "memo"]
    for (index, title) in titles.enumerated() {
      guard known.contains(title) else {
        let hint = NearestName.of(title, in: known).map { "; '\($0)' is known" } ?? ""
        throw refusal("its column '\(title.prefix(80))' is unknown\(hint)")
      }
      guard titles.firstIndex(of: title) == index else { throw refusal("its column '\(title)' is there twice") }
    }
    let memo = titles.firstIndex(of: "memo")
    return try rows.dropFirst().enumerated().map { index, row in
      guard row.count == titles.count else {
        throw refusal("row \(index + 1) has \(row.count) fields, not \(titles.count)")
      }
      return Item(to: row[to], amount: row[amount], memo: memo.map { row[$0] }.flatMap { $0.isEmpty ? nil : $0 })
    }
  }
}
