import Foundation
import Testing

extension EndToEnd {
  @Suite("The README")
  struct ReadmeTests {
    /// The shell blocks of a section, as they stand.
    private static func blocks(of section: String) throws -> [String] {
      let text = try String(contentsOf: Binary.repository.appendingPathComponent("README.md"), encoding: .utf8)
      let start = try #require(text.range(of: "\n## \(section)\n")).upperBound
      let end = text[start...].range(of: "\n## ")?.lowerBound ?? text.endIndex
      return text[start..<end].matches(of: #/```sh\n(?<code>(?s:.*?))```/#).map { String($0.output.code) }
    }

    /// Does not return by itself: it has a terminal of its own.
    private static func isServer(_ block: String) -> Bool {
      guard let last = block.split(separator: "\n").last else { return false }
      return last.hasPrefix("frame demo") || last.hasPrefix("frame serve")
    }

    @Test("a newcomer's section does what it says when it is pasted", .timeLimit(.minutes(5)))
    func paste() async throws {
      let blocks = try Self.blocks(of: "A frame of your own")
      #expect(blocks.count { Self.isServer($0) } == 2)
      #expect(blocks.count { !Self.isServer($0) } >= 3)
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-readme-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let binary = URL(fileURLWithPath: try Binary.frame()).deletingLastPathComponent().path
      // Nothing is put in between: only where it runs, and that the first command that fails ends it.
      let prelude = "set -e -o pipefail; cd '\(folder.path)'; export PATH='\(binary)':\"$PATH\"; "
      var servers: [RunningProcess] = []
      for (index, block) in blocks.filter(Self.isServer).enumerated() {
        // The shell makes room for the server, so that what ends is the server.
        var lines = block.split(separator: "\n").map(String.init)
        let last = lines.removeLast()
        let script = prelude + "\n" + lines.joined(separator: "\n") + "\nexec \(last)"
        let server = try RunningProcess(
          "/bin/bash", ["-c", script], output: folder.appendingPathComponent("terminal-\(index)"))
        servers.append(server)
        let mark = last.hasPrefix("frame demo") ? "Stop with Ctrl-C" : "The frame is ready"
        try await Wait.polling.until("'\(last)' being up", within: .seconds(120)) {
          if let status = server.status { throw TestFrame.Died(name: last, status: status, tail: server.tail) }
          return (try String(contentsOf: server.output, encoding: .utf8)).contains(mark)
        }
      }
      // One terminal: what a block sets is there for the next.
      let script = prelude + "\n" + blocks.filter { !Self.isServer($0) }.joined(separator: "\n")
      let result = try await Finished.run("/bin/bash", ["-c", script], within: .seconds(150))
      #expect(result.status == 0, "\(result.output)\n\(result.errors)")
      #expect(result.output.contains("completed"), "the 2pc transfer: \(result.output)")
      #expect(result.output.contains("clean"), "the audit: \(result.output)")
      for server in servers.reversed() { _ = try await server.end(SIGTERM, within: .seconds(30)) }
    }
  }
}
