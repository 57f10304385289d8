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

  package init(size: UInt64, delta: Int64, findings: UInt64, code: String, detail: String) {
    self.size = size
    self.delta = delta
    self.findings = findings
    self.code = code
    self.detail = String(decoding: detail.utf8.prefix(Self.detailBytesMax), as: UTF8.self)
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
