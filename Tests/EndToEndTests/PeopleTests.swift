import Foundation
import FrameCore
import Testing

extension EndToEnd {
  @Suite("What a person at a terminal sees")
  struct PeopleTests {
    /// A running frame with alice, who has money.
    private func running(_ body: (TestFrame, URL) async throws -> Void) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-cli-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-a.example", currency: "AVT", person: "alice", in: folder.appendingPathComponent("a"))
      try await frame.start()
      do {
        try await frame.command("issue", "--amount", "500.00")
        for name in ["alice", "bob"] { try await frame.command("agent", "create", name) }
        try await frame.command("transfer", "--from", "treasury", "--to", "alice", "--amount", "100.00")
        try await body(frame, folder)
      } catch {
        try? await frame.killNow()
        throw error
      }
      try await frame.stop()
    }

    private func run(_ frame: TestFrame, _ arguments: String...) async throws -> Finished {
      try await Finished.run(Binary.frame(), arguments + ["--data", frame.folder.path])
    }

    @Test("X1: what others wrote neither moves the cursor nor forges a line, and is exact in JSON")
    func hostileText() async throws {
      try await running { frame, _ in
        let memo = "paid\r\n  forged line\u{1b}[2K\u{202e}gnp\u{9b}31m\u{2028}\u{200b}\u{e0041}\u{7f}"
        let sent = try await frame.post(
          "/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "1.00", "memo": memo], key: "hostile")
        #expect(sent.status == 200, "\(sent.text)")
        try await frame.command("agent", "freeze", "bob", "--reason", memo)
        for command in [["agent", "history", "alice"], ["agent", "show", "bob"]] {
          let text = try await Finished.run(Binary.frame(), command + ["--data", frame.folder.path])
          #expect(text.status == 0, "\(text.errors)")
          expectHarmless(text.output)
          #expect(text.output.contains("\\u{1B}") && text.output.contains("\\u{202E}"), "\(text.output)")
          #expect(!text.output.split(separator: "\n").contains { $0.hasPrefix("  forged line") }, "\(text.output)")
          let json = try await Finished.run(Binary.frame(), command + ["--data", frame.folder.path, "--json"])
          expectHarmless(json.output)
        }
        let history = try await frame.command("agent", "history", "alice")
        #expect(history["transactions"].array.contains { $0["memo"].string == memo }, "JSON says it exactly")
        // An error that repeats what was given.
        let unknown = try await run(frame, "agent", "show", "no\u{1b}body")
        #expect(unknown.status != 0)
        expectHarmless(unknown.errors)
        let usage = try await run(frame, "agent", "show", "alice", "--\u{1b}[31m")
        #expect(usage.status == 64)
        expectHarmless(usage.errors)
      }
    }

    private func expectHarmless(_ text: String) {
      let bad = text.unicodeScalars.filter { scalar in
        guard scalar != "\n" else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse: return true
        default: return false
        }
      }
      #expect(bad.isEmpty, "\(bad.map { String($0.value, radix: 16) })")
    }

    @Test("S7: every refusal has its exit code, and with --json its problem document", .timeLimit(.minutes(5)))
    func exitCodes() async throws {
      try await running { frame, folder in
        let token = try #require(try await frame.command("agent", "token", "alice")["token"].string)
        try await frame.command("issue", "--amount", "1.00", "--idempotency-key", "once")
        let cases: [(status: Int32, code: String, arguments: [String])] = [
          (64, "usage", ["issue"]),
          (65, "amount_not_positive", ["issue", "--amount", "-1"]),
          (65, "amount_not_positive", ["issue", "--amount=-1"]),
          (65, "amount_too_precise", ["issue", "--amount", "0.001"]),
          (66, "unknown_agent", ["agent", "show", "nobody"]),
          (66, "no_such_file", ["transfer", "batch", "--from", "alice", "--file", "none.csv"]),
          (67, "invalid_token", ["agent", "show", "alice", "--token", "not-a-token"]),
          (73, "agent_exists", ["agent", "create", "alice"]),
          (73, "idempotency_conflict", ["issue", "--amount", "2.00", "--idempotency-key", "once"]),
          (76, "insufficient_funds", ["transfer", "--from", "alice", "--to", "bob", "--amount", "1000.00"]),
          (77, "forbidden", ["issue", "--amount", "1.00", "--token", token]),
        ]
        for (status, code, arguments) in cases {
          let text = try await Finished.run(Binary.frame(), arguments + ["--data", frame.folder.path])
          #expect(text.status == status, "\(arguments): \(text.status) \(text.errors)")
          let json = try await Finished.run(Binary.frame(), arguments + ["--data", frame.folder.path, "--json"])
          #expect(json.status == status && json.output.isEmpty, "\(arguments): \(json.status) \(json.output)")
          let problem = try JSONDecoder().decode(JSON.self, from: Data(json.errors.utf8))
          #expect(problem["exit_code"].number == Double(status), "\(json.errors)")
          let told = try #require(problem["code"].string)
          #expect(told == code || status == 67 || status == 77, "\(arguments): \(told)")
          #expect(problem["detail"].string?.isEmpty == false && problem["remedy"].string != nil, "\(json.errors)")
        }
        let negative = try await run(frame, "transfer", "--from", "alice", "--to", "bob", "--amount", "-1")
        #expect(negative.errors.contains("'-1' is not greater than zero"), "\(negative.errors)")

        let empty = try await run(frame, "fees", "collect")
        #expect(empty.status == 0 && empty.output == "nothing to collect\n", "\(empty.output) \(empty.errors)")
        #expect(try await frame.command("fees", "collect")["state"].string == "nothing_to_collect")

        let none = try await Finished.run(
          Binary.frame(), ["agent", "list", "--data", folder.appendingPathComponent("none").path, "--json"])
        #expect(none.status == 66 && none.errors.contains("no_frame_here"), "\(none.errors)")
        try await frame.stop()
        let down = try await run(frame, "agent", "list", "--json")
        #expect(down.status == 68 && down.errors.contains("\"node_unreachable\""), "\(down.errors)")
        #expect(down.errors.contains("connection refused"), "\(down.errors)")
      }
    }

