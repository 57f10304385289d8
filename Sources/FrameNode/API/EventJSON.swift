import Foundation
import FrameAPI
import FrameCore
import FrameProtos
import SwiftProtobuf

extension StoredEvent {
  /// The payload's fields, by protobuf's JSON mapping (64-bit integers are strings there, so they stay exact).
  func payloadFields() -> TextTree {
    guard let data = try? message.jsonUTF8Data(),
      let members = try? TextTree(json: data, JSONReader.Limits(bytes: 1 << 20)).members
    else { return .object([]) }
    let envelope: Set<String> = [
      "position", "timeUnixNs", "actor", "idempotencyKey", "commandDigest", "commandIndex", "commandEvents", "postings",
      "clockUnixNs",
    ]
    return members.first { !envelope.contains($0.name) }?.value ?? .object([])
  }
}
