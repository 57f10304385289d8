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

  /// - Parameters:
  ///   - entries: names in any spelling.
  ///   - listener: the router's own; nil when there is none.
  /// - Throws: ``SNIError/nameInvalid(_:)`` when a name is not a host name or is there twice,
  ///   ``SNIError/routeLoop(_:_:)`` when an upstream is the router itself.
  package init(_ entries: [(name: String, upstream: HostPort)], listener: HostPort? = nil) throws(SNIError) {
    let loop = listener.map { SNILoop(listener: $0) }
    for (name, upstream) in entries {
      guard let key = (try? HostName(name))?.text, upstreams[key] == nil else { throw .nameInvalid(name) }
      if let loop, loop.leadsBack(upstream) { throw .routeLoop(key, upstream.description) }
      upstreams[key] = upstream
    }
  }

  /// Whether a connection to `upstream` would come back to the router that listens at `listener`.
  package static func leadsBack(_ upstream: HostPort, to listener: HostPort) -> Bool {
    SNILoop(listener: listener).leadsBack(upstream)
  }
}

/// One listener for all TLS services on a host: reads the name that a client asks for and joins the connection, untouched,
/// to that name's upstream. Unknown and missing names get the TLS alert `unrecognized_name`.
package final class SNIRouter: Service {
  private let host: String
  private let port: Int
  private let group: any EventLoopGroup
  private let metrics: SNIMetrics
  private let logger: Logger
  private let held: Mutex<State>
  /// By upstream of the map: anybody who connects could fill the log otherwise.
  private let outages = Mutex<[String: Outage]>([:])
  private let bound: EventLoopPromise<Int>

  private struct State {
    var map: SNIMap
    var open: [ObjectIdentifier: any Channel] = [:]
    /// Connections that were let in, by the name that they asked for.
    var routed: [String: [ObjectIdentifier: any Channel]] = [:]
    /// Of those, the ones whose upstream has not said a word yet.
    var unanswered: [String: Set<ObjectIdentifier>] = [:]
    /// Our ends of the connections to upstreams: who comes from one of them is ourselves.
    var outgoing: [SNILoop.Place: ObjectIdentifier] = [:]
    var accepted: UInt64 = 0
    var refused: UInt64 = 0
    var ceded: UInt64 = 0
    /// Connections whose hello is not complete, by the order in which they came, and the first number that may be there.
    var waiting: [UInt64: any Channel] = [:]
    var oldest: UInt64 = 0
    var next: UInt64 = 0
    var stopping = false
  }

  package struct Limits: Sendable {
    /// From the first byte to the end of the hello.
    package var helloTimeout: Duration = .seconds(5)
    package var connectTimeout: Duration = .seconds(5)
    /// A joined connection on which nothing moves for this long is closed.
    package var idleTimeout: Duration = .seconds(3600)
    package var connectionsMax = 4096
    /// Connections whose hello is not complete. One more, and the oldest of them goes: who sends its hello at once is let in
    /// however many others say nothing.
    package var waitingMax = 1024
    /// Connections under one name whose upstream has not answered. A circle through other routers never answers: it ends here.
    package var unansweredPerNameMax = 128
    /// How long a refused client may take to read its alert.
    package var lingerTimeout: Duration = .seconds(1)

    package init() {}
  }

  private let limits: Limits

  /// - Parameters:
  ///   - host: IP address to listen on.
  ///   - port: 0 lets the system choose, see ``listeningPort``.
  package init(
    host: String, port: Int, map: SNIMap, limits: Limits = Limits(), metrics: SNIMetrics,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger = Logger(label: "frame.sni")
  ) {
    self.host = host
    self.port = port
    self.limits = limits
    self.metrics = metrics
    self.group = group
    self.logger = logger
    self.held = Mutex(State(map: map))
    metrics.routes.set(map.upstreams.count)
    self.bound = group.next().makePromise()
  }

  deinit { bound.fail(CancellationError()) }

  /// The port in use; waits until the listener is bound.
  package var listeningPort: Int { get async throws { try await bound.futureResult.get() } }

  /// Connections that are open now, joined or not.
  var openConnections: Int { held.withLock { $0.open.count } }

  /// Its connections; each joined one has two ends.
  package var counts: SharedPlaces.Counts {
    held.withLock { held in
      var counts = SharedPlaces.Counts()
      counts.taken = held.open.count
      counts.max = limits.connectionsMax
      counts.accepted = held.accepted
      counts.refused = held.refused
      counts.ceded = held.ceded
      return counts
    }
  }

  /// Replaces the map. Open connections stay as they are; the next hello sees the new map.
  package func reload(_ map: SNIMap) {
    held.withLock { $0.map = map }
    metrics.routes.set(map.upstreams.count)
  }

  /// Replaces the map and ends the connections that were let in under names which it no longer has and `names` lists: those
  /// of somebody whose traffic must stop now.
  /// - Returns: how many connections are ended.
  @discardableResult
  package func reload(_ map: SNIMap, cutting names: Set<String>) -> Int {
    let cut = held.withLock { held -> [any Channel] in
      held.map = map
      return names.filter { map.upstreams[$0] == nil }.flatMap { held.routed[$0].map { Array($0.values) } ?? [] }
    }
    metrics.routes.set(map.upstreams.count)
    for channel in cut { channel.close(promise: nil) }
    return cut.count
  }

  package func run() async throws {
    let listener: any Channel
    do {
      listener = try await ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        // A peer that is gone without a word is found out by the kernel.
        .childChannelOption(.socketOption(.so_keepalive), value: 1)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { [self] channel in
          channel.eventLoop.makeCompletedFuture {
            guard let ticket = admit(channel) else {
              count(.overLimit)
              return channel.close(promise: nil)
            }
            try channel.pipeline.syncOperations.addHandler(HelloHandler(router: self, ticket: ticket, limits: limits))
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

  /// - Returns: the connection's number among those that wait, nil when it is one too many.
  private func admit(_ channel: any Channel) -> UInt64? {
    let (ticket, crowdedOut) = held.withLock { held -> (UInt64?, (any Channel)?) in
      guard !held.stopping else { return (nil, nil) }
      var crowdedOut: (any Channel)?
      if held.open.count >= limits.connectionsMax {
        // Who has not even said hello makes room for who may.
        crowdedOut = Self.takeOldest(&held)
        guard crowdedOut != nil else {
          held.refused += 1
          return (nil, nil)
        }
      }
      held.accepted += 1
      held.open[ObjectIdentifier(channel)] = channel
      let ticket = held.next
      held.next += 1
      held.waiting[ticket] = channel
      if crowdedOut == nil, held.waiting.count > limits.waitingMax { crowdedOut = Self.takeOldest(&held) }
      if crowdedOut != nil { held.ceded += 1 }
      metrics.waiting.set(held.waiting.count)
      return (ticket, crowdedOut)
    }
    // On its own event loop; its handler says why.
    crowdedOut?.pipeline.fireUserInboundEventTriggered(HelloHandler.CrowdedOut())
    guard let ticket else { return nil }
    channel.closeFuture.whenComplete { [self] _ in
      held.withLock { $0.open[ObjectIdentifier(channel)] = nil }
      endWaiting(ticket)
    }
    return ticket
  }

  private static func takeOldest(_ held: inout State) -> (any Channel)? {
    while held.oldest < held.next {
      defer { held.oldest += 1 }
      if let channel = held.waiting.removeValue(forKey: held.oldest) { return channel }
    }
    return nil
  }

  /// The hello is complete, or will not be.
  func endWaiting(_ ticket: UInt64) {
    held.withLock { held in
      held.waiting[ticket] = nil
      metrics.waiting.set(held.waiting.count)
    }
  }

  /// Where a connection that asks for `name` goes. From here on it counts as that name's.
  /// - Throws: an ``SNIRefusal``.
  func route(_ client: any Channel, to name: String) throws(SNIRefusal) -> HostPort {
    let id = ObjectIdentifier(client)
    let from = SNILoop.Place(client.remoteAddress)
    let answer = held.withLock { held -> Result<HostPort, SNIRefusal> in
      guard let upstream = held.map.upstreams[name] else { return .failure(SNIRefusal(result: .unknownName)) }
      // Its bytes came through us, so we know our own end of it by now.
      if let from, held.outgoing[from] != nil {
        return .failure(SNIRefusal(result: .loop))
      }
      guard held.unanswered[name]?.count ?? 0 < limits.unansweredPerNameMax else {
        return .failure(SNIRefusal(result: .upstreamSilent))
      }
      held.routed[name, default: [:]][id] = client
      held.unanswered[name, default: []].insert(id)
      return .success(upstream)
    }
    let upstream = try answer.get()
    client.closeFuture.whenComplete { [self] _ in
      held.withLock { held in
        held.routed[name]?[id] = nil
        if held.routed[name]?.isEmpty == true { held.routed[name] = nil }
        Self.answered(&held, name, id)
      }
    }
    return upstream
  }

  private static func answered(_ held: inout State, _ name: String, _ client: ObjectIdentifier) {
    held.unanswered[name]?.remove(client)
    if held.unanswered[name]?.isEmpty == true { held.unanswered[name] = nil }
  }

  /// Our end of a connection to an upstream, as long as that is open.
  private func remember(_ server: any Channel) {
    guard let address = SNILoop.Place(server.localAddress) else { return }
    let id = ObjectIdentifier(server)
    held.withLock { $0.outgoing[address] = id }
    server.closeFuture.whenComplete { [self] _ in
      held.withLock { held in if held.outgoing[address] == id { held.outgoing[address] = nil } }
    }
  }

  func count(_ result: SNIResult) { metrics.connections.with(result.rawValue).increment() }

  /// Connects to the upstream on the client's event loop and joins the two.
  /// - Parameters:
  ///   - name: that it was routed by.
  ///   - collector: keeps what the client sends until the upstream is there to take it.
  func join(
    _ client: any Channel, as name: String, to upstream: HostPort, from collector: NIOLoopBound<HelloHandler>
  ) {
    let metrics = metrics
    let toUpstream = metrics.bytes.with("to_upstream")
    let toClient = metrics.bytes.with("to_client")
    let idle = TimeAmount.nanoseconds(limits.idleTimeout.nanoseconds)
    ClientBootstrap(group: client.eventLoop)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.autoRead, value: false)
      .connectTimeout(.nanoseconds(limits.connectTimeout.nanoseconds))
      .connect(host: upstream.host, port: upstream.port)
      .flatMapThrowing { server in
        // Both channels are on this event loop.
        guard client.isActive else {
          server.close(promise: nil)
          return
        }
        self.remember(server)
        let (near, far) = SpliceHandler.pair(toUpstream: toUpstream, toClient: toClient, idle: idle)
        let id = ObjectIdentifier(client)
        far.onFirstRead = { self.held.withLock { Self.answered(&$0, name, id) } }
        try client.pipeline.syncOperations.addHandler(near)
        // In front of `near` until now, so that nothing got past it; what comes next goes to `near`.
        let collector = collector.value
        let received = collector.handOver()
        try server.pipeline.syncOperations.addHandler(far)
        _ = self.outages.withLock { $0.removeValue(forKey: "\(upstream)") }
        metrics.active.increment()
        client.closeFuture.whenComplete { _ in metrics.active.decrement() }
        self.count(.joined)
        toUpstream.increment(by: UInt64(received.readableBytes))
        server.writeAndFlush(received, promise: nil)
        near.start(inputEnded: collector.inputEnded)
        far.start()
      }
      .whenFailure { error in
        self.count(.upstreamUnreachable)
        let news = self.outages.withLock {
          $0["\(upstream)", default: Outage(patience: 1, spread: .zero)].failed(at: SystemClock().now())
        }
        self.logger.log(
          level: news == nil ? .debug : .notice, "An upstream cannot be reached",
          metadata: ["upstream": "\(upstream)", "error": "\(error.report)"])
        client.close(promise: nil)
      }
  }
}
