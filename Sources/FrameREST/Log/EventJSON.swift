import FrameTreaty
import FrameLedger
import FrameEvents
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

extension EventView {
  init(_ recorded: RecordedEvent, native: Asset) {
    let event = recorded.event
    self.init(
      position: recorded.position,
      time: recorded.time.description,
      clock: recorded.clock < recorded.time ? recorded.clock.description : nil,
      type: event.eventType.name,
      actor: event.actor,
      idempotencyKey: event.idempotencyKey,
      postings: event.postings.map { posting in
        let asset = posting.hasAsset ? "\(posting.asset.code)@\(posting.asset.origin)" : native.description
        return PostingView(owner: posting.owner, kind: posting.kind.word, asset: asset, minorUnits: posting.amount)
      },
      payload: JSONFragment(event.payloadFields()))
  }
}
