internal import Crypto
internal import Foundation
internal import FrameProtos

/// Checks that commands are whole in the log and that no idempotency key had two effects.
struct KeyRecount: Sendable {
  private struct Fingerprint: Hashable {
    let first: UInt64
    let second: UInt64
  }

  private var seen: Set<Fingerprint> = []
  private var current: (key: String, digest: Data, next: UInt32, count: UInt32)?

  /// - Returns: what is wrong with the event, or nil.
  mutating func add(_ event: PBEvent) -> String? {
    defer {
      current = (event.idempotencyKey, event.commandDigest, event.commandIndex &+ 1, event.commandEvents)
    }
    guard event.commandIndex < event.commandEvents else {
      return "it is event \(event.commandIndex) of \(event.commandEvents)"
    }
    if let current, current.next < current.count {
      guard event.idempotencyKey == current.key, event.commandDigest == current.digest,
        event.commandIndex == current.next, event.commandEvents == current.count
      else { return "the command before it is not complete" }
      return nil
    }
    guard event.commandIndex == 0 else { return "it starts in the middle of a command" }
    let fingerprint = SHA256.hash(data: Data(event.idempotencyKey.utf8)).withUnsafeBytes {
      Fingerprint(
        first: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        second: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    guard seen.insert(fingerprint).inserted else { return "its key '\(event.idempotencyKey)' had an effect before" }
    return nil
  }
}
