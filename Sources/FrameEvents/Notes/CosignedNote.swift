package import Foundation

/// A C2SP signed note that several keys have signed: one text, a signature line for each signer (CONFORMANCE L2).
package struct CosignedNote: Sendable, Equatable {
  /// Ends in a newline; exactly what every signer signs.
  package let text: String
  private let lines: [String]

  /// - Throws: `LogError.badNote` when the bytes are no signed note.
  package init(_ bytes: Data) throws {
    // The parser is the one that checkpoints go through; the lines are kept as they are.
    text = try SignedNote(bytes).text
    lines = String(decoding: bytes, as: UTF8.self).dropFirst(text.count + 1).dropLast()
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// `text` with the signature of `signer` alone.
  /// - Precondition: `text` ends in a newline.
  package init(_ text: String, signedBy signer: LogSigner) {
    self.text = text
    lines = [String(signer.sign(note: text).dropFirst(text.count + 1).dropLast())]
  }

  private init(text: String, lines: [String]) {
    self.text = text
    self.lines = lines
  }

  /// The signatures of both notes under their common text; nil when the texts differ.
  package func joined(with other: CosignedNote) -> CosignedNote? {
    guard text == other.text else { return nil }
    return CosignedNote(text: text, lines: lines + other.lines.filter { !lines.contains($0) })
  }

  /// - Throws: `LogError.badNote` when `key` has not signed the text.
  package func verify(_ key: LogVerifierKey) throws { _ = try SignedNote(bytes).verified(by: key) }

  /// The note as it is stored and sent.
  package var bytes: Data { Data("\(text)\n\(lines.map { $0 + "\n" }.joined())".utf8) }
}
