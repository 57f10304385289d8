package import FrameLedger

extension SupplyDrift {
  /// - Returns: nil for a report with nothing in it to worry about.
  package init?(_ report: AuditReport) {
    guard !report.isClean || report.worstDelta != 0 else { return nil }
    let finding = report.findings.last
    let place = finding?.position.map { "at \($0): " } ?? ""
    self.init(
      size: report.size, delta: Int64(clamping: report.worstDelta), findings: UInt64(max(1, report.findingCount)),
      code: finding?.code ?? "supply_delta", detail: "\(place)\(finding?.message ?? "")")
  }
}
