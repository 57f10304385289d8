import Foundation
import Testing

extension EndToEnd {
  @Suite("What a person types stays what it is")
  struct TypedNamesTests {
    @Test("a name with '/', '?' or '#' is one name: no command does what another one does")
    func names() async throws {
      try await TwoFrames.run { two in
        let a = two.a
        let data = ["--data", a.folder.path]
        for command in [
          ["peer", "reject", "\(two.b.name)/revoke#", "--reason", "x"],
          ["agent", "freeze", "alice/unfreeze#", "--reason", "x"],
          ["agent", "show", "alice?at_position=0"], ["agent", "show", "alice#x"], ["transfer", "show", "x?y=1"],
          ["hold", "show", "../agents/alice"], ["operator", "suspend", "acme/remove#", "--reason", "x"],
        ] {
          let answer = try await Finished.run(Binary.frame(), command + data)
          #expect(answer.status != 0, "\(command): \(answer.output)")
          #expect(!answer.errors.contains("query parameter"), "\(command): \(answer.errors)")
        }
        #expect(try await a.get("/api/v1/peers/\(two.b.name)")["state"].string == "established")
      }
    }

    @Test("a body that is no chunks is a mistake of the caller, and a configuration that is a FIFO is refused at once")
    func broken() async throws {
      try await TwoFrames.run { two in
        let (a, port) = (two.a, two.a.ports[0])
        let answer = try await Finished.run(
          "/bin/bash",
          [
            "-c",
            "exec 3<>/dev/tcp/127.0.0.1/\(port); printf 'POST /witness/add-checkpoint HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n' >&3; head -n 1 <&3",
          ])
        #expect(!answer.output.contains(" 500 "), "\(answer.output)")
        let coded = try await Finished.run(
          "/usr/bin/curl",
          [
            "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Encoding: gzip", "--data", "x",
            "\(a.api)/witness/add-checkpoint",
          ])
        #expect(coded.output == "415", "\(coded.output)")
        let fifo = a.folder.appendingPathComponent("pipe.yaml").path
        #expect(mkfifo(fifo, 0o600) == 0)
        let refused = try await Finished.run(Binary.frame(), ["serve", "--config", fifo])
        #expect(refused.status == 65 && refused.errors.contains("not a regular file"), "\(refused.errors)")
      }
    }
  }
}
