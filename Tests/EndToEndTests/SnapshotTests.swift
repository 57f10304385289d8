import Foundation
import Testing

extension EndToEnd {
  @Suite("Snapshots of a running frame")
  struct SnapshotTests {
    private func frame(in folder: URL) async throws -> TestFrame {
      let frame = try await TestFrame(
        name: "frame-a.example", currency: "AVT", person: "alice", in: folder.appendingPathComponent("a"))
      try frame.configure([("snapshot", "every_events", "20"), ("canary", "enabled", "false")])
      return frame
    }

    @Test(
      "after kill -9 a frame starts from its snapshot, with every transfer, key and time of its past; without it, from its log",
      .timeLimit(.minutes(5)))
    func killed() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-snapshots-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await frame(in: folder)
      try await frame.start()
      for name in ["alice", "bob"] { try await frame.command("agent", "create", name) }
      try await frame.command("issue", "--amount", "100.00")
      try await frame.command("transfer", "--from", "treasury", "--to", "alice", "--amount", "100.00")
      var positions: [Int64] = []
      for number in 1...60 {
        let answer = try await frame.post(
          "/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "0.01"], key: "t\(number)")
        positions.append(try #require(try answer.json()["position"].number.map { Int64($0) }))
      }
      // 20 events are due for one; the last is of more than half of what there is in any case.
      try await Wait.polling.until("snapshots being made") {
        try await frame.metrics().value("frame_log_snapshot_size_events") ?? 0 >= 40
      }
      try await frame.killNow()
      try await frame.start()
      #expect(try await frame.metrics().value("frame_log_snapshot_size_events") ?? 0 >= 40)
      try await check(frame, positions)
      try await frame.stop()
      try FileManager.default.removeItem(at: frame.folder.appendingPathComponent("log/snapshots"))
      try await frame.start()
      try await check(frame, positions)
      try await frame.stop()
    }

    private func check(_ frame: TestFrame, _ positions: [Int64]) async throws {
      #expect(try await frame.balance("alice") == 10_000 - 60)
      #expect(try await frame.balance("bob") == 60)
      for number in [1, 30, 60] {
        let again = try await frame.post(
          "/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "0.01"], key: "t\(number)")
        #expect(
          try again.json()["position"].number.map { Int64($0) } == positions[number - 1],
          "B1: one effect, the first answer")
        let other = try await frame.post(
          "/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "0.02"], key: "t\(number)")
        #expect(other.status == 409)
        let then = try await frame.command("agent", "show", "bob", "--at-position", "\(positions[number - 1])")
        #expect(then["balances"].array.first?["amount"].string == (number < 10 ? "0.0\(number)" : "0.\(number)"))
      }
      let supply = try await frame.command("supply", "--at-position", "\(positions[0])")
      #expect(supply["supply"]["circulating"].string == "100.00")
      #expect(try await frame.audit()["clean"].bool == true)
    }
  }
}
