import Foundation
import Testing

extension EndToEnd {
  @Suite("frame demo")
  struct DemoTests {
    private func basePort(_ count: Int = 10) throws -> Int {
      for _ in 0..<200 {
        let base = Int.random(in: 2_000...3_180) * 10
        if (base..<base + count).allSatisfy(FreePorts.isFree) { return base }
      }
      throw FreePorts.NoneLeft()
    }

    @Test(
      "--once exits 0 after a canary round and clean audits; a second start resumes the same frames and stops at SIGTERM",
      .timeLimit(.minutes(3)))
    func demo() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-demo-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let base = try basePort()
      let arguments = ["demo", "--data", folder.path, "--base-port", "\(base)"]
      let once = try await Finished.run(Binary.frame(), arguments + ["--once"], within: .seconds(130))
      #expect(once.status == 0, "\(once.output)\n\(once.errors)")
      #expect(once.output.contains("http://127.0.0.1:\(base + 1)/metrics"))
      for port in base..<base + 10 { #expect(FreePorts.isFree(port), "nothing is left running on \(port)") }
      let identity = try identities(folder)

      let demo = try RunningProcess(Binary.frame(), arguments, output: folder.appendingPathComponent("demo.log"))
      try await Wait.polling.until("the demo being up again", within: .seconds(120)) {
        if let status = demo.status { throw TestFrame.Died(name: "demo", status: status, tail: demo.tail) }
        return demo.tail.contains("Stop with Ctrl-C")
      }
      #expect(try identities(folder) == identity, "the same frames, with the same keys")
      #expect(demo.tail.contains("established before"), "the same treaty")
      #expect(try await HTTP.get("http://127.0.0.1:\(base + 6)/metrics").status == 200)
      let status = try await demo.end(SIGTERM)
      #expect(status == 0, "\(demo.tail)")
      for port in base..<base + 10 { #expect(FreePorts.isFree(port), "nothing is left running on \(port)") }
    }

    @Test("--frames 3 makes a treaty between every two", .timeLimit(.minutes(3)))
    func three() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-demo-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let base = try basePort(15)
      let arguments = ["demo", "--data", folder.path, "--base-port", "\(base)", "--frames", "3", "--once"]
      let once = try await Finished.run(Binary.frame(), arguments, within: .seconds(130))
      #expect(once.status == 0, "\(once.output)\n\(once.errors)")
      for pair in [
        "frame-a.example and frame-b.example", "frame-a.example and frame-c.example",
        "frame-b.example and frame-c.example",
      ] { #expect(once.output.contains("treaty of \(pair) established"), "\(once.output)") }
      let tooMany = try await Finished.run(Binary.frame(), ["demo", "--frames", "5", "--data", folder.path])
      #expect(tooMany.status != 0 && tooMany.errors.contains("--frames"))
    }

    /// The keys of both frames.
    private func identities(_ folder: URL) throws -> [String: Data] {
      var found: [String: Data] = [:]
      for frame in ["frame-a", "frame-b"] {
        let keys = folder.appendingPathComponent(frame).appendingPathComponent("keys")
        for name in try FileManager.default.contentsOfDirectory(atPath: keys.path) {
          found["\(frame)/\(name)"] = try Data(contentsOf: keys.appendingPathComponent(name))
        }
      }
      return found
    }

    @Test("a port in use is one clear error that names the port and the option", .timeLimit(.minutes(5)))
    func portInUse() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-demo-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let base = try basePort()
      let listener = try #require(FreePorts.Listener(port: base + 5))
      let result = try await Finished.run(
        Binary.frame(), ["demo", "--once", "--data", folder.path, "--base-port", "\(base)"])
      withExtendedLifetime(listener) {}
      #expect(result.status == 73)
      #expect(result.errors.contains("Port \(base + 5)") && result.errors.contains("--base-port"), "\(result.errors)")
    }

    @Test("a node that dies takes the demo down with the tail of its log", .timeLimit(.minutes(5)))
    func childDies() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-demo-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let base = try basePort()
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let demo = try RunningProcess(
        Binary.frame(), ["demo", "--data", folder.path, "--base-port", "\(base)"],
        output: folder.appendingPathComponent("demo.log"))
      try await Wait.polling.until("frame-a being ready", within: .seconds(60)) {
        try await HTTP.get("http://127.0.0.1:\(base + 1)/readyz").status == 200
      }
      let child = try #require(try children(of: demo.pid).first)
      kill(child, SIGKILL)
      let status = try await Wait.polling.eventually("the demo ending", within: .seconds(20)) { demo.status }
      #expect(status == 1)
      #expect(demo.tail.contains("[node_died]") && demo.tail.contains("frame-a.example"), "\(demo.tail)")
      #expect(try children(of: demo.pid).isEmpty)
    }

    private func children(of pid: pid_t) throws -> [pid_t] {
      let tasks = "/proc/\(pid)/task"
      guard let threads = try? FileManager.default.contentsOfDirectory(atPath: tasks) else { return [] }
      return threads.flatMap { thread -> [pid_t] in
        let text = (try? String(contentsOfFile: "\(tasks)/\(thread)/children", encoding: .utf8)) ?? ""
        return text.split(separator: " ").compactMap { pid_t($0) }
      }.sorted()
    }
  }
}
