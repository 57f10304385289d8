import Foundation
import Testing

extension EndToEnd {
  @Suite("The command line")
  struct CommandLineTests {
    /// A folder that is removed after `body`.
    private func inFolder(_ body: (URL) async throws -> Void) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-cli-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try await body(folder)
    }

    private func serve(_ frame: TestFrame) async throws -> Finished {
      try await Finished.run(Binary.frame(), ["serve", "--config", frame.configurationFile.path])
    }

    /// One line that names what is wrong, its code and a remedy, and an exit code that is not 0.
    private func expectRefusal(_ result: Finished, code: String, naming words: String...) {
      #expect(result.status > 1)
      let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
      #expect(lines.count == 1, "one clear error: \(result.errors)")
      #expect(result.errors.contains("[\(code)]"), "\(result.errors)")
      for word in words { #expect(result.errors.contains(word), "\(word) in: \(result.errors)") }
    }

    private func frame(in folder: URL) async throws -> TestFrame {
      try await TestFrame(
        name: "frame-c.example", currency: "CVT", person: "carol", in: folder.appendingPathComponent("c"))
    }

    @Test("every command has help with an example")
    func help() async throws {
      let commands = [
        ["init"], ["serve"], ["demo"], ["peer"], ["peer", "invite"], ["peer", "list"], ["peer", "show"],
        ["peer", "approve"], ["peer", "reject"], ["peer", "revoke"], ["agent", "create"], ["agent", "list"],
        ["agent", "show"], ["agent", "token"], ["operator"], ["operator", "add"], ["operator", "list"],
        ["operator", "show"], ["operator", "suspend"], ["operator", "resume"], ["operator", "renew"],
        ["operator", "remove"], ["operator", "release"], ["operator", "token"], ["operator", "licence"],
        ["operator", "verify"], ["sni"], ["sni", "list"], ["sni", "reload"], ["sni", "export"], ["issue"], ["burn"],
        ["transfer"], ["transfer", "send"], ["transfer", "batch"], ["transfer", "show"], ["bridge", "lock"],
        ["bridge", "redeem"], ["bridge", "show"], ["bridge", "reserves"],
        ["bridge", "close-breaker"], ["audit"], ["audit", "verify"], ["log"], ["log", "checkpoint"], ["log", "tile"],
        ["log", "proof"], ["log", "events"], ["log", "download"], ["metrics", "list"], ["version"],
      ]
      for command in commands {
        let result = try await Finished.run(Binary.frame(), ["help"] + command)
        #expect(result.status == 0)
        #expect(result.output.contains("frame \(command.joined(separator: " "))"), "\(command): \(result.output)")
      }
    }

    @Test("figures are JSON as they are printed")
    func figures() async throws {
      for command in [["writer", "--batch", "10"], ["metrics"]] {
        let result = try await Finished.run(
          Binary.frame(), ["bench"] + command + ["--seconds", "0.1", "--json"], within: .seconds(120))
        #expect(result.status == 0, "\(result.errors)")
        #expect(throws: Never.self, "\(command): \(result.output.prefix(200))") {
          try JSONDecoder().decode(JSON.self, from: Data(result.output.utf8))
        }
      }
    }

    @Test("wrong usage exits 64 and says what is expected")
    func usage() async throws {
      let result = try await Finished.run(Binary.frame(), ["peer", "approve", "frame-a.example"])
      #expect(result.status == 64)
      #expect(result.errors.contains("--fingerprint"))
      for seconds in ["1e30", "inf", "nan", "-1", "0"] {
        let serve = try await Finished.run(Binary.frame(), ["serve", "--canary-seconds=\(seconds)"])
        #expect(serve.status == 64, "\(seconds): \(serve.errors)")
      }
    }

    @Test("a port in use, a damaged configuration, no frame at all: one clear error each")
    func serveErrors() async throws {
      try await inFolder { folder in
        let frame = try await frame(in: folder)
        let listener = try #require(FreePorts.Listener(port: frame.ports[1]))
        expectRefusal(try await serve(frame), code: "port_in_use", naming: "\(frame.ports[1])", "ops")
        withExtendedLifetime(listener) {}

        let good = try String(contentsOf: frame.configurationFile, encoding: .utf8)
        try Data((good + "canari: {}\n").utf8).write(to: frame.configurationFile)
        expectRefusal(try await serve(frame), code: "config_invalid", naming: "canari", frame.configurationFile.path)
        try Data("frame_id: [".utf8).write(to: frame.configurationFile)
        expectRefusal(try await serve(frame), code: "config_malformed", naming: frame.configurationFile.path)

        let none = try await Finished.run(Binary.frame(), ["serve", "--data", folder.appendingPathComponent("x").path])
        expectRefusal(none, code: "no_frame_here")
      }
    }

