import Foundation
import NIOCore
import NIOPosix

/// An agent with a token, and a stranger without one, at their worst.
struct HostileCallers: Sendable {
  let frame: TestFrame
  /// The agent's.
  let token: String
  let counts: HostilePeer.Counts

  /// Everything at once, until it is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for lane in 0..<4 { group.addTask { await agent(lane) } }
      group.addTask { await past() }
      group.addTask { await batches() }
      for port in [frame.ports[0], frame.ports[2], frame.ports[3], frame.ports[4]] {
        group.addTask { await unfinished(port) }
      }
      group.addTask { await invitations() }
    }
  }

  private func flood(_ what: String, _ body: () async throws -> Int) async {
    while !Task.isCancelled {
      do { counts.add("\(what) \(try await body())") } catch {
        counts.add("\(what) failed")
        try? await Task.sleep(for: .milliseconds(5))
      }
    }
  }

  /// Payments under keys that no two share, good and bad.
  private func agent(_ lane: Int) async {
    await flood("transfer") {
      let bad = Bool.random()
      return try await HTTP.post(
        frame.api + "/api/v1/transfers", ["to": bad ? "nobody" : "sink", "amount": "0.01"], token: token,
        key: String(repeating: "k", count: 80) + UUID().uuidString
      ).status
    }
  }

  /// Questions about the past, each of which replays.
  private func past() async {
    await flood("past") {
      try await HTTP.get(
        frame.api + "/api/v1/agents/mallory?at_position=\(UInt64.random(in: 1...60))", token: token
      ).status
    }
  }

  private func batches() async {
    let item = #"{"to":"sink","amount":"0.01","memo":"\#(String(repeating: "m", count: 40))"}"#
    let body = "{\"transfers\":[\(Array(repeating: item, count: 500).joined(separator: ","))]}"
    await flood("batch") {
      try await HTTP.send(
        frame.api + "/api/v1/transfers/batch", body: Data(body.utf8), token: token, key: UUID().uuidString
      ).status
    }
  }

  /// Documents that are nothing, at the door for invitations; the certificate is not looked at.
  private func invitations() async {
    await flood("invitation") {
      try await HTTP.insecure(
        frame.bundleEndpoint + "/ws3/invitations", body: Data(repeating: 0x5b, count: 100_000)
      ).status
    }
  }

  /// Connections that say half a word and then nothing, as many as are let in.
  private func unfinished(_ port: Int) async {
    var open: [any Channel] = []
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.seconds(2))
    while !Task.isCancelled {
      if open.count < 200, let channel = try? await bootstrap.connect(host: "127.0.0.1", port: port).get() {
        counts.add("half-open at \(port == frame.ports[0] ? "api" : "tls")")
        var half = channel.allocator.buffer(capacity: 16)
        // The beginning of a hello, or of a request with a body that never comes.
        if port == frame.ports[0] {
          half.writeString("POST /api/v1/transfers HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{")
        } else {
          half.writeBytes([22, 3, 1, 2, 0, 1, 0])
        }
        channel.writeAndFlush(half, promise: nil)
        open.append(channel)
      } else {
        open.removeAll { !$0.isActive }
        try? await Task.sleep(for: .milliseconds(100))
      }
    }
    for channel in open { channel.close(promise: nil) }
  }
}