    @Test("S4: another user is told that it is a matter of permission, and a changed scale is told as that")
    func foundations() async throws {
      try await running { frame, folder in
        if getuid() == 0 {
          let binary = folder.appendingPathComponent("frame")
          try FileManager.default.copyItem(atPath: try Binary.frame(), toPath: binary.path)
          for open in [folder.path, binary.path] { chmod(open, 0o755) }
          chmod(frame.folder.path, 0o700)
          let other = try await Finished.run(
            "/usr/bin/setpriv",
            [
              "--reuid=65534", "--regid=65534", "--clear-groups", binary.path, "agent", "list", "--data",
              frame.folder.path,
            ])
          #expect(other.status == 77, "\(other.errors)")
          #expect(other.errors.contains("permission denied") && !other.errors.contains("no frame"), "\(other.errors)")
        }
        try await frame.stop()
        let good = try String(contentsOf: frame.configurationFile, encoding: .utf8)
        let changed = good.replacing(/scale: 2/, with: "scale: 4")
        #expect(changed != good)
        try Data(changed.utf8).write(to: frame.configurationFile)
        let refused = try await Finished.run(
          Binary.frame(), ["serve", "--config", frame.configurationFile.path], within: .seconds(60))
        #expect(refused.status == 73, "\(refused.status) \(refused.errors)")
        let line = refused.errors.split(separator: "\n").first { $0.hasPrefix("error: ") } ?? ""
        #expect(line.contains("scale") && line.contains("2") && line.contains("4"), "\(refused.errors)")
        #expect(!line.contains("belongs to"), "\(line)")
      }
    }
  }

  @Suite("The command tree")
  struct CommandTreeTests {
    /// A command as `--experimental-dump-help` tells of it.
    private struct Command: Decodable {
      struct Argument: Decodable {
        struct Name: Decodable { let name: String }
        let kind: String
        let names: [Name]?
      }
      let commandName: String
      let discussion: String?
      let defaultSubcommand: String?
      let subcommands: [Command]?
      let arguments: [Argument]?

      var longNames: Set<String> { Set((arguments ?? []).flatMap { ($0.names ?? []).map(\.name) }) }
    }

    private func root() async throws -> Command {
      struct Dump: Decodable { let command: Command }
      let dump = try await Finished.run(Binary.frame(), ["--experimental-dump-help"])
      #expect(dump.status == 0, "\(dump.errors)")
      return try JSONDecoder().decode(Dump.self, from: Data(dump.output.utf8)).command
    }

    private func walk(_ command: Command, _ path: [String] = [], _ body: ([String], Command) -> Void) {
      body(path, command)
      for sub in command.subcommands ?? [] where sub.commandName != "help" {
        walk(sub, path + [sub.commandName], body)
      }
    }

    @Test("S7: every command that prints data can print it as JSON")
    func json() async throws {
      var leaves = 0
      walk(try await root()) { path, command in
        guard command.subcommands?.isEmpty ?? true else { return }
        leaves += 1
        // Those two run until they are told to stop, and print what happens.
        if ["serve", "demo"].contains(path.joined(separator: " ")) { return }
        #expect(command.longNames.contains("json"), "frame \(path.joined(separator: " ")) has no --json")
      }
      #expect(leaves > 60)
    }

    @Test("S7: the examples in the help fit 80 columns, so that they can be pasted, and name options that exist")
    func examples() async throws {
      let root = try await root()
      var found = 0
      walk(root) { path, command in
        let name = "frame \(path.joined(separator: " "))"
        let lines = (command.discussion ?? "").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for line in lines where line.hasPrefix("  ") { #expect(line.count <= 80, "\(name): \(line)") }
        var example = ""
        for line in lines where line.hasPrefix("  ") {
          example +=
            example.isEmpty
            ? line.trimmingPrefix(while: \.isWhitespace) : " " + line.trimmingPrefix(while: \.isWhitespace)
          if example.hasSuffix("\\") {
            example.removeLast()
            continue
          }
          if example.hasPrefix("frame ") {
            found += 1
            check(example, root, name)
          }
          example = ""
        }
        #expect(example.isEmpty, "\(name): an example goes on after its end: \(example)")
      }
      #expect(found > 80)
    }

    /// The options of an example are those of the command it calls.
    private func check(_ example: String, _ root: Command, _ name: String) {
      let shell = example.prefix { !"#|>".contains($0) }
      var words = shell.split(separator: " ").dropFirst().map(String.init)[...]
      var command = root
      while let word = words.first, let sub = command.subcommands?.first(where: { $0.commandName == word }) {
        command = sub
        words.removeFirst()
      }
      var known = command.longNames
      for sub in command.subcommands ?? [] where sub.commandName == command.defaultSubcommand {
        known.formUnion(sub.longNames)
      }
      for word in words where word.hasPrefix("--") {
        let option = word.dropFirst(2).prefix { $0 != "=" }
        #expect(known.contains(String(option)), "\(name): '\(example)' uses --\(option), which there is not")
      }
    }
  }
}
