internal import Crypto
internal import Foundation
package import FrameCore

/// One log of another frame: whose it is, and by which key. A name can come back with another log, and what belongs to the one never belongs to
/// the other (decision 0034).
package struct PeerLog: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let frame: FrameID
  /// The first 16 hex digits of the SHA-256 of the verifier key's text.
  package let id: String

  private static let digits = 16

  /// - Parameter key: the log's verifier key as text.
  package init(_ frame: FrameID, key: String) {
    self.frame = frame
    id = SHA256.hash(data: Data(key.utf8)).prefix(Self.digits / 2).map { byte in
      let hex = String(byte, radix: 16)
      return hex.utf8.count == 1 ? "0" + hex : hex
    }.joined()
  }

  /// - Parameter name: as ``name`` gives it; nil when it is not one.
  package init?(name: String) {
    let parts = name.split(separator: "+", omittingEmptySubsequences: false)
    guard parts.count == 2, let frame = try? FrameID(String(parts[0])), parts[1].utf8.count == Self.digits,
      parts[1].utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) })
    else { return nil }
    self.frame = frame
    id = String(parts[1])
  }

  /// `frame-a.example+0123456789abcdef`: in events, as the owner of accounts, and for people.
  package var name: String { "\(frame)+\(id)" }
  package var description: String { name }

  package static func < (a: Self, b: Self) -> Bool { a.frame == b.frame ? a.id < b.id : a.frame < b.frame }
}

extension PeerLog: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.write(name) }

  package init(from input: inout SnapshotInput) throws {
    let name: String = try input.read()
    guard let log = PeerLog(name: name) else { throw SnapshotRefusal.damaged("'\(name.prefix(300))' names no log") }
    self = log
  }
}
