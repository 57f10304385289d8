import Foundation
import FrameAudit
import FrameAPI
import FrameCore
import FrameConfiguration

/// The audit of a node from the files in its data folder alone, trusting nothing that the node says.
enum OfflineAudit {
  /// Reads the whole log.
  /// - Returns: the statement in the same JSON as the node's own `POST /api/v1/audit`.
  /// - Throws: a `LogError` when there is no readable log.
  static func run(_ configuration: NodeConfiguration) async throws -> Data {
    try encode(try await report(configuration), native: configuration.native)
  }

  /// Reads the whole log.
  /// - Throws: a `LogError` when there is no readable log.
  static func report(_ configuration: NodeConfiguration) async throws -> AuditReport {
    try await offPool { try LogAudit.run(directory: configuration.logDirectory, frame: configuration.frameID) }
  }

  /// - Throws: `EncodingError`, which strings and whole numbers give none of.
  static func encode(_ report: AuditReport, native: Asset) throws -> Data {
    try APIEncoding.encode(AuditView(offline: report, native: native))
  }

  static func decode(_ data: Data) throws -> AuditView {
    try TextDecoding.answer.decode(AuditView.self, json: data, APIClient.answerLimits)
  }

  /// Reading a log blocks for as long as it takes: on a thread of its own, never on Swift's pool.
  static func offPool<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}
