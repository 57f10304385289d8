import Foundation
import FrameLedger
import FrameProtos
import SwiftProtobuf

/// A value seen through its stored properties, whatever they are: what a codec forgets, this does not.
enum StateMirror {
  /// All that is stored in `value`, in one text; equal for equal values, whatever the order of their dictionaries.
  static func text(_ value: Any) -> String {
    var text = ""
    var ignored: [String: Bool] = [:]
    describe(value, &text, &ignored)
    return text
  }

  /// Every stored property below `value` as `Type.property`, and whether it says anything anywhere: neither nil nor zero
  /// nor false nor empty.
  static func properties(_ value: Any) -> [String: Bool] {
    var text = ""
    var properties: [String: Bool] = [:]
    describe(value, &text, &properties)
    return properties
  }

  private static func describe(_ value: Any, _ text: inout String, _ properties: inout [String: Bool]) {
    if let message = value as? any SwiftProtobuf.Message { return text += "{\(message.textFormatString())}" }
    if let data = value as? Data { return text += data.base64EncodedString() }
    // What a book keeps to find its holds by depends on how it came to them; what it says of them does not.
    if let book = value as? HoldBook {
      text += "\(book.total),\(book.openCount)"
      return describe(book.all, &text, &properties)
    }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional:
      guard let child = mirror.children.first else { return text += "nil" }
      describe(child.value, &text, &properties)
    case .dictionary, .set:
      let parts = mirror.children.map { child in
        var part = ""
        describe(child.value, &part, &properties)
        return part
      }
      text += "{\(parts.sorted().joined(separator: ","))}"
    case .collection, .tuple:
      text += "["
      for child in mirror.children {
        describe(child.value, &text, &properties)
        text += ","
      }
      text += "]"
    case .struct where !mirror.children.isEmpty:
      text += "\(mirror.subjectType)("
      for child in mirror.children {
        var part = ""
        describe(child.value, &part, &properties)
        let name = "\(mirror.subjectType).\(child.label ?? "")"
        properties[name] = (properties[name] ?? false) || !isEmpty(part)
        text += "\(child.label ?? ""): \(part),"
      }
      text += ")"
    default:
      text += "\(value)"
    }
  }

  private static func isEmpty(_ text: String) -> Bool { ["nil", "0", "", "false", "{}", "[]"].contains(text) }
}
