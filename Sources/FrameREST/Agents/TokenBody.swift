import Foundation
import FrameAPI
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
import FrameProtos

extension TokenBody {
  /// - Throws: a `Refusal` `invalid_ttl`.
  func lifetime() throws -> Duration {
    let seconds = ttlSeconds ?? 300
    guard (1...86_400).contains(seconds) else {
      throw Refusal("invalid_ttl", .invalid, "ttl_seconds is \(seconds).", remedy: "Use 1 to 86400 seconds.")
    }
    return .seconds(seconds)
  }
}
