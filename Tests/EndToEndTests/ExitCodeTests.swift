import Foundation
import Testing

extension EndToEnd {
  @Suite("exit codes against the table in docs/operations.md")
  struct ExitCodeTests {
    private struct Case {
      let arguments: [String]
      let status: Int32
      /// The error's code.
      let code: String

      init(_ status: Int32, _ code: String, _ arguments: String...) { self.init(status, code, arguments) }

      init(_ status: Int32, _ code: String, _ arguments: [String]) {
        (self.arguments, self.status, self.code) = (arguments, status, code)
      }
    }

    @Test("each command ends with the code that the table gives for what was wrong", .timeLimit(.minutes(5)))
    func table() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-exit-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
      func file(_ name: String, _ text: String, mode: Int = 0o600) -> String {
        let made = FileManager.default.createFile(
          atPath: path(name), contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        #expect(made)
        return path(name)
      }
      func initialise(_ name: String, _ more: String...) -> [String] {
        ["init", "--frame-id", "\(name).example", "--currency", "AVT", "--data", path(name)] + more
      }
      for name in ["fresh", "damaged", "keyless", "badkey"] {
        #expect(try await Finished.run(Binary.frame(), initialise(name)).status == 0)
      }
      _ = file("damaged/log/log.sqlite", String(repeating: "this is no database ", count: 500))
      try FileManager.default.removeItem(atPath: path("keyless/keys/log.key"))
      _ = file("badkey/keys/log.key", "garbage")
      try FileManager.default.createDirectory(atPath: path("folder"), withIntermediateDirectories: false)
      let (open, short) = (file("open", "long enough", mode: 0o644), file("short", "short"))
      let garbage = file("garbage", "garbage")
      let yaml = file("bad.yaml", "frame_id: 7x7\n")
      func misplaced(_ name: String, _ setting: String) -> String {
        file("\(name).yaml", "frame_id: x.example\ncurrency: {code: AVT, scale: 2}\n\(setting)\n")
      }
      let nobody = ["--url", "http://127.0.0.1:9"]
      try FileManager.default.createDirectory(atPath: path("copied"), withIntermediateDirectories: false)
      _ = file("copied/checkpoint", "garbage")

      var cases = [
        Case(64, "usage", "no-such-command"), Case(64, "usage", "audit", "--with", path("fresh")),
        Case(65, "config_malformed", "serve", "--config", yaml),
        Case(65, "config_invalid", "serve", "--config", misplaced("data", "data_dir: ./no-such-folder")),
        Case(
          65, "config_invalid", "serve", "--config",
          misplaced("socket", "identity: {workload_api: {socket: ./no-such-folder/frame.sock}}")),
        Case(64, "usage", "agent", "list", "--data", path("fresh"), "--url", "127.0.0.1:9"),
        Case(64, "usage", "peer", "amend", "x.example", "--data", path("fresh"), "--expires", "32d"),
        Case(
          68, "node_unreachable", ["peer", "amend", "x.example", "--data", path("fresh"), "--expires", "31d"] + nobody),
        Case(66, "no_frame_here", "audit", "--offline", "--data", path("copied")),
        Case(66, "no_frame_here", "agent", "list", "--data", path("nowhere")),
        Case(68, "node_unreachable", "agent", "list", "--data", path("fresh"), "--url", "http://127.0.0.1:9"),
        Case(64, "usage", initialise("ports", "--api-port", "8080", "--ops-port", "8080")),
        // Logs
        Case(66, "no_log", "audit", "--offline", "--data", path("fresh")),
        Case(66, "no_frame_here", "audit", "--offline", "--data", path("fresh"), "--with", path("nowhere")),
        Case(70, "damaged_log", "audit", "--offline", "--data", path("damaged")),
        Case(70, "damaged_log", "backup", "--to", path("copy"), "--data", path("damaged")),
        Case(70, "damaged_log", "serve", "--config", path("damaged/frame.yaml")),
        // Keys
        Case(66, "key_file_missing", "serve", "--config", path("keyless/frame.yaml")),
        Case(70, "key_file_damaged", "serve", "--config", path("badkey/frame.yaml")),
        // What was given, and what it was to check
        Case(65, "invalid_verifier_key", "audit", "verify", "--checkpoint", garbage, "--key", "garbage"),
        Case(65, "invalid_verifier_key", "operator", "verify", garbage, "--log-key", "garbage"),
        Case(65, "invalid_verifier_key", "peer", "treaty", "--file", garbage, "--key", "garbage"),
        Case(1, "bad_proof", "log", "equivocation", "verify", garbage, "--key", "garbage"),
        Case(66, "no_such_file", "audit", "verify", "--checkpoint", path("nowhere"), "--key", Self.key),
        Case(1, "bad_note", "audit", "verify", "--checkpoint", garbage, "--key", Self.key),
        Case(66, "no_backup_here", "restore", "--from", path("nowhere"), "--data", path("restored")),
      ]
      cases += [
        (73, "frame_exists", initialise("fresh")),
        (65, "invalid_trust_domain", ["init", "--frame-id", "A B", "--currency", "AVT"]),
        (65, "not_writable", ["init", "--frame-id", "x.example", "--currency", "AVT", "--data", "/proc/frame"]),
        (65, "not_writable", ["backup", "--to", "/proc/frame", "--data", path("fresh")]),
        (64, "usage", initialise("ports", "--api-port", "99999")),
        (64, "usage", initialise("ports", "--sni-port", "0")),
        (66, "key_seal_file_missing", initialise("a", "--seal-passphrase-file", path("nowhere"))),
        (65, "key_seal_file_unusable", initialise("b", "--seal-passphrase-file", open)),
        (65, "key_seal_file_unusable", initialise("c", "--seal-key-file", path("folder"))),
        (65, "key_seal_weak", initialise("d", "--seal-passphrase-file", short)),
        (65, "key_seal_environment_unset", initialise("e", "--seal-passphrase-env", "FRAME_TEST_UNSET")),
      ].map { Case($0.0, $0.1, $0.2) }
      for one in cases {
        // A node's own output is its log.
        let isNode = one.arguments.first == "serve"
        let result = try await Finished.run(Binary.frame(), one.arguments + (isNode ? [] : ["--json"]))
        #expect(result.status == one.status, "\(one.arguments): \(result.status), \(result.errors)")
        let told = isNode ? "[\(one.code)]" : "\"\(one.code)\""
        #expect(result.errors.contains(told), "\(one.arguments): \(result.errors)")
      }
      for name in ["a", "b", "c", "d", "e", "copy", "restored", "ports"] {
        #expect(!FileManager.default.fileExists(atPath: path(name)), "\(name): nothing was made")
      }
    }

    /// Of no log that is here.
    private static let key =
      "frame-x.example+dbdbcac0+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
  }
}
