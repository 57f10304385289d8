/// Every bound of this room, in one place.
package enum ProjectionLimits {
  /// A peer's event larger than this is not acted on: none that we act on comes near it.
  package static let keptEventBytesMax = 8 * 1024
  /// Events of one peer that wait for our writer at most; a full buffer stops reading, and flow control stops the peer.
  package static let receiveBufferMax = 256
  /// The same in bytes.
  package static let receiveBufferBytesMax = 2 * 1024 * 1024
  /// What one item may have: an event and a note of the largest size, and an inclusion proof.
  static let itemBytesMax = 65_535 + 65_536 + 64 * (32 + hashOverhead)
  /// Of a list of byte strings, for each.
  static let hashOverhead = 64
  /// Heads of one stream: the protocol says one in ``headInterval``.
  static let headsPerMinute = 60
  static let headBurst = 8
  /// What is recorded of one peer in a minute, and at once. Far above what a frame of this kind makes; below what fills a disk
  /// before anyone looks.
  static let eventsPerMinute = 240_000
  static let eventBurst = 40_000
  static let bytesPerMinute = 96 * 1024 * 1024
  static let byteBurst = 32 * 1024 * 1024
  static let idleEventsPerMinute = 1_200
  /// Positions read from an outbox at a time.
  package static let sendBatchMax = 64
  /// How often a head is sent on an open stream.
  package static let headInterval: Duration = .seconds(5)
  /// A stream with no message for this long is taken for dead (three missed heads).
  package static let silenceMax: Duration = .seconds(16)
  package static let reconnectDelayMin: Duration = .milliseconds(100)
  package static let reconnectDelayMax: Duration = .seconds(10)
}
