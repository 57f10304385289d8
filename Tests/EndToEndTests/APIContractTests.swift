import Foundation
import Testing

extension EndToEnd {
  /// The API of a running node against its own OpenAPI document, by other people's code: the document is a valid one, and whatever
  /// a fuzzer makes of it, the node answers as it says, refuses what it forbids, and never with a server error.
  @Suite("The API and its document")
  struct APIContractTests {
    private static let python = ProcessInfo.processInfo.environment["FRAME_TEST_PYTHON"] ?? "python3"
    /// The same requests each time.
    private static let seed = "8"
    private static let examples = "6"
    /// Its generator of values is not made for threads: now and then one of two ended with an error of its own.
    private static let workers = "1"

    /// What is not asked: an invitation makes the node call any address that the fuzzer invents, and the other two are made to change
    /// who may call.
    private static let left = ["invitePeer", "suspendOperator", "removeOperator"]

    /// Whether a request is refused for its state (an amount that is not there) the document cannot say; all else is checked.
    private static let checks = [
      "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
      "response_schema_conformance", "negative_data_rejection", "missing_required_header", "ignored_auth",
      "unsupported_method",
    ]

    @Test("a fuzzer finds no answer that the document does not have, as authority, as operator and as agent")
    func conforms() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("api-\(UUID().uuidString.prefix(8))")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-s.example", currency: "SVT", person: "alice", in: folder.appendingPathComponent("s"))
      try await frame.start()
      try await frame.command("agent", "create", "alice")
      try await frame.command("operator", "add", "acme")
      try await frame.command("agent", "create", "acme.bob")
      try await frame.command("issue", "--amount", "1000000.00")
      for agent in ["alice", "acme.bob"] {
        try await frame.command("transfer", "--from", "frame:treasury", "--to", agent, "--amount", "1000.00")
      }

      let document = folder.appendingPathComponent("openapi.json")
      try await HTTP.get(frame.api + "/openapi.json").body.write(to: document)
      let valid = try await Finished.run(Self.python, ["-m", "openapi_spec_validator", document.path])
      #expect(valid.status == 0, "\(valid.output)\(valid.errors)")

      let tokens = [
        ("authority", try await frame.token()),
        ("operator", try await token(frame, "/api/v1/operators/acme/token")),
        ("agent", try await token(frame, "/api/v1/agents/alice/token")),
      ]
      for (role, token) in tokens {
        // In a folder of its own, where it may leave what it likes.
        let result = try await Finished.run(
          "/bin/sh",
          [
            "-c", "cd \"$0\" && exec \"$@\"", folder.path, Self.python, "-m", "schemathesis.cli", "run", document.path,
            "--url", frame.api, "--header",
            "Authorization: Bearer \(token)", "--seed", Self.seed, "--max-examples", Self.examples, "--phases",
            "examples,coverage,fuzzing", "--checks", Self.checks.joined(separator: ","), "--workers", Self.workers,
            "--generation-deterministic", "--suppress-health-check", "all",
            "--continue-on-failure", "--request-timeout", "30", "--no-color", "--warnings", "off",
          ] + Self.left.flatMap { ["--exclude-operation-id", $0] }, within: .seconds(300))
        #expect(result.status == 0, "as \(role):\n\(result.output.suffix(12_000))\n\(result.errors.suffix(2_000))")
        print("schemathesis as \(role), seed \(Self.seed):\n\(Self.summary(result.output))")
      }
      // Whatever it was asked, the books are right, and the node stops as it should.
      #expect(try await frame.command("audit", "--full")["clean"].bool == true)
      try await frame.stop()
    }

    private func token(_ frame: TestFrame, _ path: String) async throws -> String {
      let answer = try await frame.post(path, [:])
      return try #require(try answer.json()["token"].string, "\(answer.text)")
    }

    /// What was covered, from the fuzzer's own closing lines.
    private static func summary(_ output: String) -> String {
      let lines = output.split(separator: "\n").map(String.init)
      guard let start = lines.lastIndex(where: { $0.contains("SUMMARY") }) else { return lines.suffix(20).joined() }
      return lines[start...].joined(separator: "\n")
    }
  }
}
