internal import FrameCore

/// Why a snapshot is not used. Nobody is refused anything by it: the log is replayed instead.
package enum SnapshotRefusal: WordedError, Equatable, CustomStringConvertible {
  /// It cannot be opened or read.
  case unreadable(String)
  /// It is not whole, or not a snapshot.
  case damaged(String)
  /// This frame's log key did not sign it.
  case notSigned
  /// Another version of the program made it.
  case otherProgram(String)
  /// The frame was configured differently when it was made.
  case otherConfiguration(String)
  /// It is of more events than the log holds: an older log was put in its place.
  case aheadOfLog(snapshot: UInt64, log: UInt64)
  /// The stored events are not those it was made from.
  case otherEvents(String)

  package static let codes = [
    "unreadable", "damaged", "not_signed", "other_program", "other_configuration", "ahead_of_log", "other_events",
  ]

  /// The word in metric labels and logs.
  package var code: String {
    switch self {
    case .unreadable: "unreadable"
    case .damaged: "damaged"
    case .notSigned: "not_signed"
    case .otherProgram: "other_program"
    case .otherConfiguration: "other_configuration"
    case .aheadOfLog: "ahead_of_log"
    case .otherEvents: "other_events"
    }
  }

  package var description: String {
    switch self {
    case .unreadable(let why): "It cannot be read: \(why)."
    case .damaged(let why): "It is damaged: \(why)."
    case .notSigned: "This frame's log key did not sign it."
    case .otherProgram(let why): "Another version of the program made it: \(why)."
    case .otherConfiguration(let why): "It was made under another configuration: \(why)."
    case .aheadOfLog(let snapshot, let log): "It is of \(snapshot) events, the log holds \(log)."
    case .otherEvents(let why): "The stored events are not those it was made from: \(why)."
    }
  }

  package var plainWords: String { description.hasSuffix(".") ? String(description.dropLast()) : description }

  /// A value that breaks its own grammar says that the bytes are not what was written.
  package static func unlessSound<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch { throw SnapshotRefusal.damaged(error.words) }
  }
}
