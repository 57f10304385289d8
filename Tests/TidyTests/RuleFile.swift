import Foundation

/// `alerts/frame.rules.yaml`, read with just enough YAML for the way that file is written; promtool checks it as YAML.
struct RuleFile {
  struct Rule: CustomStringConvertible, Sendable {
    let isAlert: Bool
    let name: String
    var expression = ""
    var wait: String?
    var labels: [String: String] = [:]
    var annotations: [String: String] = [:]

    var description: String { name }
  }

  static let file = Repository.File(path: "alerts/frame.rules.yaml")

  let rules: [Rule]
  var alerts: [Rule] { rules.filter(\.isAlert) }
  var alertNames: Set<String> { Set(alerts.map(\.name)) }
  var recordNames: Set<String> { Set(rules.filter { !$0.isAlert }.map(\.name)) }

  init() throws {
    var rules: [Rule] = []
    /// The key that the lines of a block below it belong to, with that block's indentation.
    var section = ""
    var block: (key: String, indent: Int, lines: [String])?

    func store(_ key: String, _ value: String) {
      guard var rule = rules.popLast() else { return }
      switch (section, key) {
      case (_, "expr"): rule.expression = value
      case (_, "for"): rule.wait = value
      case ("labels", _): rule.labels[key] = value
      case ("annotations", _): rule.annotations[key] = value
      default: break
      }
      rules.append(rule)
    }

    func endBlock() {
      if let open = block { store(open.key, open.lines.joined(separator: "\n")) }
      block = nil
    }

    for line in try Self.file.text().split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let text = line.trimmingCharacters(in: .whitespaces)
      let indent = line.prefix { $0 == " " }.count
      if let open = block, indent > open.indent {
        block?.lines.append(String(line.dropFirst(open.indent + 2)))
        continue
      }
      endBlock()
      if text.isEmpty || text.hasPrefix("#") { continue }
      if let name = text.value(after: "- alert:") ?? text.value(after: "- record:") {
        rules.append(Rule(isAlert: text.hasPrefix("- alert"), name: name))
        section = ""
        continue
      }
      if text.hasPrefix("- ") { continue }
      guard let colon = text.firstIndex(of: ":") else { continue }
      let key = String(text[..<colon])
      let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      switch value {
      case "": section = key
      case "|", ">-": block = (key, indent, [])
      default:
        if key == "expr" || key == "for" { section = "" }
        store(key, value.trimmingCharacters(in: CharacterSet(charactersIn: "\"")))
      }
    }
    endBlock()
    self.rules = rules
  }
}

extension String {
  fileprivate func value(after prefix: String) -> String? {
    hasPrefix(prefix) ? dropFirst(prefix.count).trimmingCharacters(in: .whitespaces) : nil
  }
}
