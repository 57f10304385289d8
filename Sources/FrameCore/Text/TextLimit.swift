/// How long a text may be that somebody writes for people to read, in Unicode code points.
///
/// The unit is the one that JSON Schema's `maxLength` counts, so that the API's document says exactly what is refused. In UTF-8 a
/// code point has four bytes at most.
package struct TextLimit: Sendable {
  package let most: Int

  /// Of a memo, on every path by which money moves, within the frame and to peers; of an agent's purpose and a freeze's reason.
  package static let memo = TextLimit(most: 512)
  /// Why something was done: a reason, a note to a breaker.
  package static let reason = TextLimit(most: 256)

  /// What is said to a peer's operator with a proposal.
  package static let note = TextLimit(most: 500)
  /// What tells SVIDs apart; the Workload API allows 1,024 bytes.
  package static let hint = TextLimit(most: 256)

  package static func length(of text: String) -> Int { text.unicodeScalars.count }

  package func admits(_ text: String) -> Bool {
    // A text's bytes are known without counting, and are never fewer.
    text.utf8.count <= most || Self.length(of: text) <= most
  }

  /// What to say of a text that is too long.
  /// - Parameter what: "memo".
  package func excess(_ what: String, _ characters: Int) -> String {
    "The \(what) has \(characters) characters; the limit is \(most)."
  }
}
