package import FrameCore
internal import FrameEvents
internal import FrameProtos

/// What an audit found in the log that keeps the frame from issuing anything, native or wrapped (fail closed).
package struct SupplyDrift: Sendable, Hashable {
  /// Log size that was audited.
  package let size: UInt64
  /// Of the supply equation at the worst position, minor units; other findings freeze too.
  package let delta: Int64
  package let findings: UInt64
  /// Stable code of the newest finding.
  package let code: String
  package let detail: String
  /// Of the event that says so; nil before it is in the log.
  package let since: FrameTime?

  package static let detailBytesMax = 512

  /// - Returns: nil for a report with nothing in it to worry about.
  package init?(_ report: AuditReport) {
    guard !report.isClean || report.worstDelta != 0 else { return nil }
    let finding = report.findings.last
    size = report.size
    delta = Int64(clamping: report.worstDelta)
    findings = UInt64(max(1, report.findingCount))
    code = finding?.code ?? "supply_delta"
    let place = finding?.position.map { "at \($0): " } ?? ""
    detail = String(decoding: "\(place)\(finding?.message ?? "")".utf8.prefix(Self.detailBytesMax), as: UTF8.self)
    since = nil
  }

  init(_ event: PBSupplyDriftDetected, at recorded: RecordedEvent) {
    size = event.size
    delta = event.delta
    findings = event.findings
    code = event.code
    detail = event.detail
    since = recorded.clock
  }

  var message: PBSupplyDriftDetected {
    var message = PBSupplyDriftDetected()
    message.size = size
    message.delta = delta
    message.findings = findings
    message.code = code
    message.detail = detail
    return message
  }
}
