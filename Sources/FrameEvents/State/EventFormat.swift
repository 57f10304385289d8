internal import FrameProtos

/// The format of the stored events: what a log means, beside how its file is laid out (`SQLiteFile`).
///
/// Within a format, fields and event types are only added. A version of this program that meets an event type which it does
/// not know cannot know what the log's state is, so it does not open the log (decision 0028); what it meets in fields that it
/// does not know is kept, hashed and ignored.
package enum EventFormat {
  /// What `FrameFounded.format` says in the logs that this version begins.
  package static let current: UInt32 = 1

  /// Of one event: an entry bundle counts its bytes in 16 bits (CONFORMANCE L4).
  package static let maximumBytes = 65_535

  /// - Throws: `LogError.newerFormat` when the event is of a format, or of a type, that came later than this version.
  package static func requireKnown(_ recorded: RecordedEvent) throws(LogError) {
    switch recorded.event.payload {
    case nil: throw .newerFormat("position \(recorded.position) holds an event of an unknown type")
    case .frameFounded(let founded): try requireKnown(founded.format)
    default: break
    }
  }

  /// - Parameter format: as `FrameFounded` gives it.
  /// - Throws: `LogError.newerFormat`.
  package static func requireKnown(_ format: UInt32) throws(LogError) {
    guard format <= current else {
      throw .newerFormat("its events have format \(format), the newest known is \(current)")
    }
  }
}
