import Foundation
import FrameAPI
import FrameCore

/// Transfers in a file, as a person or a spreadsheet writes them.
///
/// Read as strictly as a request: what the file says and the node would not be told is refused, with its line or its place.
struct TransferFile {
  typealias Item = TransferBatchBody.Item

  /// More than the body of a batch may have.
  private static let bytesMax = 2 * 1024 * 1024

  /// - Throws: ``CLIError/badTransferFile(path:why:)``, ``CLIError/noFile(path:why:)``, ``CLIError/noAccess(path:why:)``.
  static func read(_ path: String) throws -> [Item] { try parse(try Files.read(path), path) }

  /// - Throws: ``CLIError/badTransferFile(path:why:)``.
  static func parse(_ data: Data, _ path: String) throws -> [Item] {
    if path.hasSuffix(".csv") { return try csv(data, path) }
    func refusal(_ why: String) -> CLIError {
      .badTransferFile(path: path, why: "it must be a JSON list of {\"to\", \"amount\", \"memo\"} of strings; \(why)")
    }
    do {
      // A transfer is the second level: a name that is twice there is its own mistake, and the others are still read.
      let limits = JSONReader.Limits(bytes: bytesMax, strictDepth: 1)
      guard let elements = try TextTree(json: data, limits).list else { throw TextFailure("must be a list") }
      return try items(elements, refusal: refusal) { index, element in
        if let name = element.nameTwice { throw TextFailure.twice(name).within("\(index)") }
        do { return try TextDecoding.document.decode(Item.self, from: element) } catch let failure as TextFailure {
          throw failure.within("\(index)")
        }
      } mistake: { index, why in
        "transfer \(index): \(why)"
      }
    } catch let failure as TextFailure { throw refusal(failure.words) }
  }

  /// Reads each line. When there is one that the node cannot even be told of, the others are looked at as far as that can be done here:
  /// whoever wrote the file is told of all its mistakes, up to twenty, and not of one.
  /// - Parameters:
  ///   - read: what it throws is what is wrong with the form of a line.
  ///   - mistake: says where something is wrong.
  private static func items<Line>(
    _ lines: [Line], refusal: (String) -> CLIError, read: (Int, Line) throws -> Item,
    mistake: (Int, String) -> String
  ) throws -> [Item] {
    var (items, told): ([Item], [String]) = ([], [])
    var (isUnreadable, more) = (false, 0)
    for (index, line) in lines.enumerated() {
      var found: [String] = []
      do {
        let item = try read(index, line)
        items.append(item)
        found = mistakes(in: item).map { mistake(index, $0) }
      } catch {
        isUnreadable = true
        found = [error.words]
      }
      guard !found.isEmpty else { continue }
      if told.count < toldMax { told.append(found.joined(separator: "; ")) } else { more += 1 }
    }
    guard isUnreadable else { return items }
    if more > 0 { told.append("and \(more) lines more") }
    throw refusal(told.joined(separator: "; "))
  }

  /// Lines that a refusal names at most, as many as the node does.
  private static let toldMax = 20

  /// What no node would take, whatever its currency and its agents. The rest is the node's to say.
  private static func mistakes(in item: Item) -> [String] {
    var found: [String] = []
    func check(_ body: () throws -> Void) {
      do { try body() } catch { found.append(error.words) }
    }
    check { _ = try AgentName(item.to) }
    check {
      // No currency has more decimal places.
      guard try Amount(item.amount, scale: 9) > .zero else { throw AmountError.notPositive(item.amount) }
    }
    if let memo = item.memo, !TextLimit.memo.admits(memo) {
      found.append("its memo has \(TextLimit.length(of: memo)) characters; the limit is \(TextLimit.memo.most)")
    }
    return found
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
    return try items(Array(rows.dropFirst()), refusal: refusal) { index, row in
      guard row.count == titles.count else {
        throw RowFailure(plainWords: "row \(index + 1) has \(row.count) fields, not \(titles.count)")
      }
      return Item(to: row[to], amount: row[amount], memo: memo.map { row[$0] }.flatMap { $0.isEmpty ? nil : $0 })
    } mistake: { index, why in
      "row \(index + 1): \(why)"
    }
  }

  private struct RowFailure: WordedError { let plainWords: String }
}
