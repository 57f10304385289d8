package import Foundation
package import FrameCore
package import FrameEvents
internal import FrameLog
internal import FrameProtos

/// Audits a data directory from its files alone, with the node stopped or running.
package enum LogAudit {
  /// Checks every stored event: position, time, completeness of commands, one effect per idempotency key, zero sums,
  /// balances, bridge totals, the supply equation at every position; and the RFC 6962 root against the last signed
  /// checkpoint. Blocks for as long as it takes to read the log.
  /// - Parameters:
  ///   - frame: whose log it is; nil: whom its first event says it belongs to.
  ///   - key: the log's verifier key; nil: the one its first event names. Give the one you trust where you can.
  /// - Throws: `LogError.storage` when there is no readable log; `LogError.damagedLog` when it does not say whose it is;
  ///   `LogError.newerFormat` when a later version began it.
  package static func run(directory: URL, frame: FrameID? = nil, key: LogVerifierKey? = nil) throws -> AuditReport {
    try audit(directory, frame, key, dealings: false).report
  }

  /// The same, and from the same reading what the log says of its dealings with other frames (``DealingsMatch``).
  /// - Throws: as ``run(directory:frame:key:)``.
  package static func runWithDealings(
    directory: URL, frame: FrameID
  ) throws -> (report: AuditReport, dealings: DealingsRecount) {
    let fold = try audit(directory, frame, nil, dealings: true)
    return (fold.report, fold.dealings ?? DealingsRecount(frame: frame.name))
  }

  /// What the log has got from position `first` on, after `read`.
  /// - Throws: `LogError.storage`, `.damagedLog`.
  package static func dealings(directory: URL, after read: DealingsRecount, from first: UInt64) throws
    -> DealingsRecount
  {
    let reader = try LogReader(directory: directory)
    defer { reader.close() }
    var dealings = DealingsRecount(after: read)
    try reader.scan(from: first, to: max(first, reader.size())) { _, bytes in
      if let event = try? PBEvent(serializedBytes: bytes) { dealings.add(event) }
    }
    return dealings
  }

  private static func audit(
    _ directory: URL, _ frame: FrameID?, _ key: LogVerifierKey?, dealings: Bool
  ) throws -> (report: AuditReport, dealings: DealingsRecount?) {
    let reader = try LogReader(directory: directory)
    defer { reader.close() }
    let founded = try founding(reader)
    if let founded { try EventFormat.requireKnown(founded.format) }
    guard let name = frame?.name ?? founded?.frameID else {
      throw LogError.damagedLog("its first event does not say which frame it belongs to; name the frame")
    }
    var fold = SupplyRecount(frame: name, thorough: true, dealings: dealings)
    if let founded, founded.frameID != name {
      fold.note("other_frame", 0, "the log belongs to '\(founded.frameID)'")
    }
    // The checkpoint first: the log may grow meanwhile, but never shrink.
    let signed = checkpoint(reader, try key ?? founded.map { try LogVerifierKey($0.logVerifierKey) }, &fold)
    let size = try reader.size()
    var compared: SignedCheckpoint?
    if let signed, signed.size > size {
      fold.note("behind_checkpoint", nil, "it has \(size) events, but \(signed.size) were signed")
    } else if let signed {
      try scan(reader, &fold, to: signed.size)
      if fold.frontier.root.data == signed.root {
        compared = signed
      } else {
        fold.note("root_mismatch", nil, "the signed root of size \(signed.size) is not that of the stored events")
      }
    }
    try scan(reader, &fold, to: size)
    return (fold.report(compared), fold.dealings)
  }

  private static func founding(_ reader: LogReader) throws -> PBFrameFounded? {
    guard try reader.size() > 0 else { return nil }
    var founded: PBFrameFounded?
    try reader.scan(from: 0, to: 1) { _, bytes in
      if case .frameFounded(let event) = try? PBEvent(serializedBytes: bytes).payload { founded = event }
    }
    return founded
  }

  private static func checkpoint(
    _ reader: LogReader, _ key: LogVerifierKey?, _ fold: inout SupplyRecount
  ) -> SignedCheckpoint? {
    guard let key else { return nil }
    do {
      return try reader.storedCheckpoint(key: key)
    } catch {
      fold.note("bad_checkpoint", nil, error.words)
      return nil
    }
  }

  /// A gap ends the audit: nothing after it can be held against a root.
  static func scan(_ reader: LogReader, _ fold: inout SupplyRecount, to size: UInt64) throws {
    do {
      try reader.scan(from: fold.size, to: size) { fold.add($0, $1) }
    } catch LogError.damagedLog(let why) {
      fold.noteOnce("gap", fold.size, why)
    }
  }
}
