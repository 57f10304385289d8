internal import FrameEvents
internal import FrameProtos

/// The engine, for one thread at a time.
struct EventStore: ~Copyable {
  private let engine: any StorageEngine

  init(_ engine: any StorageEngine) { self.engine = engine }

  /// - Returns: how long the batch took from written to durable.
  func append(_ events: [RecordedEvent]) throws -> Duration { try engine.append(events) }

  /// The events of the command whose first event is at `position`.
  /// - Throws: `LogError.damagedLog`, `.damagedEvent`, `.storage`.
  func command(at position: UInt64) throws -> [RecordedEvent] {
    var events: [RecordedEvent] = []
    try engine.scan(from: position, limit: 1) { events.append(try RecordedEvent(bytes: $1)) }
    guard let first = events.first, first.position == position, first.event.commandIndex == 0 else {
      throw LogError.damagedLog("position \(position) is not the first event of a command")
    }
    let more = Int(first.event.commandEvents) - 1
    if more > 0 {
      try engine.scan(from: position + 1, limit: more) { events.append(try RecordedEvent(bytes: $1)) }
    }
    guard events.count == more + 1 else { throw LogError.damagedLog("the command at \(position) is not complete") }
    return events
  }

  func close() throws { try engine.close() }
}
