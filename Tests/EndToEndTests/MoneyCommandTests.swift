import Foundation
import Testing

extension EndToEnd {
  @Suite("Holds, freezes, fees and histories from the command line")
  struct MoneyCommandTests {
    @Test(
      "B2: holds are made, captured, released and expire by themselves; agents are frozen, fees swept, histories read")
    func commands() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-e2e-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-a.example", currency: "AVT", person: "alice", in: folder.appendingPathComponent("a"))
      try frame.configure([("fees", "fixed", "'0.05'"), (nil, "audit_interval_seconds", "1")])
      try await frame.start()
      do {
        try await use(frame)
      } catch {
        try? await frame.killNow()
        throw error
      }
      try await frame.stop()
      let offline = try await text(frame, "audit", "--offline")
      #expect(offline.status == 0 && offline.output.contains("clean"), "\(offline.output)")
    }

    private func text(_ frame: TestFrame, _ arguments: String...) async throws -> Finished {
      try await Finished.run(Binary.frame(), arguments + ["--data", frame.folder.path])
    }

    private func use(_ frame: TestFrame) async throws {
      try await frame.command("issue", "--amount", "500.00")
      for name in ["alice", "shop"] { try await frame.command("agent", "create", name) }
      try await frame.command("transfer", "--from", "treasury", "--to", "alice", "--amount", "100.00")

      let hold = try await frame.command(
        "hold", "create", "--from", "alice", "--payee", "shop", "--amount", "25.00", "--expires-in", "3600")
      let id = try #require(hold["hold_id"].string)
      let listed = try await text(frame, "hold", "list", "--agent", "shop")
      #expect(listed.status == 0 && listed.output.contains(id) && listed.output.contains("25.00"), "\(listed.output)")
      let part = try await text(frame, "hold", "capture", id, "--amount", "10.00", "--keep-rest")
      #expect(part.status == 0 && part.output.contains("captured"), "\(part.output) \(part.errors)")
      #expect(
        part.output.contains("15.00 AVT@frame-a.example") && part.output.contains("still on hold"), "\(part.output)")
      try await frame.command("hold", "release", id, "--reason", "sold out")
      let shown = try await text(frame, "hold", "show", id)
      #expect(
        shown.status == 0 && shown.output.contains("released") && shown.output.contains("10.00"), "\(shown.output)")

      // Nobody asks for this one: the node itself gives the money back.
      let brief = try await frame.command("hold", "create", "--from", "alice", "--amount", "5.00", "--expires-in", "1")
      let briefID = try #require(brief["hold_id"].string)
      try await Wait.polling.until("the hold expiring") {
        try await frame.command("hold", "show", briefID)["state"].string == "expired"
      }
      #expect(try await frame.balance("alice") == 90_00)

      try await frame.command("agent", "freeze", "alice", "--reason", "court order 17")
      let frozen = try await text(frame, "transfer", "--from", "alice", "--to", "shop", "--amount", "1.00")
      #expect(frozen.status > 1 && frozen.errors.contains("agent_frozen"), "\(frozen.errors)")
      let record = try await text(frame, "agent", "show", "alice")
      #expect(record.output.contains("court order 17"), "\(record.output)")
      let all = try await text(frame, "agent", "list")
      #expect(all.output.contains("FROZEN") && all.output.contains("yes"), "\(all.output)")
      try await frame.command("agent", "unfreeze", "alice")
      try await frame.command("transfer", "--from", "alice", "--to", "shop", "--amount", "1.00")

      let fees = try await text(frame, "fees", "show", "--amount", "1.00")
      #expect(fees.status == 0 && fees.output.contains("0.05"), "\(fees.output)")
      #expect(try await frame.command("fees", "collect")["amount"].string == "0.05")

      let history = try await text(frame, "agent", "history", "alice", "--limit", "2")
      #expect(history.output.contains("-1.05") && history.errors.contains("--cursor "), "\(history.output)")
      let oldest = try await frame.command("agent", "history", "alice", "--oldest-first", "--limit", "200")
      let items = oldest["transactions"].array
      #expect(items.count == 7)
      let third = try #require(items[2]["position"].number.map { Int($0) })
      let past = try await frame.command(
        "agent", "history", "alice", "--oldest-first", "--limit", "200", "--at-position", "\(third)")
      #expect(past["transactions"].array.count == 3 && past["as_of"]["position"].number == Double(third), "\(past)")
      let then = try #require(items[1]["time"].string)
      let timed = try await frame.command("agent", "history", "alice", "--oldest-first", "--at-time", then)
      #expect(timed["transactions"].array.count == 2, "\(timed)")
      let audit = try await text(frame, "audit", "--full")
      #expect(audit.status == 0, "\(audit.output)")
      for line in [
        "issued", "circulating", "staked", "held", "fees", "treasury", "locked_for_bridge", "clearing", "delta",
      ] {
        #expect(audit.output.contains("\n\(line) "), "\(line) is missing in \(audit.output)")
      }
      #expect(audit.output.contains("frame-a.example size "), "\(audit.output)")
      #expect(audit.output.contains(/\ntreasury +[0-9.]+ AVT\n/), "amounts have their currency: \(audit.output)")
    }
  }
}
