import FrameCore
import FrameHTTP
import FrameIdentity
import NIOCore
import NIOSSL
import NIOTLS
import Synchronization
import X509

/// The open connections from peers, by authenticated peer, so that a revoke can close them at once.
final class PeerConnections: Sendable {
  private struct State {
    var listener: (any Channel)?
    var handshaking: [ObjectIdentifier: any Channel] = [:]
    var byPeer: [FrameID: [ObjectIdentifier: Connection]] = [:]
    /// Connections that were ever registered.
    var registered: UInt64 = 0
  }

  struct Connection: Sendable {
    let channel: any Channel
    /// As validated in the handshake, leaf first.
    let chain: [Certificate]
    let validatedAt: FrameTime
    /// Its place among all that were registered.
    var number: UInt64 = 0
  }

  private let held = Mutex(State())
  /// Connections that do not say yet whose they are: whoever has most of them makes room.
  private let handshakes: ListenerPlaces
  private let authenticatedMax: Int
  private let directory: PeerDirectory
  private let metrics: PeeringMetrics
  fileprivate let clock: any FrameClock

  private let onConnection: @Sendable (FrameID) -> Void

  /// - Parameter max: connections at once, half of them at most in handshakes.
  init(
    max: Int, directory: PeerDirectory, metrics: PeeringMetrics, clock: any FrameClock,
    onConnection: @escaping @Sendable (FrameID) -> Void
  ) {
    handshakes = ListenerPlaces(max: min(PeerLimits.handshakesMax, Swift.max(1, max / 2)))
    authenticatedMax = Swift.max(1, max - max / 2)
    self.directory = directory
    self.onConnection = onConnection
    self.metrics = metrics
    self.clock = clock
  }

  /// Remembers the listening channel.
  func listen(_ listener: any Channel) -> EventLoopFuture<Void> {
    held.withLock { $0.listener = listener }
    return listener.eventLoop.makeSucceededVoidFuture()
  }

  /// From now on the kernel keeps whoever connects waiting.
  func stopAccepting() async {
    guard let listener = held.withLock({ $0.listener }) else { return }
    try? await listener.setOption(.autoRead, value: false).get()
  }

