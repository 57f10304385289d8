import Foundation
@testable import FrameAudit
import FrameCore
import FrameLedger
import FrameProtos
import FrameSettlement
import FrameWorkload

@testable import FrameLedger

/// Amounts, ids and times as people and programs write them.
enum CoreTargets {
  static let all = [amount, identifiers, selector, time, cursor, csv]

  /// A file of transfers, as a spreadsheet writes it. What is read comes back when every field is quoted, and where there is no quote a
  /// second reader, which knows nothing of them, finds the same.
  static let csv = FuzzTarget(
    "csv", words: ["\"", "\"\"", "\",\"", ",", "\n", "\r\n", "\r", "\0", "to,amount,memo\n", "\u{feff}", "\u{301}"],
    bytesMax: 8_192,
    seeds: [
      "to,amount,memo\nbob,1.00,\ncarol,2.50,\"a \"\"quoted\"\", memo\"\n", "to,amount\r\nbob,1\r\n", "a\n\n\n,\n",
    ]
    .map { Data($0.utf8) }
  ) { data in
    try FuzzTarget.verdict {
      let rows = try CSV.rows(data)
      let quoted = rows.map { row in
        row.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",")
      }
      let again = try CSV.rows(Data(quoted.joined(separator: "\n").utf8))
      // By bytes: two spellings of one character are not one field.
      func bytes(_ rows: [[String]]) -> [[[UInt8]]] { rows.map { row in row.map { Array($0.utf8) } } }
      try FuzzTarget.require(bytes(again) == bytes(rows), "\(rows) comes back as \(again)")
      guard !data.contains(UInt8(ascii: "\"")), !data.contains(UInt8(ascii: "\r")) else { return }
      let plain = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { $0.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { Array($0) } }
        .filter { $0 != [[]] }
      try FuzzTarget.require(plain == bytes(rows), "without quotes it is \(rows)")
    }
  }

  static let amount = FuzzTarget(
    "amount", words: ["-", ".", "0.", "+", "1e9", "\u{661}"], bytesMax: 64,
    texts: ["0", "12.50", "-1.000000000", "92233720368547758.07", "-92233720368547758.08", "9.99999999900000"]
  ) { text in
    try FuzzTarget.verdict {
      for scale in UInt8(0)...9 {
        guard let amount = try? Amount(text, scale: scale) else { continue }
        let back = try Amount(amount.decimal(scale: scale), scale: scale)
        try FuzzTarget.require(back == amount, "\(text) at scale \(scale) is \(amount), then \(back)")
        for other in UInt8(0)...9 {
          guard let moved = amount.rescaled(from: scale, to: other) else { continue }
          try FuzzTarget.require(
            moved.rescaled(from: other, to: scale) == amount, "\(amount) from scale \(scale) to \(other) and back")
        }
        _ = try? amount.adding(amount)
        _ = try? amount.subtracting(Amount(minorUnits: .max))
      }
      _ = try Amount(text, scale: 2)
    }
  }

  static let identifiers = FuzzTarget(
    "identifiers",
    words: ["spiffe://", "/agent/", "/operator/", "@", "frame-a.example", "/node", "/authority", ".", ".."],
    texts: [
      "spiffe://frame-a.example/agent/alice", "spiffe://frame-a.example", "alice@frame-a.example", "frame-a.example",
      "spiffe://frame-a.example/operator/acme", "AVT", "a-key",
    ]
  ) { text in
    try FuzzTarget.verdict {
      if let id = try? FrameID(text) { try FuzzTarget.require(id.name == text, "a frame id says more than it is") }
      if let name = try? AgentName(text) {
        let frame = try FrameID("frame-a.example")
        let id = SPIFFEID.agent(name, of: frame)
        try FuzzTarget.require(try SPIFFEID(id.description) == id && id.agentName == name, "\(id)")
      }
      if let address = try? AgentAddress(text) {
        try FuzzTarget.require(address.description == text, "\(address) is not \(text)")
      }
      if let name = try? OperatorName(text) { try FuzzTarget.require(name.text == text, "\(name)") }
      _ = try? Asset(origin: try FrameID("frame-a.example"), code: text, scale: text.utf8.count)
      let caller = SPIFFEID.authority(of: try FrameID("frame-a.example"))
      _ = try? IdempotencyKey(text, caller: caller)
      _ = TransferTerms.isTransferID(text)
      let id = try SPIFFEID(text)
      try FuzzTarget.require(id.description == text, "'\(id)' was read from '\(text)'")
      try FuzzTarget.require(try SPIFFEID(trustDomain: id.trustDomain, path: id.path) == id, "\(id) is not its parts")
      try FuzzTarget.require((id.agentName != nil) == (id.subject == .agent), "\(id) is an agent's, and not")
      try FuzzTarget.require((id.operatorName != nil) == (id.subject == .operator), "\(id) is an operator's, and not")
    }
  }

  static let selector = FuzzTarget(
    "selector", words: ["unix:", "uid:", "gid:", "path:", "/", "+"], bytesMax: 5_000,
    texts: ["unix:uid:1000", "unix:gid:0", "unix:path:/usr/bin/app"]
  ) { text in
    try FuzzTarget.verdict {
      let selector = try Selector(text)
      try FuzzTarget.require(selector.description == text, "'\(selector)' was read from '\(text)'")
    }
  }

  static let time = FuzzTarget(
    "time", words: ["T", "Z", "+", ":", "2262", "9999", "0000", "-", ".", "24:00:00", ":60"], bytesMax: 64,
    texts: ["2027-01-31T12:00:00Z", "1970-01-01T00:00:00Z", "2262-04-11T23:47:16Z", "2028-02-29T23:59:59Z"]
  ) { text in
    try FuzzTarget.verdict {
      guard let time = FrameTime(toTheSecond: text) else { throw AmountError.malformed(text) }
      try FuzzTarget.require(time.toTheSecond == text, "\(time.toTheSecond) was read from \(text)")
      // Arithmetic of times is total: whatever a clock or a document says.
      for shift in [Duration.seconds(Int64.max), .seconds(Int64.min), .nanoseconds(Int64.max), .zero] {
        _ = "\(time + shift) \(time - shift)"
      }
      _ = "\(time - FrameTime(unixNanoseconds: .min)) \(time.date)"
    }
  }

  static let cursor = FuzzTarget(
    "history-cursor", words: ["=", "MW4", "_", "-"], bytesMax: 128,
    texts: [HistoryCursor(newestFirst: true).text, HistoryCursor(newestFirst: false, edge: .max).text]
  ) { text in
    try FuzzTarget.verdict {
      let cursor = try HistoryCursor(text)
      try FuzzTarget.require(cursor.text == text, "\(cursor.text) was read from \(text)")
    }
  }
}
