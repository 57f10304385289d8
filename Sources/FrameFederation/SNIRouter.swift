import FrameCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// The map of an SNI router: every public host name and where its TLS connections go. There is no default (seed: "without
/// that the SNI falls to a default upstream and the cert chain breaks").
package struct SNIMap: Sendable, Equatable {
  package private(set) var upstreams: [String: HostPort] = [:]

  package init() {}

  /// - Throws: ``FederationError/endpointInvalid(_:)`` when a name is not a host name or is there twice.
  package init(_ entries: [(name: String, upstream: HostPort)]) throws(FederationError) {
    for (name, upstream) in entries {
      let key = name.lowercased()
      guard (1...255).contains(key.utf8.count), (try? HostPort("\(key):1")) != nil, upstreams[key] == nil else {
        throw .endpointInvalid(name)
      }
      upstreams[key] = upstream
    }
  }
}

/// One listener for all TLS services on a host: reads the name that a client asks for and joins the connection, untouched,
/// to that name's upstream. Unknown and missing names get the TLS alert `unrecognized_name`.
package final class SNIRouter: Service {
  private let host: String
  private let port: Int
  private let group: any EventLoopGroup
  private let metrics: FederationMetrics
  private let logger: Logger
  private let held: Mutex<Held>
  private let bound: EventLoopPromise<Int>

  private struct Held {
    var map: SNIMap
    var open: [ObjectIdentifier: any Channel] = [:]
    var stopping = false
  }

  package struct Limits: Sendable {
    /// From the first byte to the end of the hello.
    package var helloTimeout: Duration = .seconds(5)
    package var connectTimeout: Duration = .seconds(5)
    /// A joined connection on which nothing moves for this long is closed.
    package var idleTimeout: Duration = .seconds(3600)
    package var connectionsMax = 4096

    package init() {}
  }

  private let limits: Limits

  /// - Parameters:
  ///   - host: IP address to listen on.
  ///   - port: 0 lets the system choose, see ``listeningPort``.
  package init(
    host: String, port: Int, map: SNIMap, limits: Limits = Limits(), metrics: FederationMetrics,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger = Logger(label: "frame.sni")
  ) {
    self.host = host
    self.port = port
    self.limits = limits
    self.metrics = metrics
    self.group = group
    self.logger = logger
    self.held = Mutex(Held(map: map))
    self.bound = group.next().makePromise()
  }

  deinit { bound.fail(CancellationError()) }

  /// The port in use; waits until the listener is bound.
  package var listeningPort: Int { get async throws { try await bound.futureResult.get() } }

  /// Replaces the map. Open connections stay as they are; the next hello sees the new map.
  package func reload(_ map: SNIMap) { held.withLock { $0.map = map } }

  package func run() async throws {
    let listener: any Channel
    do {
      listener = try await ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { [self] channel in
          channel.eventLoop.makeCompletedFuture {
            guard admit(channel) else {
              metrics.sniConnections.with(SNIResult.overLimit.rawValue).increment()
              return channel.close(promise: nil)
            }
            try channel.pipeline.syncOperations.addHandler(HelloHandler(router: self, limits: limits))
          }
        }
        .bind(host: host == "localhost" ? "127.0.0.1" : host, port: port).get()
    } catch {
      bound.fail(error)
      throw error
    }
    bound.succeed(listener.localAddress?.port ?? 0)
    logger.info("The SNI router listens", metadata: ["address": "\(listener.localAddress?.description ?? host)"])
    await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        try? await listener.closeFuture.get()
      } onCancel: {
        listener.close(promise: nil)
      }
    } onGracefulShutdown: {
      listener.close(promise: nil)
    }
    let open = held.withLock { held in
      held.stopping = true
      return Array(held.open.values)
    }
    for channel in open { channel.close(promise: nil) }
  }

  private func admit(_ channel: any Channel) -> Bool {
    let admitted = held.withLock { held in
      guard !held.stopping, held.open.count < limits.connectionsMax else { return false }
      held.open[ObjectIdentifier(channel)] = channel
      return true
    }
    if admitted {
      channel.closeFuture.whenComplete { [self] _ in
        held.withLock { $0.open[ObjectIdentifier(channel)] = nil }
      }
    }
    return admitted
  }

  fileprivate func upstream(of name: String) -> HostPort? { held.withLock { $0.map.upstreams[name] } }

  fileprivate func count(_ result: SNIResult) { metrics.sniConnections.with(result.rawValue).increment() }

  /// Connects to the upstream on the client's event loop and joins the two.
  /// - Parameter collector: keeps what the client sends until the upstream is there to take it.
  fileprivate func join(
    _ client: any Channel, to upstream: HostPort, from collector: NIOLoopBound<HelloHandler>
  ) {
    let metrics = metrics
    let toUpstream = metrics.sniBytes.with("to_upstream")
    let toClient = metrics.sniBytes.with("to_client")
    let idle = TimeAmount.nanoseconds(limits.idleTimeout.nanoseconds)
    ClientBootstrap(group: client.eventLoop)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.autoRead, value: false)
      .connectTimeout(.nanoseconds(limits.connectTimeout.nanoseconds))
      .connect(host: upstream.host, port: upstream.port)
      .flatMapThrowing { server in
        // Both channels are on this event loop.
        guard client.isActive else {
          server.close(promise: nil)
          return
        }
        let (near, far) = SpliceHandler.pair(toUpstream: toUpstream, toClient: toClient, idle: idle)
        try client.pipeline.syncOperations.addHandler(near)
        // In front of `near` until now, so that nothing got past it; what comes next goes to `near`.
        let collector = collector.value
        let received = collector.handOver()
        try server.pipeline.syncOperations.addHandler(far)
        metrics.sniActive.increment()
        client.closeFuture.whenComplete { _ in metrics.sniActive.decrement() }
        self.count(.joined)
        toUpstream.increment(by: UInt64(received.readableBytes))
        server.writeAndFlush(received, promise: nil)
        near.start(inputEnded: collector.inputEnded)
        far.start()
      }
      .whenFailure { error in
        self.count(.upstreamUnreachable)
        self.logger.notice("An upstream cannot be reached", metadata: ["upstream": "\(upstream)", "error": "\(error)"])
        client.close(promise: nil)
      }
  }
}