  /// Prepares a connection that was just accepted: it is watched until its handshake tells whose it is.
  /// - Returns: always success, since the transport traps on a failure; a connection that cannot be watched is closed.
  func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    do {
      let pipeline = channel.pipeline.syncOperations
      let tls = try pipeline.handler(type: NIOSSLServerHandler.self)
      try pipeline.addHandler(PeerConnectionHandler(connections: self), position: .after(tls))
    } catch {
      channel.close(promise: nil)
    }
    return channel.eventLoop.makeSucceededVoidFuture()
  }

  /// - Returns: nil when there is no place for another handshake.
  func beginHandshake(_ channel: any Channel) -> SharedPlaces.Ticket? {
    guard let ticket = handshakes.admit(channel, from: channel.shareSource) else { return nil }
    held.withLock { $0.handshaking[ObjectIdentifier(channel)] = channel }
    return ticket
  }

  func endHandshake(_ channel: any Channel, _ ticket: SharedPlaces.Ticket) {
    handshakes.release(ticket)
    held.withLock { _ = $0.handshaking.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  var counts: SharedPlaces.Counts {
    var counts = handshakes.counts
    counts.taken += held.withLock { held in held.byPeer.values.map(\.count).reduce(0, +) }
    counts.max += authenticatedMax
    return counts
  }

  /// Registers an authenticated connection. A peer that has as many as it may have loses its oldest: it has made another since, and
  /// will use that, while the end of the old one may only be late.
  /// - Returns: false when the connection must be closed: there are too many of all peers, or the treaty has just ended.
  func register(_ peer: FrameID, _ connection: Connection) -> Bool {
    var connection = connection
    let (count, oldest) = held.withLock { held -> (Int?, (any Channel)?) in
      var mine = held.byPeer[peer] ?? [:]
      var oldest: (any Channel)?
      if mine.count >= PeerLimits.connectionsPerPeerMax, let first = mine.min(by: { $0.value.number < $1.value.number })
      {
        oldest = mine.removeValue(forKey: first.key)?.channel
      } else if held.byPeer.values.map(\.count).reduce(0, +) >= authenticatedMax {
        return (nil, nil)
      }
      held.registered += 1
      connection.number = held.registered
      mine[ObjectIdentifier(connection.channel)] = connection
      held.byPeer[peer] = mine
      return (mine.count, oldest)
    }
    oldest?.close(promise: nil)
    guard let count else { return false }
    metrics.connections.with(peer.name).set(count)
    // After registering, so that a revoke in between either finds the connection or is seen here.
    guard directory.bundle(for: peer) != nil else {
      unregister(peer, connection.channel)
      return false
    }
    onConnection(peer)
    return true
  }

  func observeHandshake(of peer: FrameID, _ duration: Duration) {
    metrics.handshakeDuration.with(peer.name).observe(duration)
  }

  func unregister(_ peer: FrameID, _ channel: any Channel) {
    let count = held.withLock { held -> Int in
      held.byPeer[peer]?[ObjectIdentifier(channel)] = nil
      if held.byPeer[peer]?.isEmpty == true { held.byPeer[peer] = nil }
      return held.byPeer[peer]?.count ?? 0
    }
    metrics.connections.with(peer.name).set(count)
  }

  /// Closes every connection of the peer.
  func closeAll(of peer: FrameID) {
    for connection in connections(of: peer) { connection.channel.close(promise: nil) }
  }

  /// Closes the connections of the peer whose certificates the bundle no longer vouches for. One whose SVID has expired since
  /// its handshake is not among them: it was valid when it counted, and who made it renews it.
  func closeUnvouched(of peer: FrameID, by verifier: SPIFFEVerifier) async {
    for connection in connections(of: peer) {
      do {
        _ = try await verifier.verify(
          connection.chain, expecting: .exactly(.node(of: peer)), at: connection.validatedAt)
      } catch {
        connection.channel.close(promise: nil)
      }
    }
  }

  /// Closes every connection, also those whose handshake is not over: the transport waits for them.
  func closeAll() {
    let all = held.withLock { held in held.byPeer.values.flatMap(\.values).map(\.channel) + held.handshaking.values }
    for channel in all { channel.close(promise: nil) }
  }

  var handshakeCount: Int { held.withLock { $0.handshaking.count } }

  func count(of peer: FrameID) -> Int { held.withLock { $0.byPeer[peer]?.count ?? 0 } }

  private func connections(of peer: FrameID) -> [Connection] {
    held.withLock { held in held.byPeer[peer].map { Array($0.values) } ?? [] }
  }
}

/// Sits behind the TLS handler of one connection: bounds the handshake and registers the connection under its peer.
private final class PeerConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private enum State {
    case new
    case handshaking(Scheduled<Void>, SharedPlaces.Ticket)
    case authenticated(FrameID)
    case closed
  }

  private let connections: PeerConnections
  private var state = State.new
  private let accepted = ContinuousClock.now

  init(connections: PeerConnections) { self.connections = connections }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { begin(context) } }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  /// Only an active channel knows where its connection comes from.
  private func begin(_ context: ChannelHandlerContext) {
    guard case .new = state else { return }
    guard let ticket = connections.beginHandshake(context.channel) else {
      state = .closed
      return context.close(promise: nil)
    }
    let channel = context.channel
    let limit = TimeAmount.nanoseconds(PeerLimits.handshakeTimeout.nanoseconds)
    state = .handshaking(context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }, ticket)
  }

  func handlerRemoved(context: ChannelHandlerContext) { end(context) }

  func channelInactive(context: ChannelHandlerContext) {
    end(context)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? TLSUserEvent, case .handshakeCompleted = event, !authenticate(context) {
      context.close(promise: nil)
      return
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func authenticate(_ context: ChannelHandlerContext) -> Bool {
    guard case .handshaking(let timeout, let ticket) = state else { return false }
    timeout.cancel()
    connections.endHandshake(context.channel, ticket)
    state = .closed
    guard let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
      let presented = handler.peerValidatedCertificateChain
    else { return false }
    let chain = presented.compactMap { certificate in
      (try? certificate.toDERBytes()).flatMap { try? Certificate(derEncoded: $0) }
    }
    guard let leaf = chain.first, let id = try? SPIFFEID(uriNameOf: leaf), id == .node(of: id.trustDomain),
      connections.register(
        id.trustDomain, .init(channel: context.channel, chain: chain, validatedAt: connections.clock.now()))
    else { return false }
    connections.observeHandshake(of: id.trustDomain, ContinuousClock.now - accepted)
    state = .authenticated(id.trustDomain)
    return true
  }

  private func end(_ context: ChannelHandlerContext) {
    switch state {
    case .handshaking(let timeout, let ticket):
      timeout.cancel()
      connections.endHandshake(context.channel, ticket)
    case .authenticated(let peer):
      connections.unregister(peer, context.channel)
    case .new, .closed: break
    }
    state = .closed
  }
}
