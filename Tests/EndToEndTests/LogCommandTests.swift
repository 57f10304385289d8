import Foundation
import Testing

extension EndToEnd {
  /// What an auditor does, with the commands an auditor has.
  @Suite("Auditing from outside")
  struct LogCommandTests {
    @Test("L6: a downloaded log, its checkpoint and its proofs verify offline; a changed file does not")
    func audit() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-log-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-l.example", currency: "LVT", person: "lena", in: folder.appendingPathComponent("l"))
      try await frame.start()
      func file(_ name: String) -> String { folder.appendingPathComponent(name).path }
      func save(_ name: String, _ arguments: String...) async throws {
        let result = try await Finished.run(Binary.frame(), arguments + ["--data", frame.folder.path])
        #expect(result.status == 0, "\(result.errors)")
        try Data(result.output.utf8).write(to: URL(fileURLWithPath: file(name)))
      }

      try await frame.command("issue", "--amount", "5.00")
      let key = try #require(try await HTTP.get(frame.api + "/api/v1/frame").json()["log_verifier_key"].string)
      let first = try await frame.command("log", "download", file("copy"))
      #expect(first["entries"].number == first["size"].number)
      try await save("old-checkpoint", "log", "checkpoint")
      try await save("attestation.json", "log", "proof", "--position", "2", "--attestation")
      try await frame.command("issue", "--amount", "7.00")
      let second = try await frame.command("log", "download", file("copy"))
      #expect((second["size"].number ?? 0) > (first["size"].number ?? 0))

      // The outsider: an address and a key.
      let hashes = try await Finished.run(
        Binary.frame(),
        [
          "log", "download", file("hashes"), "--hashes-only", "--url", frame.api, "--key", key, "--data",
          file("nowhere"),
        ])
      #expect(hashes.status == 0, "\(hashes.errors)")
      #expect(!FileManager.default.fileExists(atPath: file("hashes/tile/entries")))

      let events = try await frame.command("log", "events", "--limit", "1")["events"].array
      #expect(events.first?["type"].string == "FrameFounded")
      try await save("tile", "log", "tile", "entries/000.p/2")
      #expect(try String(contentsOfFile: file("tile"), encoding: .utf8).split(separator: "\n").count == 2)
      try await save("proof", "log", "proof", "--from", "1")
      try await frame.stop()

      func verify(_ arguments: String...) async throws -> Finished {
        try await Finished.run(Binary.frame(), ["audit", "verify", "--key", key] + arguments)
      }
      let copy = file("copy") + "/checkpoint"
      for arguments in [
        ["--checkpoint", copy], ["--checkpoint", copy, "--log", file("copy")],
        ["--checkpoint", file("hashes/checkpoint"), "--log", file("hashes")],
        ["--checkpoint", file("old-checkpoint"), "--log", file("copy")],
        ["--checkpoint", file("old-checkpoint"), "--proof", file("attestation.json")],
        ["--checkpoint", copy, "--proof", file("attestation.json"), "--json"],
      ] {
        let result = try await Finished.run(Binary.frame(), ["audit", "verify", "--key", key] + arguments)
        #expect(result.status == 0, "\(arguments): \(result.errors)")
        #expect(result.output.contains("frame-l.example"))
      }

      // What stands around a proof is read by people: it may not say something else.
      let told = try String(contentsOfFile: file("attestation.json"), encoding: .utf8)
      try Data(told.replacing(/"position" *: *[0-9]+/, with: "\"position\": 987654").utf8).write(
        to: URL(fileURLWithPath: file("lying.json")))

      let other =
        "frame-l.example+" + key.split(separator: "+")[1] + "+" + Data(repeating: 1, count: 33).base64EncodedString()
      for (arguments, code) in [
        (["--key", key, "--checkpoint", file("nowhere")], "no_such_file"),
        (["--key", key, "--checkpoint", file("attestation.json")], "bad_note"),
        (["--key", other, "--checkpoint", copy], "invalid_verifier_key"),
        (["--key", key, "--checkpoint", copy, "--proof", copy], "bad_proof"),
        (["--key", key, "--checkpoint", copy, "--proof", file("lying.json")], "bad_proof"),
        (["--key", key, "--checkpoint", copy, "--log", file("nothing")], "bad_tile"),
      ] {
        let result = try await Finished.run(Binary.frame(), ["audit", "verify"] + arguments)
        #expect(result.status != 0)
        #expect(result.errors.contains("[\(code)]"), "\(arguments): \(result.errors)")
      }
      let bundle = try #require(
        try FileManager.default.contentsOfDirectory(atPath: file("copy/tile/entries/000.p")).last)
      let path = file("copy/tile/entries/000.p/\(bundle)")
      var bytes = try #require(FileManager.default.contents(atPath: path))
      bytes[bytes.count - 1] ^= 1
      try bytes.write(to: URL(fileURLWithPath: path))
      for name in try FileManager.default.contentsOfDirectory(atPath: file("copy/tile/entries/000.p"))
      where name != bundle {
        try FileManager.default.removeItem(atPath: file("copy/tile/entries/000.p/\(name)"))
      }
      let changed = try await verify("--checkpoint", copy, "--log", file("copy"))
      #expect(changed.status != 0)
      #expect(changed.errors.contains("error: "), "\(changed.errors)")
    }
  }
}
