import Foundation
import Testing

extension EndToEnd {
  /// One address for several stacks on a host: by the frame's own router, and by a real nginx with the exported map.
  @Suite("The SNI map")
  struct SNITests {
    private let names = ["one.example", "two.example"]

    @Test(
      "the router and a real nginx with the exported map route the same names, and pass unknown names to nobody",
      .timeLimit(.minutes(5)))
    func parity() async throws {
      try await withFrame { frame, folder in
        var backends: [TLSBackend] = []
        for (index, name) in names.enumerated() {
          let backend = try await TLSBackend(name, in: folder)
          backends.append(backend)
          try await frame.command(
            "operator", "add", "op\(index)", "--host", "\(name)=127.0.0.1:\(backend.port)")
        }
        try await expectRouting(frame.ports[4], unknown: .alert)
        let before = try #require(
          try await frame.metrics().value("frame_sni_connections_total", ["result": "unknown_name"]))
        #expect(before >= 1)

        let nginx = try FreePorts.take(2)
        let closing = try await export(frame, "--listen", "127.0.0.1:\(nginx[0])")
        try await NGINX.run(closing, port: nginx[0], in: folder) { try await expectRouting(nginx[0], unknown: .closed) }
        let alerting = try await export(
          frame, "--listen", "127.0.0.1:\(nginx[0])", "--alert-at", "127.0.0.1:\(nginx[1])")
        try await NGINX.run(alerting, port: nginx[0], in: folder) { try await expectRouting(nginx[0], unknown: .alert) }
        for backend in backends { try await backend.stop() }
      }
    }

    @Test("SIGHUP takes over sni.map from frame.yaml without ending a connection", .timeLimit(.minutes(5)))
    func reload() async throws {
      try await withFrame { frame, folder in
        let backend = try await TLSBackend("one.example", in: folder)
        #expect(try await TLSClient.ask(frame.ports[4], "one.example").outcome == .alert)
        try frame.configure([("sni", "map", "{one.example: \"127.0.0.1:\(backend.port)\"}")])
        kill(try #require(frame.pid), SIGHUP)
        try await Wait.polling.until("the name being routed") {
          try await TLSClient.ask(frame.ports[4], "one.example").outcome == .served("one.example")
        }
        let open = try TLSClient.Open(frame.ports[4], "one.example", in: folder)
        try await Wait.polling.until("a connection being joined") {
          try await frame.metrics().value("frame_sni_active_connections") ?? 0 >= 1
        }
        try frame.configure([("sni", "map", "{}")])
        try await frame.command("sni", "reload")
        #expect(try await TLSClient.ask(frame.ports[4], "one.example").outcome == .alert)
        #expect(open.isRunning, "a reload ends no connection")
        #expect(try await frame.metrics().value("frame_sni_active_connections") ?? 0 >= 1)
        try await open.stop()
        try await backend.stop()
      }
    }

    private func export(_ frame: TestFrame, _ options: String...) async throws -> String {
      let all = ["sni", "export", "--format", "nginx", "--data", frame.folder.path] + options
      let result = try await Finished.run(Binary.frame(), all)
      #expect(result.status == 0, "\(result.errors)")
      return result.output
    }

    private func expectRouting(_ port: Int, unknown: TLSClient.Outcome) async throws {
      for name in names {
        let answer = try await TLSClient.ask(port, name)
        #expect(answer.outcome == .served(name), "\(name): \(answer.text)")
      }
      for name in ["three.example", nil] {
        let answer = try await TLSClient.ask(port, name)
        #expect(answer.outcome == unknown, "\(name ?? "no name"): \(answer.text)")
      }
    }

    /// A frame without a canary, running, in a folder of its own.
    private func withFrame(_ body: (TestFrame, URL) async throws -> Void) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-sni-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-d.example", currency: "DVT", person: "dora", in: folder.appendingPathComponent("d"))
      try await frame.start()
      do { try await body(frame, folder) } catch {
        try? await frame.killNow()
        throw error
      }
      try await frame.stop()
    }
  }
}
