import Foundation
import FrameCore
import FrameIdentity
import FrameMetrics
import NIOCore
import NIOPosix
import FrameTesting
import Testing

@testable import FrameTreaty
@testable import FramePeering
@testable import FrameSNI

@Suite("SNI router", .serialized, .timeLimit(.minutes(5)))
struct SNIRouterTests {
  /// A router that runs, and what it counts.
  private struct Running: Sendable {
    let router: SNIRouter
    let port: Int
    let registry: MetricRegistry
    let task: Task<Void, any Error>

    init(_ map: [(String, HostPort)], limits: SNIRouter.Limits = .patient) async throws {
      registry = MetricRegistry()
      let router = SNIRouter(
        host: "127.0.0.1", port: 0, map: try SNIMap(map.map { (name: $0.0, upstream: $0.1) }), limits: limits,
        metrics: SNIMetrics(registry))
      self.router = router
      task = Task { try await router.run() }
      port = try await router.listeningPort
    }

    func count(_ result: SNIResult) -> Double {
      for family in registry.collect() where family.descriptor.name == "frame_sni_connections_total" {
        for metric in family.metrics where metric.labels["result"] == result.rawValue {
          if case .counter(let value, _) = metric.value { return value.doubleValue }
        }
      }
      return -1
    }

    /// Connections whose hello is not complete.
    var waiting: Double {
      for family in registry.collect() where family.descriptor.name == "frame_sni_waiting_connections" {
        for metric in family.metrics { if case .gauge(let value) = metric.value { return value.doubleValue } }
      }
      return -1
    }

    /// Connections that the router holds.
    var open: Int { router.openConnections }

    func stop() async {
      task.cancel()
      _ = try? await task.value
    }
  }

