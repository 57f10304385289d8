import Foundation
import Testing

extension EndToEnd {
  @Suite("Batches of transfers from files")
  struct TransferBatchTests {
    @Test(
      "a payroll is paid from a CSV or a JSON file as a whole, and a bad line stops all of it", .timeLimit(.minutes(5)))
    func files() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-batch-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-c.example", currency: "CVT", person: "carol", in: folder.appendingPathComponent("c"))
      try await frame.start()
      for name in ["alice", "bob"] { try await frame.command("agent", "create", name) }
      try await frame.command("issue", "--amount", "100.00")

      func file(_ name: String, _ text: String) throws -> String {
        let url = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: url)
        return url.path
      }
      let csv = try file(
        "payroll.csv", "memo,to,amount\r\n\"November, with \"\"bonus\"\"\",alice,60.00\r\n,bob,40.00\r\n")
      let paid = try await frame.command("transfer", "batch", "--from", "treasury", "--file", csv)
      #expect(paid["transfers"].number == 2 && paid["amount"].string == "100.00")
      #expect(try await frame.balance("alice") == 6_000)

      let good = try file("back.json", #"[{"to":"bob","amount":"1.00","memo":"m"},{"to":"bob","amount":"2.00"}]"#)
      let keyed = ["transfer", "batch", "--from", "alice", "--file", good, "--idempotency-key", "twice"]
      for _ in 0..<2 {
        let result = try await Finished.run(Binary.frame(), keyed + ["--data", frame.folder.path])
        #expect(result.status == 0 && result.output.contains("3.00"), "\(result.output) \(result.errors)")
      }
      #expect(try await frame.balance("bob") == 4_300)

      let cases = [
        (
          "bad.json", #"[{"to":"bob","amount":"1.00"},{"to":"nobody","amount":"1.00"}]"#, "unknown_agent",
          "Transfer 1 of"
        ),
        ("shape.json", #"{"to":"bob"}"#, "bad_transfer_file", "shape.json"),
        ("row.csv", "to,amount\nbob\n", "bad_transfer_file", "row 1"),
        // All of them, not the first: what only the node can say is left to it.
        (
          "rows.csv", "to,amount\nbob\nbob,1\nbob,1,2\nBOB,x\n", "bad_transfer_file",
          "row 1 has 1 fields, not 2; row 3 has 3 fields, not 2; row 4: "
        ),
        (
          "lines.json",
          #"[{"to":"bob"},{"to":"bob","amount":1},{"to":"bob","amount":"1"},{"to":"BOB","amount":"1"},7]"#,
          "bad_transfer_file", "'/0/amount' is missing; '/1/amount' must be a string; transfer 3: "
        ),
        ("title.csv", "name,amount\nbob,1\n", "bad_transfer_file", "'to'"),
        ("open.csv", "to,amount\n\"bob,1\n", "bad_transfer_file", "quoted"),
        // What other readers would take in another way.
        ("mark.csv", "\u{feff}to,amount\nbob,1\n", "bad_transfer_file", "byte order mark"),
        ("twice.csv", "to,amount,amount\nbob,1,9\n", "bad_transfer_file", "'amount' is there twice"),
        ("more.csv", "to,amount,reference\nbob,1,r\n", "bad_transfer_file", "'reference' is unknown"),
        ("near.csv", "to,amount,mem\nbob,1,r\n", "bad_transfer_file", "'memo' is known"),
        ("within.csv", "to,amount\nb\"o\"b,1\n", "bad_transfer_file", "line 2"),
        ("after.csv", "to,amount\n\"bob\"by,1\n", "bad_transfer_file", "closing quote"),
        (
          "twice.json", #"[{"to":"bob","amount":"1.00","amount":"9.00"}]"#, "bad_transfer_file",
          "'/0/amount' is there twice"
        ),
        (
          "more.json", #"[{"to":"bob","amount":"1.00","reference":"r"}]"#, "bad_transfer_file",
          "'/0/reference' is unknown"
        ),
        ("null.json", #"[{"to":"bob","amount":"1.00","memo":null}]"#, "bad_transfer_file", "'/0/memo' is null"),
      ]
      for (name, text, code, word) in cases {
        let path = try file(name, text)
        let result = try await Finished.run(
          Binary.frame(), ["transfer", "batch", "--from", "alice", "--file", path, "--data", frame.folder.path])
        #expect(result.status > 1)
        #expect(result.errors.contains("[\(code)]") && result.errors.contains(word), "\(name): \(result.errors)")
      }
      #expect(try await frame.balance("bob") == 4_300)
      try await frame.stop()
    }
  }
}
