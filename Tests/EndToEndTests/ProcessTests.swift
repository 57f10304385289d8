import Foundation
import FrameNode
import Testing

extension EndToEnd {
  /// How the process behaves towards who reads it, stops it, or crowds it.
  @Suite("Process manners")
  struct ProcessTests {
    /// Runs a command whose stdout or stderr is a given descriptor.
    private func run(
      _ arguments: [String], output: FileHandle? = nil, errors: FileHandle? = nil
    ) async throws -> (status: Int32, output: String, errors: String) {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-pipe-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let (out, err) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("err"))
      for file in [out, err] { try Data().write(to: file) }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: try Binary.frame())
      process.arguments = arguments
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try output ?? FileHandle(forWritingTo: out)
      process.standardError = try errors ?? FileHandle(forWritingTo: err)
      try process.run()
      try await Wait.polling.until("frame \(arguments) ending", within: .seconds(10)) { !process.isRunning }
      let status =
        process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
      return (
        status, try String(contentsOf: out, encoding: .utf8), try String(contentsOf: err, encoding: .utf8)
      )
    }

    /// The writing end of a pipe that nobody reads any more.
    private func closedPipe() throws -> FileHandle {
      let pipe = Pipe()
      try pipe.fileHandleForReading.close()
      return pipe.fileHandleForWriting
    }

    private func withFrame(_ body: (TestFrame) async throws -> Void) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "frame-p-\(UUID().uuidString.prefix(8))")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try await body(
        try await TestFrame(
          name: "frame-p.example", currency: "PVT", person: "pia", in: folder.appendingPathComponent("p")))
    }

    @Test("a command whose reader has gone ends quietly, as every tool of a pipe; a full disk is one clear error")
    func closedOutput() async throws {
      try await withFrame { frame in
        try await frame.start()
        let data = ["--data", frame.folder.path]
        let commands = [
          ["version"], ["metrics", "list"] + data, ["metrics", "list", "--json"] + data, ["agent", "list"] + data,
          ["audit"] + data, ["log", "checkpoint"] + data, ["sni", "export"] + data, ["sni", "list"] + data,
        ]
        for command in commands {
          let piped = try await run(command, output: try closedPipe())
          #expect(piped.status == -SIGPIPE, "\(command)")
          #expect(piped.errors.isEmpty, "\(command): \(piped.errors)")
          let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
          let unwritten = try await run(command, output: full)
          #expect(unwritten.status == 69, "\(command)")
          #expect(unwritten.errors.contains("output_failed"), "\(command): \(unwritten.errors)")
          #expect(unwritten.errors.split(separator: "\n").count == 1, "\(command): \(unwritten.errors)")
        }
        let help = try await run(["--help"], output: try closedPipe())
        #expect(help.errors.isEmpty, "\(help.errors)")
        // Errors that nobody can read leave the exit code as it is.
        let refused = try await run(["agent", "show", "nobody"] + data, errors: try closedPipe())
        #expect(refused.status > 0, "\(refused.status)")
        try await frame.stop()
      }
    }

    @Test("a process that crashes says no more than that: no registers, no stack, no core")
    func crash() async throws {
      try await withFrame { frame in
        try await frame.start()
        let pid = try #require(frame.pid)
        let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").filter { $0 == "0" }.count == 2, "\(core)")
        for number in [SIGILL, SIGSEGV, SIGABRT, SIGTRAP] {
          if number != SIGILL { try await frame.start() }
          let before = frame.tail
          kill(try #require(frame.pid), number)
          #expect(try await frame.ended() == -number)
          #expect(
            !frame.tail.contains("Registers") && !frame.tail.contains("Crash"), "\(frame.tail.dropFirst(before.count))")
        }
      }
    }

    @Test("a node whose stderr nobody reads starts, serves and stops")
    func unreadErrors() async throws {
      try await withFrame { frame in
        let pipe = Pipe()
        // Full before the node writes its first line.
        let end = pipe.fileHandleForWriting.fileDescriptor
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
        let block = [UInt8](repeating: 0x2e, count: 4096)
        while write(end, block, block.count) > 0 {}
        _ = fcntl(end, F_SETFL, 0)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Binary.frame())
        process.arguments = ["serve", "--config", frame.configurationFile.path, "--log-level", "trace"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = pipe.fileHandleForWriting
        try process.run()
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        try await Wait.polling.until("the node becoming ready") {
          try await HTTP.get(frame.ops + "/readyz").status == 200
        }
        try await frame.command("agent", "create", "pia")
        let metrics = try await frame.metrics()
        #expect(metrics.value("frame_stderr_lines_total", ["result": "dropped"]) != nil)
        #expect(metrics.value("frame_stderr_lines_total", ["result": "written"]) == 0)
        kill(process.processIdentifier, SIGTERM)
        try await Wait.polling.until("the node ending", within: .seconds(15)) { !process.isRunning }
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
        withExtendedLifetime(pipe) {}
      }
    }

    @Test("a stop that takes too long ends with an exit code and a line that says what it waited for")
    func overdue() async throws {
      try await withFrame { frame in
        try await frame.start(options: ["--stop-seconds", "0"])
        kill(try #require(frame.pid), SIGTERM)
        #expect(try await frame.ended() == 70)
        #expect(frame.tail.contains("[shutdown_overdue]"), "\(frame.tail)")
        #expect(frame.tail.contains("WriterService"), "it names what still ran: \(frame.tail)")
      }
    }

    @Test("told to stop, and to read its configuration again, at any moment of its start, a node ends in order")
    func early() async throws {
      try await withFrame { frame in
        for line in ["log is open", "The frame starts", "listens"] {
          let before = frame.wholeLog.count
          try frame.launch()
          try await Wait.polling.until(line) { frame.wholeLog.dropFirst(before).contains(line) }
          let pid = try #require(frame.pid)
          kill(pid, SIGHUP)
          kill(pid, SIGTERM)
          #expect(try await frame.ended() == 0, "after '\(line)': \(frame.tail)")
          #expect(frame.wholeLog.dropFirst(before).contains("Told to stop"), "\(frame.tail)")
        }
      }
    }

    private static let python = ProcessInfo.processInfo.environment["FRAME_TEST_PYTHON"] ?? "python3"

    /// Opens many connections, says a little on each, and keeps them until it is killed.
    private static let crowd = """
      import resource, socket, sys, time
      port, count, words = int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3])
      soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
      resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
      held = []
      for _ in range(count):
          s = socket.create_connection(("127.0.0.1", port), 10)
          s.sendall(words)
          held.append(s)
      print("HELD", flush=True)
      time.sleep(600)
      """

    @Test("with 1,024 descriptors a crowd at one listener takes its share, and the others and the log have theirs")
    func descriptors() async throws {
      try await withFrame { frame in
        try await frame.start(descriptors: 1024)
        #expect(frame.tail.contains("raise the limit"), "the start says that the limit is low: \(frame.tail)")
        let script = frame.folder.appendingPathComponent("crowd.py")
        try Data(Self.crowd.utf8).write(to: script)
        // The API port, then the SNI port: silent connections, and hellos that do not end.
        var crowds: [RunningProcess] = []
        for (index, (port, words)) in [(frame.ports[0], ""), (frame.ports[4], "1603010200"), (frame.ports[3], "16")]
          .enumerated()
        {
          let output = frame.folder.appendingPathComponent("crowd-\(index).log")
          let crowd = try RunningProcess(
            "/usr/bin/env", [Self.python, script.path, "\(port)", "1200", words], output: output)
          crowds.append(crowd)
          try await Wait.polling.until("the crowd at \(port)", within: .seconds(60)) {
            try String(contentsOf: output, encoding: .utf8).contains("HELD") || crowd.status != nil
          }
        }
        for number in 0..<5 {
          try await frame.command("agent", "create", "a\(number)")
          #expect(try await HTTP.get(frame.api + "/api/v1/log/checkpoint").status == 200)
        }
        let backup = frame.folder.deletingLastPathComponent().appendingPathComponent("backup").path
        try await frame.run("backup", "--data", frame.folder.path, "--to", backup)
        let metrics = try await frame.metrics()
        #expect(metrics.value("process_max_fds") == 1024)
        #expect((metrics.value("process_open_fds") ?? 1024) < 900)
        for listener in ["api", "sni", "bundle"] {
          let open = try #require(metrics.value("frame_listener_open_connections", ["listener": listener]))
          #expect(open <= metrics.value("frame_listener_max_connections", ["listener": listener]) ?? 0, "\(listener)")
        }
        #expect(metrics.value("frame_listener_connections_total", ["listener": "api", "result": "ceded"]) ?? 0 > 0)
        for crowd in crowds { try await crowd.end(SIGKILL) }
        try await frame.stop()
      }
    }

    @Test("a limit that is too low for a node is one clear error")
    func tooFewDescriptors() async throws {
      try await withFrame { frame in
        let result = try await Finished.run(
          "/bin/sh",
          ["-c", "ulimit -n 100; exec \"$0\" serve --config \"$1\"", try Binary.frame(), frame.configurationFile.path])
        #expect(result.status != 0)
        #expect(result.errors.contains("[descriptors_too_few]"), "\(result.errors)")
      }
    }

    /// Sends bytes to a listener and gives what comes back until it ends or a second passes.
    private static let exchange = """
      import socket, sys
      s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
      s.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
      s.settimeout(1)
      got = b""
      try:
          while True:
              more = s.recv(65536)
              if not more: break
              got += more
      except socket.timeout:
          pass
      sys.stdout.buffer.write(got)
      """

    @Test("who expects to be told to go on is told, and a body that is too large is refused before it is sent")
    func expectations() async throws {
      try await withFrame { frame in
        try await frame.start()
        func send(_ port: Int, _ text: String) async throws -> String {
          try await Finished.run("/usr/bin/env", [Self.python, "-c", Self.exchange, "\(port)", text]).output
        }
        let head = #"POST /api/v1/transfers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"#
        let told = try await send(frame.ports[0], head + #"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"#)
        #expect(told.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n"), "\(told)")
        for expectation in ["", #"Expect: 100-continue\r\n"#] {
          let refused = try await send(frame.ports[0], head + expectation + #"Content-Length: 2097152\r\n\r\n"#)
          #expect(refused.hasPrefix("HTTP/1.1 413 "), "\(refused)")
          #expect(refused.contains("application/problem+json") && refused.contains("body_too_large"), "\(refused)")
          #expect(refused.lowercased().contains("connection: close"), "\(refused)")
        }
        let large = try await send(
          frame.ports[0],
          #"POST /api/v1/transfers/batch HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"#
        )
        #expect(large.hasPrefix("HTTP/1.1 100 "), "a route that takes more says so: \(large)")
        let ops = try await send(frame.ports[1], #"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"#)
        #expect(ops.hasPrefix("HTTP/1.1 405 ") && ops.lowercased().contains("allow: get, head"), "\(ops)")
        try await frame.stop()
      }
    }
  }
}
