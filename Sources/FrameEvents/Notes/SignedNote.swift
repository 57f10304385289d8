package import Foundation

/// A C2SP signed note: text, blank line, signature lines (CONFORMANCE L2).
package struct SignedNote {
  /// Ends in a newline; exactly what is signed.
  package let text: String
  package let signatures: [Line]

  package struct Line {
    package let name: Substring
    package let keyID: UInt32
    package let signature: Data
    /// As it stands in the note, with its newline.
    package var text: String {
      let blob = withUnsafeBytes(of: keyID.bigEndian) { Data($0) } + signature
      return "\u{2014} \(name) \(blob.base64EncodedString())\n"
    }
  }

  static let maximumBytes = 65_536
  static let maximumSignatures = 64

  /// A key name: not empty, no white space, no plus, no control characters.
  static func isName(_ name: Substring) -> Bool {
    !name.isEmpty
      && name.unicodeScalars.allSatisfy {
        $0 != "+" && !$0.properties.isWhitespace && $0.value >= 0x20 && $0.value != 0x7f
      }
  }

  /// - Throws: `LogError.badNote`.
  package init(_ bytes: Data) throws {
    guard bytes.count <= Self.maximumBytes else { throw LogError.badNote("it has \(bytes.count) bytes") }
    guard let note = String(validating: bytes, as: UTF8.self) else { throw LogError.badNote("it is not UTF-8") }
    guard bytes.allSatisfy({ $0 >= 0x20 || $0 == 0x0a }) else { throw LogError.badNote("it has control characters") }
    guard let blank = note.utf8.lastRange(ofTwoNewlines: ()) else { throw LogError.badNote("it has no blank line") }
    text = String(note[..<note.utf8.index(after: blank)])
    let block = note[note.utf8.index(blank, offsetBy: 2)...]
    guard !block.isEmpty, block.utf8.last == 0x0a else {
      throw LogError.badNote("its signatures do not end in a newline")
    }
    let lines = block.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count <= Self.maximumSignatures else { throw LogError.badNote("it has \(lines.count) signatures") }
    signatures = try lines.map(Self.parse)
  }

  private static func parse(_ line: Substring) throws -> Line {
    let prefix = "\u{2014} "
    let parts = line.dropFirst(prefix.count).split(separator: " ", omittingEmptySubsequences: false)
    guard line.hasPrefix(prefix), parts.count == 2, isName(parts[0]),
      let blob = Data(base64Encoded: String(parts[1])), blob.count > 4
    else { throw LogError.badNote("'\(line.prefix(200))' is not a signature line") }
    return Line(
      name: parts[0], keyID: blob.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }, signature: Data(blob.dropFirst(4)))
  }

  private static func names(_ signatures: [Line]) -> String {
    let names = Set(signatures.map { "'\($0.name.prefix(80))'" }).sorted()
    return names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) others" : "")
  }

  /// The text, if `key` signed it. Other keys' lines are ignored; a line of this key that does not verify is refused.
  /// - Throws: `LogError.badNote`.
  package func verified(by key: LogVerifierKey) throws -> String {
    var found = false
    for line in signatures where line.keyID == key.keyID && line.name == key.name {
      guard key.isValid(line.signature, over: Data(text.utf8)) else {
        throw LogError.badNote("the signature of '\(key.name)' does not verify")
      }
      found = true
    }
    guard found else {
      let id = String(key.keyID, radix: 16)
      // A frame whose log is made anew has the name still, and another key.
      throw LogError.badNote(
        signatures.contains { $0.name == key.name }
          ? "it is signed by another key of '\(key.name)' than the one given (key id \(id))"
          : "it is not signed by '\(key.name)' but by \(Self.names(signatures))")
    }
    return text
  }
}

extension SignedNote {
  /// When `key` cosigned the text: seconds since 1970; nil when it did not.
  /// - Throws: `LogError.badNote` when a line of this key does not verify.
  package func cosigned(by key: CosignatureKey) throws -> UInt64? {
    var newest: UInt64?
    for line in signatures where line.keyID == key.keyID && line.name == key.name {
      guard let time = key.time(of: line.signature, over: text) else {
        throw LogError.badNote("the cosignature of '\(key.name)' does not verify")
      }
      newest = max(newest ?? 0, time)
    }
    return newest
  }

  /// The signature lines under one name and key id.
  package func lines(name: String, keyID: UInt32) -> String {
    signatures.filter { $0.name == name && $0.keyID == keyID }.map(\.text).joined()
  }
}

extension String.UTF8View {
  /// Where the last blank line begins: the index of the first of the last two newlines in a row.
  fileprivate func lastRange(ofTwoNewlines: Void) -> Index? {
    var index = endIndex
    var following: UInt8 = 0
    while index > startIndex {
      index = self.index(before: index)
      if self[index] == 0x0a, following == 0x0a { return index }
      following = self[index]
    }
    return nil
  }
}
