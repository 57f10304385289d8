import Foundation
import FrameEvents
import FrameLog

/// What was verified about a log, without asking its node.
struct VerifiedLog: Encodable {
  let origin: String
  let size: UInt64
  let root: String
  let key: String
  var tiles: Int?
  var entries: UInt64?
  var position: UInt64?
  var event_type: String?

  init(_ checkpoint: SignedCheckpoint, _ report: TileDirectory.Report? = nil, key: LogVerifierKey) {
    origin = checkpoint.origin
    size = checkpoint.size
    root = checkpoint.root.base64EncodedString()
    self.key = key.text
    tiles = report?.tiles
    entries = report?.entries
  }

  func show(_ output: OutputOptions) {
    // A struct of strings and whole numbers: there is nothing in it that JSON cannot hold.
    if output.json, let data = try? JSONEncoder().encode(self) { return Output.json(data) }
    Output.fields([
      ("result", "verified"), ("log", origin), ("size", "\(size)"), ("root", root), ("key", key),
      ("tiles compared", tiles.map(String.init)), ("events read", entries.map(String.init)),
      ("proven position", position.map(String.init)), ("event", event_type),
    ])
  }
}
