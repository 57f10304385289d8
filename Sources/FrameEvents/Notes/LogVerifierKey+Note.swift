package import Foundation

extension LogVerifierKey {
  /// The text of a C2SP signed note, if this key signed it (CONFORMANCE L2).
  /// - Throws: `LogError.badNote`.
  package func verifiedText(of note: Data) throws -> String { try SignedNote(note).verified(by: self) }
}
