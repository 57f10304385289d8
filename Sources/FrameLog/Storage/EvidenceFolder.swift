package import FrameEvents
internal import Crypto
internal import FrameCore
package import Foundation

/// Contradictions whose notes do not fit an event: each in a file of its own beside the log, which keeps its SHA-256.
package struct EvidenceFolder: Sendable {
  package let url: URL

  /// Two notes of the largest size and a proof, as JSON.
  private static let limits = JSONReader.Limits(bytes: 12 * SignedCheckpoint.spokenBytesMax + (8 << 10), values: 128)

  /// - Parameter url: made when there is something to keep.
  package init(_ url: URL) { self.url = url }

  /// Returns when the file is durable. Its name follows from what is in it, so keeping it again changes nothing.
  /// - Throws: `LogError.storage`.
  package func keep(_ proof: EquivocationProof) throws {
    do { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) } catch {
      throw LogError.storage("\(url.path): \(error.words)")
    }
    var file = try NewFile(file(proof.digest))
    try file.append([UInt8](proof.document))
    try file.finish()
  }

  /// What was kept under this digest; nil when the file is gone or was changed.
  package func proof(_ digest: Data) -> EquivocationProof? {
    guard let bytes = FileManager.default.contents(atPath: file(digest).path),
      Data(SHA256.hash(data: bytes)) == digest
    else { return nil }
    return try? TextDecoding.document.decode(EquivocationProof.self, json: bytes, Self.limits)
  }

  private func file(_ digest: Data) -> URL {
    let name = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return url.appendingPathComponent("\(name).json")
  }
}