    @Test("keys that others can read, and a frame that exists already, are refused")
    func initErrors() async throws {
      try await inFolder { folder in
        let frame = try await frame(in: folder)
        let again = try await Finished.run(
          Binary.frame(),
          ["init", "--frame-id", "frame-c.example", "--currency", "CVT", "--data", frame.folder.path])
        expectRefusal(again, code: "frame_exists")
        let keys = frame.folder.appendingPathComponent("keys")
        for name in try FileManager.default.contentsOfDirectory(atPath: keys.path) {
          let path = keys.appendingPathComponent(name).path
          let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
          #expect(mode == 0o600, "\(name) is readable by its owner alone")
          chmod(path, 0o644)
        }
        let refused = try await serve(frame)
        #expect(refused.status > 1)
        #expect(refused.errors.contains("error: "))
      }
    }

    @Test("a folder that cannot be written is one clear error")
    func unwritable() async throws {
      try await inFolder { folder in
        let frame = try await frame(in: folder)
        chmod(frame.folder.path, 0o555)
        defer { chmod(frame.folder.path, 0o700) }
        let arguments = ["serve", "--config", frame.configurationFile.path]
        let result: Finished
        if getuid() == 0 {
          // Root can write everywhere: the node runs as nobody, from a place that nobody can reach.
          let binary = folder.appendingPathComponent("frame")
          try FileManager.default.copyItem(atPath: try Binary.frame(), toPath: binary.path)
          for open in [folder.path, binary.path] { chmod(open, 0o755) }
          chmod(frame.configurationFile.path, 0o644)
          result = try await Finished.run(
            "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", binary.path] + arguments)
        } else {
          result = try await Finished.run(Binary.frame(), arguments)
        }
        expectRefusal(result, code: "not_writable", naming: frame.folder.path)
      }
    }

    @Test("a folder that cannot be made is one clear error")
    func unmakeable() async throws {
      try await inFolder { folder in
        let file = folder.appendingPathComponent("file")
        try Data().write(to: file)
        let result = try await Finished.run(
          Binary.frame(),
          [
            "init", "--frame-id", "frame-c.example", "--currency", "CVT", "--data",
            file.appendingPathComponent("c").path,
          ])
        expectRefusal(result, code: "not_writable", naming: file.path)
      }
    }

    @Test("a second node on the same data is refused, and what the node refuses reaches the caller whole")
    func runningNode() async throws {
      try await inFolder { folder in
        let frame = try await frame(in: folder)
        try await frame.start()
        let copy = folder.appendingPathComponent("copy.yaml")
        var text = try String(contentsOf: frame.configurationFile, encoding: .utf8)
        for (old, new) in zip(frame.ports, try FreePorts.take(5)) { text = text.replacing("\(old)", with: "\(new)") }
        text = text.replacing(/data_dir: .*/, with: "data_dir: \(frame.folder.path)")
        try Data(text.utf8).write(to: copy)
        let second = try await Finished.run(Binary.frame(), ["serve", "--config", copy.path])
        #expect(second.status > 1)
        #expect(second.errors.contains("error: ") && second.errors.contains("in use"), "\(second.errors)")

        let poor = try await Finished.run(
          Binary.frame(),
          ["transfer", "--from", "treasury", "--to", "nobody", "--amount", "1.00", "--data", frame.folder.path])
        #expect(poor.status > 1)
        #expect(poor.errors.contains("error: ") && poor.errors.contains("["), "\(poor.errors)")
        let precise = try await Finished.run(
          Binary.frame(), ["issue", "--amount", "0.001", "--data", frame.folder.path])
        expectRefusal(precise, code: "amount_too_precise", naming: "0.001")

        try await frame.command("issue", "--amount", "5.00", "--idempotency-key", "once")
        try await frame.command("issue", "--amount", "5.00", "--idempotency-key", "once")
        #expect(try await frame.audit()["supply"]["issued"].string == "5.00")
        let other = try await Finished.run(
          Binary.frame(), ["issue", "--amount", "6.00", "--idempotency-key", "once", "--data", frame.folder.path])
        expectRefusal(other, code: "idempotency_conflict")

        let catalog = try await frame.command("metrics", "list")["metrics"].array
        #expect(catalog.contains { $0["name"].string == "frame_supply_delta_minor_units" })
        try await frame.stop()

        let down = try await Finished.run(Binary.frame(), ["agent", "list", "--data", frame.folder.path])
        expectRefusal(down, code: "node_unreachable", naming: frame.api)
      }
    }

    @Test("a supervised node stops when its supervisor's end of stdin closes")
    func supervised() async throws {
      try await inFolder { folder in
        let frame = try await frame(in: folder)
        // Standard input is /dev/null here: closed from the start.
        let result = try await Finished.run(
          Binary.frame(), ["serve", "--supervised", "--config", frame.configurationFile.path])
        #expect(result.status == 0, "\(result.errors)")
      }
    }
  }
}