  /// Sends the chunks, each in a segment of its own, and returns all that comes back until the end.
  private func exchange(_ port: Int, _ chunks: [[UInt8]], closeOutput: Bool = false) async throws -> [UInt8] {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.socketOption(.init(rawValue: 1)), value: 0)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      for chunk in chunks { try await outbound.write(ByteBuffer(bytes: chunk)) }
      if closeOutput { outbound.finish() }
      var received: [UInt8] = []
      do {
        for try await buffer in inbound { received += Array(buffer.readableBytesView) }
      } catch is IOError {
        // The router may reset what it refuses.
      }
      return received
    }
  }

  private let unrecognizedName: [UInt8] = [21, 3, 3, 0, 2, 2, 112]

  @Test("names are found, and TLS passes through untouched: the client verifies the upstream's own SVID")
  func passThrough() async throws {
    let a = try await TestFrame(Names.a)
    let running = try await Running([("localhost", HostPort(host: "127.0.0.1", port: a.ports.1))])
    let answer = try await EndpointClient(timeout: .seconds(60)).get(
      EndpointURL("https://localhost:\(running.port)/"),
      profile: .spiffe(a.authority.bundle, expecting: .node(of: a.id)))
    #expect(answer.status == 200)
    #expect(running.count(.joined) == 1)
    await running.stop()
    await a.stop()
  }

  @Test("two frames federate and call each other with the router as the one path between them")
  func federation() async throws {
    let running = try await Running([])
    let through = HostPort(host: "127.0.0.1", port: running.port)
    let a = try await TestFrame(Names.a, routing: { _, _ in through })
    let b = try await TestFrame(Names.b, routing: { _, _ in through })
    running.router.reload(
      try SNIMap([
        (name: "frame-a.example", upstream: HostPort(host: "127.0.0.1", port: a.ports.0)),
        (name: "frame-b.example", upstream: HostPort(host: "127.0.0.1", port: b.ports.0)),
      ]))
    try await TestFrame.federate(a, b)
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(60))
    _ = try await b.channels.credit(a.id, terms("t"), timeout: .seconds(60))
    let before = running.count(.joined)
    // A reload that forgets a name does not touch open connections.
    running.router.reload(SNIMap())
    _ = try await a.channels.credit(b.id, terms("u"), timeout: .seconds(60))
    #expect(running.count(.joined) == before)
    for frame in [a, b] { await frame.stop() }
    await running.stop()
  }

  @Test("an unknown name and a missing name get the alert unrecognized_name, never an upstream")
  func unknown() async throws {
    let running = try await Running([("known.example", HostPort(host: "127.0.0.1", port: 1))])
    let hello = Hello.records(Hello.message([Hello.name("unknown.example")]))
    #expect(try await exchange(running.port, [hello]) == unrecognizedName)
    #expect(try await exchange(running.port, hello.map { [$0] }) == unrecognizedName)
    #expect(try await exchange(running.port, [Hello.records(Hello.message([]))]) == unrecognizedName)
    #expect(running.count(.unknownName) == 2)
    #expect(running.count(.missingName) == 1)
    #expect(running.count(.joined) == 0)
    await running.stop()
  }

  @Test("bytes that are not TLS, endless hellos and half hellos are refused without an answer")
  func garbage() async throws {
    let known = [("known.example", HostPort(host: "127.0.0.1", port: 1))]
    let running = try await Running(known)
    #expect(try await exchange(running.port, [Array("GET / HTTP/1.1\r\nHost: known.example\r\n\r\n".utf8)]).isEmpty)
    let endless = Hello.records(Hello.message([(65_000, Array(repeating: 0, count: 40_000))]), size: 64)
    #expect(try await exchange(running.port, [endless]).isEmpty)
    let half = Array(Hello.records(Hello.message([Hello.name("known.example")])).dropLast(3))
    #expect(try await exchange(running.port, [half], closeOutput: true).isEmpty)
    #expect(running.count(.notTLS) == 1)
    #expect(running.count(.tooLarge) == 1)
    #expect(running.count(.closedEarly) == 1)
    await running.stop()
    var limits = SNIRouter.Limits.patient
    limits.helloTimeout = .milliseconds(200)
    let hasty = try await Running(known, limits: limits)
    #expect(try await exchange(hasty.port, [half]).isEmpty)
    #expect(hasty.count(.timedOut) == 1)
    await hasty.stop()
  }

  @Test("B21: when too many say nothing the one that has waited longest goes, and who sends its hello is heard")
  func crowd() async throws {
    var limits = SNIRouter.Limits.patient
    limits.waitingMax = 4
    let running = try await Running([("known.example", HostPort(host: "127.0.0.1", port: 1))], limits: limits)
    var silent: [any Channel] = []
    for number in 1...4 {
      silent.append(
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .connect(host: "127.0.0.1", port: running.port).get())
      // Let in on event loops of their own: only one after the other do they come in order.
      try await eventually("connection \(number) is let in") { running.waiting == Double(number) }
    }
    let hello = Hello.records(Hello.message([Hello.name("unknown.example")]))
    #expect(try await exchange(running.port, [hello]) == unrecognizedName)
    // The first of the silent ones had to go for it.
    try await silent[0].closeFuture.get()
    #expect(running.count(.crowdedOut) == 1)
    #expect(running.count(.overLimit) == 0)
    #expect(silent[3].isActive)
    for channel in silent.dropFirst() { try await channel.close() }
    await running.stop()
  }

  @Test("the alert reaches a client that has sent much more than its hello, and one that never closes is closed")
  func linger() async throws {
    let hello = Hello.records(Hello.message([Hello.name("unknown.example")]))
    let early = Array(repeating: UInt8(23), count: 200_000)
    let patient = try await Running([])
    #expect(try await exchange(patient.port, [hello + early]) == unrecognizedName)
    await patient.stop()
    var limits = SNIRouter.Limits.patient
    limits.lingerTimeout = .milliseconds(200)
    let running = try await Running([], limits: limits)
    // Half-open: it reads the end and says nothing more, but keeps its own side open.
    let collected = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: ByteBuffer.self)
    let client = try await ClientBootstrap(group: collected.futureResult.eventLoop)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(CollectHandler(collected))
        }
      }
      .connect(host: "127.0.0.1", port: running.port).get()
    try await client.writeAndFlush(ByteBuffer(bytes: hello))
    // It may not have been let in yet: open connections alone do not say that it was.
    try await eventually("the router lets go of it") { running.count(.unknownName) == 1 && running.open == 0 }
    try? await client.close()
    #expect(Array(try await collected.futureResult.get().readableBytesView) == unrecognizedName)
    await running.stop()
  }

  @Test("a joined pair on which nothing moves is closed")
  func idle() async throws {
    let quiet = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(quiet.localAddress?.port)
    var limits = SNIRouter.Limits.patient
    limits.idleTimeout = .milliseconds(200)
    let running = try await Running([("known.example", HostPort(host: "127.0.0.1", port: port))], limits: limits)
    let hello = Hello.records(Hello.message([Hello.name("known.example")]))
    #expect(try await exchange(running.port, [hello]).isEmpty)
    #expect(running.count(.joined) == 1)
    try await quiet.close()
    await running.stop()
  }

  @Test("a known name whose upstream is down is closed and counted")
  func down() async throws {
    // A port that was free a moment ago.
    let probe = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(probe.localAddress?.port)
    try await probe.close()
    let running = try await Running([("known.example", HostPort(host: "127.0.0.1", port: port))])
    let hello = Hello.records(Hello.message([Hello.name("known.example")]))
    #expect(try await exchange(running.port, [hello]).isEmpty)
    #expect(running.count(.upstreamUnreachable) == 1)
    await running.stop()
  }

  @Test("many megabytes pass both ways through a slow reader, and half-close reaches the other side")
  func bulk() async throws {
    let echo = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EchoHandler()) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(echo.localAddress?.port)
    let running = try await Running([("known.example", HostPort(host: "127.0.0.1", port: port))])
    let hello = Hello.records(Hello.message([Hello.name("known.example")]))
    let block = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let bytes = Array(repeatElement(block, count: 64).joined())
    let collected = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: ByteBuffer.self)
    let client = try await ClientBootstrap(group: collected.futureResult.eventLoop)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(CollectHandler(collected))
        }
      }
      .connect(host: "127.0.0.1", port: running.port).get()
    for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
      client.writeAndFlush(
        ByteBuffer(bytes: (start == 0 ? hello : []) + bytes[start..<(start + (1 << 20))]), promise: nil)
    }
    try await client.writeAndFlush(ByteBuffer())
    try await client.close(mode: .output)
    let received = try await collected.futureResult.get().readableBytesView
    #expect(received.count == hello.count + bytes.count)
    let isSame = received.dropFirst(hello.count).elementsEqual(bytes)
    #expect(isSame)
    try await echo.close()
    await running.stop()
  }

  @Test("a name that must stop now is cut: its connections end, joined or about to be, and no others")
  func cut() async throws {
    let quiet = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let upstream = HostPort(host: "127.0.0.1", port: try #require(quiet.localAddress?.port))
    let running = try await Running([("stops.example", upstream), ("stays.example", upstream)])
    var clients: [any Channel] = []
    for name in ["stops.example", "stays.example", "STOPS.example"] {
      let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: running.port).get()
      try await client.writeAndFlush(ByteBuffer(bytes: Hello.records(Hello.message([Hello.name(name)]))))
      clients.append(client)
    }
    try await eventually("all are joined") { running.count(.joined) == 3 }
    let rest = try SNIMap([(name: "stays.example", upstream: upstream)])
    // A name that the map still has is not cut, whoever asks for it.
    #expect(running.router.reload(rest, cutting: ["stops.example", "stays.example"]) == 2)
    try await clients[0].closeFuture.get()
    try await clients[2].closeFuture.get()
    #expect(clients[1].isActive)
    // The router learns of an end that it has brought about a moment after the client.
    try await eventually("what was cut is no longer held") { running.open == 1 }
    #expect(running.router.reload(rest, cutting: ["stops.example"]) == 0)
    try await clients[1].close()
    try await eventually("nothing is held") { running.open == 0 }
    try await quiet.close()
    await running.stop()
  }

  @Test("the export for nginx names every upstream once, defaults no name to one, and quotes words of nginx's own")
  func nginx() throws {
    let up = HostPort(host: "127.0.0.1", port: 9443)
    let map = try SNIMap([
      (name: "a.example", upstream: up), (name: "b.example", upstream: up),
      (name: "default", upstream: HostPort(host: "::1", port: 9444)),
    ])
    let text = map.nginx(listen: HostPort(host: "0.0.0.0", port: 443), refusal: .close)
    #expect(text.ranges(of: "server 127.0.0.1:9443;").count == 1)
    #expect(text.contains("server [::1]:9444;"))
    #expect(text.contains("\"\\default\" frame_upstream_"), "\(text)")
    #expect(!text.contains("    default "))
    let alert = map.nginx(
      listen: HostPort(host: "0.0.0.0", port: 443), refusal: .alert(HostPort(host: "127.0.0.1", port: 8445)))
    #expect(alert.contains("    default 127.0.0.1:8445;") && alert.contains("ssl_reject_handshake on;"))
  }

  @Test("a map with a name twice or a name that is none is refused")
  func maps() {
    let up = HostPort(host: "127.0.0.1", port: 1)
    #expect(throws: SNIError.self) {
      try SNIMap([(name: "A.example", upstream: up), (name: "a.example", upstream: up)])
    }
    #expect(throws: SNIError.self) { try SNIMap([(name: "", upstream: up)]) }
    #expect(throws: SNIError.self) { try SNIMap([(name: "a b", upstream: up)]) }
  }
}

extension SNIRouter.Limits {
  /// Time enough on any machine, for tests that are not about time.
  fileprivate static var patient: Self {
    var limits = Self()
    limits.helloTimeout = .seconds(600)
    limits.connectTimeout = .seconds(600)
    limits.lingerTimeout = .seconds(600)
    return limits
  }
}

/// Sends back what it gets, and its end too.
private final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else { return }
    let channel = context.channel
    // The last write: closing earlier would drop what is waiting before it.
    context.writeAndFlush(NIOAny(ByteBuffer())).whenComplete { _ in channel.close(mode: .output, promise: nil) }
  }
}

/// Gives what it got when the other side has ended.
private final class CollectHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let promise: EventLoopPromise<ByteBuffer>
  private var received = ByteBuffer()

  init(_ promise: EventLoopPromise<ByteBuffer>) { self.promise = promise }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    received.writeBuffer(&buffer)
  }

  func channelInactive(context: ChannelHandlerContext) { promise.succeed(received) }
}
