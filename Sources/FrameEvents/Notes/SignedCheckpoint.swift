package import Foundation

/// A verified C2SP tlog-checkpoint: what a log says of itself at one size (CONFORMANCE L3).
package struct SignedCheckpoint: Sendable, Equatable {
  /// The log's name: its frame's id, and its key's name.
  package let origin: String
  package let size: UInt64
  /// 32 bytes.
  package let root: Data
  /// The signed note, as signed.
  package let note: Data

  /// Signs a statement about the log of `signer`.
  package init(size: UInt64, root: MerkleHash, signer: LogSigner) {
    self.origin = signer.verifierKey.name
    self.size = size
    self.root = root.data
    let text = "\(origin)\n\(size)\n\(self.root.base64EncodedString())\n"
    self.note = Data(signer.sign(note: text).utf8)
  }

  /// Checks the signature, then parses.
  /// - Throws: `LogError.badNote`.
  package init(note: Data, key: LogVerifierKey) throws {
    let text = try SignedNote(note).verified(by: key)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    // The text ends in a newline, so the last piece is empty. Extension lines may follow the root.
    guard lines.count >= 4 else { throw LogError.badNote("a checkpoint has three lines") }
    guard lines[0] == key.name else { throw LogError.badNote("its origin '\(lines[0])' is not '\(key.name)'") }
    guard let size = UInt64(lines[1]), String(size) == lines[1] else {
      throw LogError.badNote("'\(lines[1])' is not a log size")
    }
    guard let root = Data(base64Encoded: String(lines[2])), root.count == 32 else {
      throw LogError.badNote("'\(lines[2])' is not a root hash")
    }
    self.origin = String(lines[0])
    self.size = size
    self.root = root
    self.note = note
  }
}
