import Foundation
import FrameCore
import FrameMetrics
import NIOCore
import NIOPosix
import FrameTesting
import Testing

@testable import FramePeering
@testable import FrameSNI

@Suite("Routes that lead back to the SNI router", .serialized, .timeLimit(.minutes(2)))
struct SNILoopTests {
  private static let interface: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff, 192, 0, 2, 7]

  private func loop(_ host: String, port: Int = 8443) -> SNILoop {
    SNILoop(
      listener: HostPort(host: host, port: port), own: [SNILoop.loopback4, SNILoop.loopback6, Self.interface])
  }

  @Test(
    "every spelling of the router's own address is found out",
    arguments: [
      "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "localhost",
      "LOCALHOST", "localhost.", "x.localhost", "ip6-localhost", "0.0.0.0", "0", "::ffff:127.0.0.1", "::ffff:7f00:1",
      "::",
    ])
  func spellings(_ host: String) {
    #expect(loop("127.0.0.1").leadsBack(HostPort(host: host, port: 8443)))
    #expect(loop("localhost").leadsBack(HostPort(host: host, port: 8443)))
    #expect(loop("0.0.0.0").leadsBack(HostPort(host: host, port: 8443)))
    #expect(!loop("127.0.0.1").leadsBack(HostPort(host: host, port: 8444)), "another port is another service")
  }

  @Test("a router on all addresses is reached by each of this machine's", arguments: ["0.0.0.0", "::"])
  func everywhere(_ listener: String) {
    for host in ["192.0.2.7", "::ffff:192.0.2.7", "127.9.9.9", "::1"] {
      #expect(loop(listener).leadsBack(HostPort(host: host, port: 8443)), "\(host)")
    }
    for host in ["192.0.2.8", "2001:db8::1", "elsewhere.example"] {
      #expect(!loop(listener).leadsBack(HostPort(host: host, port: 8443)), "\(host)")
    }
    #expect(!loop("127.0.0.1").leadsBack(HostPort(host: "192.0.2.7", port: 8443)))
  }

  @Test("a map with such a route is refused, with the name and the upstream")
  func map() {
    let listener = HostPort(host: "127.0.0.1", port: 8443)
    #expect(throws: SNIError.routeLoop("x.example", "0x7f.1:8443")) {
      try SNIMap([(name: "X.example.", upstream: HostPort(host: "0x7f.1", port: 8443))], listener: listener)
    }
  }

  /// A router whose map is made before its port is known, as a name that is looked up later would make it.
  private func running(_ limits: SNIRouter.Limits) async throws -> (
    SNIRouter, Int, MetricRegistry, Task<Void, any Error>
  ) {
    let registry = MetricRegistry()
    let router = SNIRouter(
      host: "127.0.0.1", port: 0, map: SNIMap(), limits: limits, metrics: SNIMetrics(registry))
    let task = Task { try await router.run() }
    return (router, try await router.listeningPort, registry, task)
  }

  private func count(_ registry: MetricRegistry, _ result: SNIResult) -> Double {
    for family in registry.collect() where family.descriptor.name == "frame_sni_connections_total" {
      for metric in family.metrics where metric.labels["result"] == result.rawValue {
        if case .counter(let value, _) = metric.value { return value.doubleValue }
      }
    }
    return -1
  }

  private func say(_ name: String, to port: Int) async throws -> any Channel {
    let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port).get()
    try await client.writeAndFlush(ByteBuffer(bytes: Hello.records(Hello.message([Hello.name(name)]))))
    return client
  }

  @Test("a loop that no map could show ends at its first turn: the router knows its own connections")
  func atRunTime() async throws {
    let (router, port, registry, task) = try await running(SNIRouter.Limits())
    router.reload(try SNIMap([(name: "loop.example", upstream: HostPort(host: "127.0.0.1", port: port))]))
    let client = try await say("loop.example", to: port)
    try await client.closeFuture.get()
    #expect(count(registry, .loop) == 1)
    #expect(count(registry, .joined) == 1)
    try await eventually("nothing is held") { router.openConnections == 0 }
    task.cancel()
    _ = try? await task.value
  }

  @Test("a circle through another router is bounded: an upstream that never answers keeps few connections of its name")
  func circle() async throws {
    var limits = SNIRouter.Limits()
    limits.unansweredPerNameMax = 5
    let (a, portA, registryA, taskA) = try await running(limits)
    let (b, portB, registryB, taskB) = try await running(limits)
    a.reload(try SNIMap([(name: "circle.example", upstream: HostPort(host: "127.0.0.1", port: portB))]))
    b.reload(try SNIMap([(name: "circle.example", upstream: HostPort(host: "127.0.0.1", port: portA))]))
    let client = try await say("circle.example", to: portA)
    try await client.closeFuture.get()
    #expect(count(registryA, .upstreamSilent) + count(registryB, .upstreamSilent) >= 1)
    #expect(count(registryA, .joined) + count(registryB, .joined) <= 10)
    try await eventually("nothing is held") { a.openConnections == 0 && b.openConnections == 0 }
    for task in [taskA, taskB] {
      task.cancel()
      _ = try? await task.value
    }
  }

  @Test("unfinished hellos make room for one that comes when all places are taken")
  func full() async throws {
    var limits = SNIRouter.Limits()
    (limits.connectionsMax, limits.waitingMax) = (3, 3)
    let (router, port, registry, task) = try await running(limits)
    var silent: [any Channel] = []
    for number in 1...3 {
      silent.append(
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .connect(host: "127.0.0.1", port: port).get())
      try await eventually("connection \(number) is let in") { router.openConnections == number }
    }
    let client = try await say("unknown.example", to: port)
    try await silent[0].closeFuture.get()
    try await eventually("the hello is read") { count(registry, .unknownName) == 1 }
    #expect(count(registry, .overLimit) == 0)
    #expect(router.counts.ceded == 1 && router.counts.max == 3)
    for channel in silent.dropFirst() + [client] { try? await channel.close() }
    task.cancel()
    _ = try? await task.value
  }
}
