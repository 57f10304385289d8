internal import FrameEvents

/// The limits of the log, in one place.
package enum LogLimits {
  /// An entry bundle has a 16-bit length (CONFORMANCE L4).
  package static let maximumEventBytes = EventFormat.maximumBytes
  /// Commands, by weight, that may wait for the writer; more are refused at once, so that memory and waiting stay bounded.
  package static let maximumQueuedCommands = 65_536
  /// Commands, by weight, that share one transaction at most; one that weighs more has one to itself.
  package static let maximumBatchCommands = 4_096
  /// Batches under way at most: one becomes durable while those after it are decided.
  static let batchesUnderWay = 4
  /// Memory for encoded events that the writer keeps from one batch to the next.
  static let keptEncodingBytes = 4 << 20
  /// Events that `events(from:limit:)` returns at most.
  package static let maximumPage = 10_000
  /// Events of a log that is downloaded or verified from tiles; a checkpoint that claims more is not followed.
  package static let maximumCopiedEvents: UInt64 = 1 << 32
  /// Questions about the past that may wait at once; each may take as long as a replay.
  static let maximumPastQuestions = 8
  /// Of them, those of one tenant: an agent, or an operator with all of its agents.
  static let maximumPastQuestionsOfOne = 2
  /// Rows that a long scan reads in one read transaction, so that it does not hold back the log's checkpointing.
  static let scanPage = 4_096
}