/// Collects the hello of one connection, with a deadline and a bound, and decides where the connection goes.
private final class HelloHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What may wait for the upstream to be connected.
  private static let waitingBytesMax = 1 << 20

  private let router: SNIRouter
  private let limits: SNIRouter.Limits
  private var received = ByteBuffer()
  private var deadline: Scheduled<Void>?
  private var isDecided = false
  private var isHandedOver = false
  private(set) var inputEnded = false

  init(router: SNIRouter, limits: SNIRouter.Limits) {
    self.router = router
    self.limits = limits
  }

  func channelActive(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let boundContext = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .nanoseconds(limits.helloTimeout.nanoseconds)) {
      bound.value.refuse(boundContext.value, .timedOut)
    }
    context.fireChannelActive()
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isHandedOver else { return context.fireChannelRead(data) }
    var buffer = unwrapInboundIn(data)
    received.writeBuffer(&buffer)
    guard !isDecided else {
      // One read can bring more than the hello (early data); only an end of input makes it more than a little.
      if received.readableBytes > Self.waitingBytesMax { context.close(promise: nil) }
      return
    }
    switch ClientHello.read(received.readableBytesView) {
    case .needsMore: context.read()
    case .notTLS: refuse(context, .notTLS)
    case .malformed: refuse(context, .malformed)
    case .tooLarge: refuse(context, .tooLarge)
    case .noName: refuse(context, .missingName, alert: true)
    case .name(let name):
      guard let upstream = router.upstream(of: name) else { return refuse(context, .unknownName, alert: true) }
      decide()
      router.join(context.channel, to: upstream, from: NIOLoopBound(self, eventLoop: context.eventLoop))
    }
  }

  /// Gives what has come so far; from now on everything goes past.
  func handOver() -> ByteBuffer {
    isHandedOver = true
    defer { received = ByteBuffer() }
    return received
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed {
      inputEnded = true
      refuse(context, .closedEarly)  // Unless the hello is complete already.
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    refuse(context, .closedEarly)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    refuse(context, .closedEarly)
    context.close(promise: nil)
  }

  private func decide() {
    isDecided = true
    deadline?.cancel()
    deadline = nil
  }

  private func refuse(_ context: ChannelHandlerContext, _ result: SNIResult, alert: Bool = false) {
    guard !isDecided else { return }
    decide()
    router.count(result)
    guard alert, context.channel.isActive else { return context.close(promise: nil) }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: ClientHello.unrecognizedName)))
      .whenComplete { _ in channel.close(promise: nil) }
  }
}
