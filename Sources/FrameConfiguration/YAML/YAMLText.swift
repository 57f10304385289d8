import FrameCore

/// Writes YAML that every reader takes alike: block style, and each text in quotes that is not plainly a word.
package enum YAMLText {
  package static func of(_ tree: TextTree) -> String {
    var text = ""
    write(tree, to: &text, indent: 0)
    return text
  }

  private static func write(_ tree: TextTree, to text: inout String, indent: Int) {
    let margin = String(repeating: " ", count: indent)
    switch tree {
    case .object(let members) where !members.isEmpty:
      for member in members {
        text += margin + key(member.name) + ":"
        append(member.value, to: &text, indent: indent)
      }
    case .list(let elements) where !elements.isEmpty:
      for element in elements {
        text += margin + "-"
        append(element, to: &text, indent: indent)
      }
    default: text += margin + scalar(tree) + "\n"
    }
  }

  private static func append(_ tree: TextTree, to text: inout String, indent: Int) {
    if tree.members?.isEmpty == false || tree.list?.isEmpty == false {
      text += "\n"
      write(tree, to: &text, indent: indent + 2)
    } else {
      text += " " + scalar(tree) + "\n"
    }
  }

  private static func scalar(_ tree: TextTree) -> String {
    if case .string(let text) = tree, isWord(text) { return text }
    return tree.json()
  }

  private static func key(_ name: String) -> String { isWord(name) ? name : TextTree.string(name).json() }

  /// Letters, digits and separators, not all digits, and none of the words that mean something else to some reader.
  private static func isWord(_ text: String) -> Bool {
    let special: Set = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
    guard let first = text.utf8.first, (0x41...0x5a).contains(first & 0xdf) else { return false }
    return !special.contains(text.lowercased())
      && text.utf8.allSatisfy {
        (0x41...0x5a).contains($0 & 0xdf) || (0x30...0x39).contains($0) || $0 == 0x5f || $0 == 0x2d
      }
  }
}
