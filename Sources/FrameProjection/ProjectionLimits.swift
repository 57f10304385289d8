/// Every bound of this room, in one place.
package enum ProjectionLimits {
  /// A peer's event larger than this is recorded without its bytes, so that our own event stays within an entry bundle
  /// (CONFORMANCE L4: 65,535 bytes).
  package static let keptEventBytesMax = 60_000
  /// Events of one peer that wait for our writer at most; a full buffer stops reading, and flow control stops the peer.
  package static let receiveBufferMax = 256
  /// Positions read from an outbox at a time.
  package static let sendBatchMax = 64
  /// How often a head is sent on an open stream.
  package static let headInterval: Duration = .seconds(5)
  /// A stream with no message for this long is taken for dead (three missed heads).
  package static let silenceMax: Duration = .seconds(16)
  package static let reconnectDelayMin: Duration = .milliseconds(100)
  package static let reconnectDelayMax: Duration = .seconds(10)
}
