import Foundation
import FrameCore

extension NodeConfiguration {
  /// The settings in which another configuration differs, named as frame.yaml names them, in order of their names. What a file leaves
  /// out counts as its default.
  package func differences(from other: NodeConfiguration) throws -> [String] {
    let (ours, theirs) = (try settings(), try other.settings())
    let names = Set(ours.keys).union(theirs.keys)
    return names.filter { ours[$0] != theirs[$0] }.sorted()
  }

  /// Every setting by its name.
  private func settings() throws -> [String: TextTree] {
    let written: YAMLDocument
    do { written = try YAMLDocument(Data(try yaml().utf8)) } catch let failure as YAMLDocument.Failure {
      // Only what we write ourselves is read here.
      throw ConfigurationError.malformed(file: "the configuration as written", why: failure.description)
    }
    var settings: [String: TextTree] = [:]
    var open: [(name: String, tree: TextTree)] = [("", written.root)]
    while let (name, tree) = open.popLast() {
      guard let members = tree.members else {
        settings[name] = Self.comparable(tree, of: name)
        continue
      }
      for member in members { open.append((name.isEmpty ? member.name : "\(name).\(member.name)", member.value)) }
    }
    // Written relative to itself.
    settings["data_dir"] = .string(dataDirectory.path)
    return settings
  }

  /// Amounts are written with as many places as the currency has; with another scale the same amount is still the same.
  private static func comparable(_ tree: TextTree, of name: String) -> TextTree {
    guard ["fees.", "canary.", "treaty."].contains(where: name.hasPrefix), let text = tree.string, text.contains(".")
    else { return tree }
    let whole = text.reversed().drop { $0 == "0" }.drop { $0 == "." }
    return .string(String(whole.reversed()))
  }
}
