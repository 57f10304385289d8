import Foundation
import FrameCore
import FrameLedger
import FrameLog

extension APICall {
  /// Whose share a question is answered from: an operator and its agents have one together, however many agents it has.
  func asker(_ node: NodeCore) async throws -> PastAsker {
    switch caller {
    case .authority: return .frame
    case .anonymous: return .tenant("")
    case .operator(let name, _): return .tenant("operator/\(name)")
    case .agent(let name, _):
      let owner = try await node.writer.read { $0.ledger.operators.record(ofAgent: name)?.name }
      return .tenant(owner.map { "operator/\($0)" } ?? "agent/\(name)")
    }
  }

  /// The point in the past that `at_position` or `at_time` names, or nil when the present is asked for.
  /// - Throws: `Refusal` `invalid_query` when both are given or either is not what it must be.
  func past() throws -> PastPoint? {
    switch (query("at_position"), query("at_time")) {
    case (nil, nil): return nil
    case (.some, .some):
      throw Refusal(
        "invalid_query", .invalid, "at_position and at_time are both given.", remedy: "Give one of them.")
    case (.some, nil): return .position(try query("at_position", in: 0...UInt64(Int64.max), default: 0))
    case (nil, let text?):
      // A plus sign in a query means a space unless it is escaped, and offsets have one.
      let plain = text.replacing(" ", with: "+")
      guard let time = Self.time(plain) else {
        throw Refusal(
          "invalid_query", .invalid, "'at_time=\(text.prefix(40))' is not a time.",
          remedy: "Write it as RFC 3339 says, for example 2027-01-31T12:00:00Z.")
      }
      return .time(time)
    }
  }

  /// The end of the microsecond that is named: the log writes its times so, and who copies one means the event it is of.
  private static func time(_ text: String) -> FrameTime? {
    let parts = text.split(separator: ".", maxSplits: 1)
    // Foundation reads fractions too, but into a floating-point number that cannot hold all nanoseconds.
    guard parts.count == 2 else {
      return (try? Date(text, strategy: .iso8601)).map { FrameTime($0) + .nanoseconds(999) }
    }
    let digits = parts[1].prefix { $0.isASCII && $0.isNumber }
    guard (1...9).contains(digits.count),
      let fraction = Int64(digits + String(repeating: "0", count: 9 - digits.count)),
      let date = try? Date("\(parts[0])\(parts[1].dropFirst(digits.count))", strategy: .iso8601)
    else { return nil }
    return FrameTime(date) + .nanoseconds(digits.count > 6 ? fraction : fraction + 999)
  }
}

/// What is true as of a point in the past.
struct AsOfView: Encodable, Sendable {
  /// Events in the log then.
  let size: UInt64
  /// Position of the last of them; absent when there were none.
  let position: UInt64?
  /// When it was recorded.
  let time: String?
  /// The RFC 6962 root of the log of that size.
  let root: String

  /// - Throws: `LogError`.
  init<Value>(_ past: PastValue<Value>, _ node: NodeCore) async throws {
    size = past.size
    position = past.size > 0 ? past.size - 1 : nil
    time = past.time?.description
    root = try await node.writer.consistency(from: past.size, to: past.size).toRoot.base64EncodedString()
  }
}

/// The supply as it was.
struct PastSupplyView: Encodable, Sendable {
  let asOf: AsOfView
  let supply: AuditView.Supply
}
