import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import FrameNodeState
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
  /// - Parameter now: of the node. What is to come is no past: an answer about it would not be the same tomorrow.
  /// - Throws: `Refusal` `invalid_query` when both are given or either is not what it must be, `time_not_reached`.
  func past(at now: FrameTime) throws -> PastPoint? {
    switch (query("at_position"), query("at_time")) {
    case (nil, nil): return nil
    case (.some, .some):
      throw Refusal(
        "invalid_query", .invalid, "at_position and at_time are both given.", remedy: "Give one of them.")
    case (.some, nil): return .position(try query("at_position", in: 0...UInt64(Int64.max), default: 0))
    case (nil, let text?):
      // A plus sign in a query means a space unless it is escaped, and offsets have one.
      let plain = text.replacing(" ", with: "+")
      let written: WrittenTime
      do { written = try WrittenTime(plain) } catch {
        throw Refusal("invalid_query", .invalid, "at_time: \(error.message)", remedy: error.remedy)
      }
      guard written.time <= now else {
        throw Refusal(
          "time_not_reached", .notFound, "at_time: it is \(now) here, and \(written.time) is still to come.",
          remedy: "Ask for a time that has passed, or leave it out for what is now.")
      }
      return .time(written.endOfMicrosecond)
    }
  }
}

extension AsOfView {
  /// - Throws: `LogError`.
  init<Value>(_ past: PastValue<Value>, _ node: NodeCore) async throws {
    let root = try await node.writer.consistency(from: past.size, to: past.size).toRoot
    self.init(
      size: past.size, position: past.size > 0 ? past.size - 1 : nil, time: past.time?.description,
      root: root.base64EncodedString())
  }
}
