import FrameTreaty
import FrameCore
import FrameIdentity
import FramePeerAPI
import GRPCCore
import GRPCNIOTransportCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import NIOPosix
import Synchronization
import X509

/// The client side of the channel to one peer: one HTTP/2 connection, reconnecting with backoff, that accepts exactly
/// `spiffe://<peer>/node` verified by the bundles it is given.
final class PeerClient: Sendable {
  let peer: FrameID
  let address: HostPort
  let api: PBFramePeer.Client<PeerTransport>
  private let client: GRPCClient<HTTP2ClientTransport.Posix>
  private let runner: Task<Void, Never>
  private let sockets: Sockets
  private let usage = Mutex(Usage())
  private let vouchers: Vouchers

  private struct Usage {
    var calls = 0
    var isLeft = false
    /// How often its connections were closed under the calls on them.
    var cuts: UInt64 = 0
    var nextWatcher: UInt64 = 0
    var watchers: [UInt64: @Sendable () -> Void] = [:]
  }

  /// The chain that the newest connection rests on.
  private final class Vouchers: Sendable {
    let newest = Mutex<(chain: [Certificate], at: FrameTime)?>(nil)
  }

  /// - Parameters:
  ///   - router: when set, connections go to this address and the peer is named by SNI.
  ///   - isChannel: what it meets is what the channel to the peer meets; false for one that may take the place of another that is in use.
  ///   - untrusted: told when whoever answers shows a certificate of an authority that the bundle does not know.
  init(
    _ peer: FrameID, at address: HostPort, via router: HostPort? = nil, identity: SVIDSource,
    bundles: any BundleSource, clock: any FrameClock, metrics: PeeringMetrics,
    reachability: PeerReachability? = nil, isChannel: Bool = true,
    untrusted: @escaping @Sendable () -> Void = {}
  ) throws {
    let sockets = Sockets()
    let vouchers = Vouchers()
    let verifier = SPIFFEVerifier(bundles: bundles, clock: clock)
    var config = HTTP2ClientTransport.Posix.Config.defaults
    // A peer that restarts is back within seconds; calls in between fail fast and are retried by those who make them.
    config.backoff = .init(initial: .milliseconds(100), max: .seconds(2), multiplier: 1.6, jitter: 0.2)
    config.connection.flushCoalescing = nil
    config.connection.keepalive = .init(time: .seconds(10), timeout: .seconds(10), allowWithoutCalls: true)
    config.connection.maxIdleTime = nil
    // A frame of HTTP/2 that waits for our reader holds on to all that arrived with it, up to 200 times its own size: the
    // transport's own window of 8 MiB let a stream of small messages take 2 GiB.
    config.http2.targetWindowSize = PeerLimits.windowBytes
    config.http2.authority = Self.serverName(peer, address)
    config.channelDebuggingCallbacks.onCreateTCPConnection = { channel in
      sockets.add(channel)
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    config.channelDebuggingCallbacks.onCreateHTTP2Stream = { CallHeaderGuard.add(to: $0) }
    let transport = try HTTP2ClientTransport.Posix(
      target: Self.target(router ?? address),
      transportSecurity: try .mTLS(certificateReloader: identity) { tls in
        tls.trustRoots = .certificates([])
        tls.serverCertificateVerification = .noHostnameVerification
        tls.customVerificationCallback = verifier.nioCallback(expecting: .exactly(.node(of: peer))) { result in
          switch result {
          case .accepted(let server):
            metrics.handshakes.with(peer.name, "ok").increment()
            let now = clock.now()
            vouchers.newest.withLock { $0 = (server.chain, now) }
          case .refused(let refusal, _):
            metrics.handshakes.with(peer.name, "refused").increment()
            metrics.mtlsFailure(peer, refusal)
            reachability?.refused(peer, refusal, isChannel: isChannel)
            if refusal.reason == .untrustedAuthority { untrusted() }
          }
        }
      }, config: config)
    let client = GRPCClient(transport: transport)
    self.peer = peer
    self.address = address
    self.client = client
    self.api = PBFramePeer.Client(wrapping: client)
    self.sockets = sockets
    self.vouchers = vouchers
    self.runner = Task {
      // It only throws when started twice; connection failures reach the calls, not this task.
      try? await client.runConnections()
    }
  }

  /// Ends the channel at once: calls in progress fail, connections close.
  func close() {
    client.beginGracefulShutdown()
    runner.cancel()
    sockets.closeAll()
  }

  /// Closes the present connections unless the bundle still vouches for the peer's end of them; the channel opens a new one by
  /// itself. That the peer's SVID may have expired since the handshake is no reason.
  func closeUnvouched(by verifier: SPIFFEVerifier) async {
    if let (chain, at) = vouchers.newest.withLock({ $0 }),
      (try? await verifier.verify(chain, expecting: .exactly(.node(of: peer)), at: at)) != nil
    {
      return
    }
    usage.withLock { $0.cuts += 1 }
    sockets.closeCurrent()
  }

  /// How often its connections were closed under the calls on them.
  var cuts: UInt64 { usage.withLock { $0.cuts } }

  /// Whether a call that began after so many cuts had its connection taken from it by us.
  func isGivenUp(since cuts: UInt64) -> Bool { usage.withLock { $0.isLeft || $0.cuts != cuts } }

  // MARK: Leaving it

  /// Counts a call that is about to be made; ``endCall()`` must follow.
  func beginCall() { usage.withLock { $0.calls += 1 } }

  func endCall() {
    let isDone = usage.withLock { usage in
      usage.calls -= 1
      return usage.isLeft && usage.calls == 0
    }
    if isDone { close() }
  }

  /// Whether it was left and no call is under way on it any more.
  var isDone: Bool { usage.withLock { $0.isLeft && $0.calls == 0 } }

  /// Closes the channel when the calls in progress have ended, and tells streams to end. No call may begin any more.
  func leave() {
    let (isDone, watchers) = usage.withLock { usage in
      usage.isLeft = true
      defer { usage.watchers = [:] }
      return (usage.calls == 0, Array(usage.watchers.values))
    }
    for watcher in watchers { watcher() }
    if isDone { return close() }
    Task { [weak self] in
      try? await Task.sleep(for: PeerLimits.moveGrace)
      self?.close()
    }
  }

  /// Runs a stream that ends when the channel is left.
  /// - Throws: ``PeerCallError/moved(peer:)`` then; else what `body` throws.
  func untilLeft(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let (left, leave) = AsyncStream.makeStream(of: Void.self)
    let id = usage.withLock { usage -> UInt64? in
      guard !usage.isLeft else { return nil }
      usage.nextWatcher += 1
      usage.watchers[usage.nextWatcher] = { leave.finish() }
      return usage.nextWatcher
    }
    guard let id else { throw PeerCallError.moved(peer: peer) }
    defer { usage.withLock { _ = $0.watchers.removeValue(forKey: id) } }
    let peer = peer
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await body() }
      group.addTask {
        for await _ in left {}
        try Task.checkCancellation()
        throw PeerCallError.moved(peer: peer)
      }
      defer { group.cancelAll() }
      _ = try await group.next()
    }
  }

  /// What TLS names as server: the host when it is a name, else the frame's own id. Never an IP address.
  static func serverName(_ peer: FrameID, _ address: HostPort) -> String? {
    for name in [address.host, peer.name] where (try? NIOCore.SocketAddress(ipAddress: name, port: 0)) == nil {
      return name
    }
    return nil
  }

  static func target(_ address: HostPort) -> any ResolvableTarget {
    // What is no address is a name, which nobody resolves: the transport asserts that an address is one.
    switch try? NIOCore.SocketAddress(ipAddress: address.host, port: 0) {
    case .v4: .ipv4(address: address.host, port: address.port)
    case .v6: .ipv6(address: address.host, port: address.port)
    default: .dns(host: address.host, port: address.port)
    }
  }
}

/// The TCP connections of a client.
private final class Sockets: Sendable {
  private struct State {
    var open: [ObjectIdentifier: any Channel] = [:]
    var isClosed = false
  }

  private let held = Mutex(State())

  func add(_ channel: any Channel) {
    let refused = held.withLock { held in
      if held.isClosed { return true }
      held.open[ObjectIdentifier(channel)] = channel
      return false
    }
    if refused { return channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in
      self.held.withLock { $0.open[ObjectIdentifier(channel)] = nil }
    }
  }

  func closeAll() {
    held.withLock { $0.isClosed = true }
    closeCurrent()
  }

  func closeCurrent() {
    for channel in held.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
  }
}

typealias PeerTransport = HTTP2ClientTransport.Posix
