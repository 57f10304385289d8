public import Foundation

/// What can be asked of an event in either of its forms.
public protocol EventFields {
  var payload: PBEvent.OneOf_Payload? { get }
}

/// The fields of an `Event`, made once and never changed: what the writer builds and every room's state reads, millions of
/// times. The generated message keeps its fields behind a reference too, but one that may change: it is checked at each
/// touch, and each field copied out.
///
/// Field by field the message of `events.proto`; what a newer version put into it beside these is only in the stored bytes.
public final class StoredEvent: Sendable, Equatable, EventFields {
  public let position: UInt64
  public let timeUnixNs: Int64
  public let actor: String
  public let idempotencyKey: String
  public let commandDigest: Data
  public let commandIndex: UInt32
  public let commandEvents: UInt32
  public let postings: [PBPosting]
  /// 0 unless the clock was behind `timeUnixNs`.
  public let clockUnixNs: Int64
  public let payload: PBEvent.OneOf_Payload?

  public init(
    position: UInt64, timeUnixNs: Int64, actor: String, idempotencyKey: String, commandDigest: Data,
    commandIndex: UInt32, commandEvents: UInt32, postings: [PBPosting], clockUnixNs: Int64 = 0,
    payload: PBEvent.OneOf_Payload?
  ) {
    self.position = position
    self.timeUnixNs = timeUnixNs
    self.actor = actor
    self.idempotencyKey = idempotencyKey
    self.commandDigest = commandDigest
    self.commandIndex = commandIndex
    self.commandEvents = commandEvents
    self.postings = postings
    self.clockUnixNs = clockUnixNs
    self.payload = payload
  }

  public convenience init(_ message: PBEvent) {
    self.init(
      position: message.position, timeUnixNs: message.timeUnixNs, actor: message.actor,
      idempotencyKey: message.idempotencyKey, commandDigest: message.commandDigest,
      commandIndex: message.commandIndex, commandEvents: message.commandEvents, postings: message.postings,
      clockUnixNs: message.clockUnixNs, payload: message.payload)
  }

  public static func == (a: StoredEvent, b: StoredEvent) -> Bool {
    a === b
      || a.position == b.position && a.timeUnixNs == b.timeUnixNs && a.actor == b.actor
        && a.idempotencyKey == b.idempotencyKey && a.commandDigest == b.commandDigest
        && a.commandIndex == b.commandIndex && a.commandEvents == b.commandEvents && a.postings == b.postings
        && a.clockUnixNs == b.clockUnixNs && a.payload == b.payload
  }

  /// The same as a message.
  public var message: PBEvent {
    var message = PBEvent()
    message.position = position
    message.timeUnixNs = timeUnixNs
    message.actor = actor
    message.idempotencyKey = idempotencyKey
    message.commandDigest = commandDigest
    message.commandIndex = commandIndex
    message.commandEvents = commandEvents
    message.postings = postings
    message.clockUnixNs = clockUnixNs
    message.payload = payload
    return message
  }
}
