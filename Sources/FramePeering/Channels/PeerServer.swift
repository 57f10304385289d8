import FrameTreaty
import FrameCore
import FrameIdentity
import GRPCCore
import GRPCNIOTransportCore
import GRPCNIOTransportHTTP2Posix
import Logging
import NIOCore
import ServiceLifecycle

/// The federation listener: gRPC over mutual TLS, for frames with a treaty.
///
/// A handshake succeeds only for `spiffe://<peer>/node` verified by that peer's pinned bundle. When a treaty ends, the
/// peer's calls are cancelled and its connections closed before ``PeerDirectory/update(_:)`` returns.
package final class PeerServer: Service {
  private let server: GRPCServer<HTTP2ServerTransport.Posix>
  private let connections: PeerConnections
  private let calls: ActiveCalls
  private let logger: Logger

  /// - Parameters:
  ///   - host: IP address to listen on (`localhost` is taken as 127.0.0.1).
  ///   - port: 0 lets the system choose, see ``listeningPort``.
  ///   - connectionsMax: connections at once, those in their handshake included.
  ///   - identity: the node's SVID, taken anew for each handshake.
  ///   - onConnection: told of each peer that has connected, and so is there; on an event loop, must not block.
  /// - Throws: when the TLS configuration cannot be made.
  package init(
    host: String, port: Int, connectionsMax: Int = 512, identity: SVIDSource, directory: PeerDirectory,
    treaties: any TreatyRequests,
    verbs: any PeerRequests, metrics: PeeringMetrics, clock: any FrameClock = SystemClock(),
    logger: Logger = Logger(label: "frame.federation"), onConnection: @escaping @Sendable (FrameID) -> Void = { _ in }
  ) throws {
    let connections = PeerConnections(
      max: connectionsMax, directory: directory, metrics: metrics, clock: clock, onConnection: onConnection)
    let calls = ActiveCalls(limit: PeerLimits.callsPerPeerMax)
    let verifier = SPIFFEVerifier(bundles: directory, clock: clock)
    var config = HTTP2ServerTransport.Posix.Config.defaults
    config.rpc.maxRequestPayloadSize = PeerLimits.requestBytesMax
    config.http2.targetWindowSize = PeerLimits.windowBytes
    config.http2.maxConcurrentStreams = PeerLimits.streamsPerConnectionMax
    // Calls are few and small, and each is somebody waiting: nothing is gained by collecting writes.
    config.connection.flushCoalescing = nil
    config.connection.keepalive.time = .seconds(30)
    config.connection.keepalive.timeout = .seconds(10)
    config.connection.keepalive.clientBehavior.allowWithoutCalls = true
    config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(5)
    config.channelDebuggingCallbacks.onBindTCPListener = { connections.listen($0) }
    config.channelDebuggingCallbacks.onAcceptTCPConnection = { connections.accept($0) }
    config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { CallHeaderGuard.add(to: $0) }
    let transport = HTTP2ServerTransport.Posix(
      address: Self.address(host, port),
      transportSecurity: try .mTLS(certificateReloader: identity) { tls in
        tls.trustRoots = .certificates([])
        tls.requireALPN = true
        tls.customVerificationCallback = verifier.nioCallback(expecting: .anyNode) { result in
          switch result {
          case .accepted(let peer): metrics.handshakes.with(peer.id.trustDomain.name, "ok").increment()
          case .refused(let refusal, let claimed):
            // What a stranger claims is no label; whom an operator has dealt with is one.
            let peer = claimed.flatMap { directory.isAcquainted($0) ? $0 : nil }
            metrics.mtlsFailure(peer, refusal)
            if let peer, refusal.reason == .untrustedAuthority { directory.untrusted(peer) }
            logger.info(
              "Refused a connection",
              metadata: [
                "claimed": "\(claimed?.name ?? "")", "reason": "\(refusal.code)", "detail": "\(refusal.detail)",
              ])
          }
        }
      }, config: config)
    let service = PeerService(
      directory: directory, treaties: treaties, verbs: verbs, calls: calls, limits: CallLimits(), clock: clock,
      metrics: metrics, logger: logger)
    self.server = GRPCServer(transport: transport, services: [service])
    self.connections = connections
    self.calls = calls
    self.logger = logger
    directory.observe { [weak directory] change in
      switch change {
      // Peers come to us from anywhere: who they are is in their certificates.
      case .established, .endpointsMoved, .untrusted: break
      case .closed(let peer, let byPeer):
        calls.cancelAll(of: peer)
        guard byPeer else { return connections.closeAll(of: peer) }
        // The connection carries the answer to the very call that ended the treaty; every other call is refused already.
        Task {
          try? await Task.sleep(for: PeerLimits.farewell)
          if directory?.isOpen(peer) == false { connections.closeAll(of: peer) }
        }
      case .pinMoved(let peer, let lostAuthorities):
        if lostAuthorities { Task { await connections.closeUnvouched(of: peer, by: verifier) } }
      }
    }
  }

  /// The port in use; waits until the listener is bound.
  /// - Throws: when it could not be bound.
  package var listeningPort: Int {
    get async throws {
      let address = try await server.transport.listeningAddress
      return address.ipv4?.port ?? address.ipv6?.port ?? 0
    }
  }

  /// Serves until shut down or cancelled: no new calls, unary calls in progress may finish, streams end.
  /// - Throws: when the address cannot be bound.
  package func run() async throws {
    // Never cancelled directly: see `stop()`.
    let serving = Task { try await server.serve() }
    try await withGracefulShutdownHandler {
      try await withTaskCancellationHandler {
        try await serving.value
      } onCancel: {
        self.stop()
      }
    } onGracefulShutdown: {
      self.stop()
    }
  }

  /// The gRPC transport traps when it is stopped between accepting a connection and handing it over, so accepting ends
  /// first, and the transport is only stopped when what was accepted has long been handed over.
  private func stop() {
    // Subscriptions never end by themselves, and peers resume from their cursor.
    calls.cancelAll()
    Task {
      await connections.stopAccepting()
      try? await Task.sleep(for: PeerLimits.handover)
      server.beginGracefulShutdown()
      try? await Task.sleep(for: PeerLimits.shutdownGrace)
      connections.closeAll()
    }
  }

  /// Its connections.
  package var counts: SharedPlaces.Counts { connections.counts }

  /// Connections whose handshake is not over.
  package var handshakeCount: Int { connections.handshakeCount }

  /// Open authenticated connections of a peer.
  package func connectionCount(of peer: FrameID) -> Int { connections.count(of: peer) }

  static func address(_ host: String, _ port: Int) -> GRPCNIOTransportCore.SocketAddress {
    if host.contains(":") { return .ipv6(host: host, port: port) }
    return .ipv4(host: host == "localhost" ? "127.0.0.1" : host, port: port)
  }
}
