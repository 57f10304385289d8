import Foundation
import Testing

/// Stored events and peer messages outlive the code that wrote them: a number never changes its meaning.
struct ProtobufTests {
  /// One line a field, as `file message.field = number`. scripts/generate-protos.sh adds to it; nothing is ever taken out.
  private static let list = Repository.File(path: "Protos/field-numbers.txt")
  private static let protos = Repository.files(under: "Protos", suffixes: [".proto"])

  @Test("no field of a stored event or a peer message has vanished or changed its number, unless it is reserved")
  func kept() throws {
    let present = try Self.protos.flatMap { try ProtobufFields(of: $0).fields }
    let reserved = try Self.protos.flatMap { try ProtobufFields(of: $0).reserved }
    for line in try Self.list.text().split(separator: "\n").map(String.init) where !line.hasPrefix("#") {
      let isReserved = reserved.contains { line.hasPrefix($0.message + ".") && line.hasSuffix(" = \($0.number)") }
      #expect(present.contains(line) || isReserved, "'\(line)' is gone and not reserved")
    }
  }

  @Test("no number is used twice in a message")
  func unique() throws {
    let present = try Self.protos.flatMap { try ProtobufFields(of: $0).fields }
    #expect(present.count > 200)
    let numbers = present.map { field in
      let dot = field.lastIndex(of: ".") ?? field.startIndex
      let number = field.split(separator: " ").last ?? ""
      return "\(field[..<dot]) \(number)"
    }
    let twice = Dictionary(grouping: numbers) { $0 }.filter { $0.value.count > 1 }.keys
    #expect(twice.isEmpty, "used twice: \(twice)")
  }
}

/// The fields of a `.proto` file, read line by line: one declaration a line is how ours are written.
struct ProtobufFields {
  private(set) var fields: [String] = []
  private(set) var reserved: [(message: String, number: String)] = []

  init(of file: Repository.File) throws {
    var scopes: [String] = []
    // Braces of one-line messages open and close on the line, so declarations are split from them first.
    let text = try file.text().replacing(#/\/\/[^\n]*/#, with: "").replacing("{", with: "{\n").replacing(
      "}", with: "\n}\n"
    )
    .replacing(";", with: ";\n")
    for raw in text.split(separator: "\n") {
      let line = raw.trimmingCharacters(in: .whitespaces)
      if let opened = line.firstMatch(of: #/^(message|enum|oneof|service)\s+(\w+)\s*\{$/#) {
        // The fields of a oneof are the message's own.
        scopes.append(opened.output.1 == "oneof" ? "" : String(opened.output.2))
      } else if line.hasSuffix("{") {
        scopes.append("")
      } else if line == "}" {
        _ = scopes.popLast()
      } else if let found = line.firstMatch(
        of: #/^(?:repeated\s+|optional\s+)?(?:map<[^>]+>|[\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;$/#)
      {
        fields.append("\(file.name) \(Self.path(scopes)).\(found.output.1) = \(found.output.2)")
      } else if let found = line.firstMatch(of: #/^(\w+)\s*=\s*(\d+)\s*;$/#) {
        fields.append("\(file.name) \(Self.path(scopes)).\(found.output.1) = \(found.output.2)")
      } else if let found = line.firstMatch(of: #/^reserved\s+([\d,\s]+);$/#) {
        for number in found.output.1.split(separator: ",") {
          reserved.append(("\(file.name) \(Self.path(scopes))", number.trimmingCharacters(in: .whitespaces)))
        }
      }
    }
  }

  private static func path(_ scopes: [String]) -> String { scopes.filter { !$0.isEmpty }.joined(separator: ".") }
}
