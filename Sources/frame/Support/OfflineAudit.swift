import Foundation
import FrameCore
import FrameLedger
import FrameNode

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
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(Statement(report, native: native))
  }

  static func decode(_ data: Data) throws -> AuditStatement {
    try TextDecoding.answer.decode(AuditStatement.self, json: data, APIClient.answerLimits)
  }

  /// Reading a log blocks for as long as it takes: on a thread of its own, never on Swift's pool.
  static func offPool<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }

  struct Statement: Encodable {
    struct Supply: Encodable {
      let asset: String
      let issued: String
      let circulating: String
      let staked: String
      let held: String
      let fees: String
      let treasury: String
      let locked_for_bridge: [String: String]
      let clearing: [String: String]
      let delta: String
      let wrapped: [String: String]
      let former_logs: [FormerLog]
    }

    struct FormerLog: Encodable {
      let log: String
      let state: String
      let clearing: String
      let locked_for_bridge: String
      let wrapped: String
    }

    let clean: Bool
    let position: UInt64
    let root: String
    let checkpoint: String?
    let checkpoint_size: UInt64?
    let findings: Int
    let problems: [String]
    let supply: Supply

    init(_ report: AuditReport, native: Asset) {
      func decimal(_ units: Int128) -> String { Amount.decimal(sum: units, scale: native.scale) }
      let statement = report.statement
      clean = report.isClean
      position = report.size
      root = report.root.base64EncodedString()
      checkpoint = report.checkpoint.map { String(decoding: $0.note, as: UTF8.self) }
      checkpoint_size = report.checkpointSize
      findings = report.findingCount
      problems = report.findings.map { finding in
        finding.code + (finding.position.map { " at \($0)" } ?? "") + ": " + finding.message
      }
      supply = Supply(
        asset: native.description, issued: decimal(statement.issued), circulating: decimal(statement.circulating),
        staked: decimal(statement.staked), held: decimal(statement.held), fees: decimal(statement.fees),
        treasury: decimal(statement.treasury), locked_for_bridge: statement.lockedForBridge.mapValues(decimal),
        clearing: statement.clearing.mapValues(decimal), delta: decimal(report.worstDelta),
        wrapped: Dictionary(
          uniqueKeysWithValues: statement.wrapped.map { origin, units in
            let scale = UInt8(clamping: statement.wrappedScales[origin] ?? 0)
            return (origin, Amount.decimal(sum: units, scale: scale))
          }),
        former_logs: statement.formerLogLines.map { line in
          FormerLog(
            log: line.log, state: line.state.rawValue, clearing: decimal(line.clearing),
            locked_for_bridge: decimal(line.lockedForBridge),
            wrapped: Amount.decimal(sum: line.wrapped, scale: UInt8(clamping: line.wrappedScale)))
        })
    }
  }
}
