import FrameCore
import FrameTreaty
import FramePeering
import FrameConfiguration
import FrameSNI
import Logging
import Synchronization

/// Makes the SNI router's map out of its three sources: the frame's own name, what `sni.map` in frame.yaml lists, and the
/// host names of active operators. The first two win: no operator takes over a name of the frame or its neighbours.
package final class SNIMapComposer: Sendable {
  /// Where a name in the map comes from.
  package enum Source: String, Sendable { case frame, configuration, `operator` }

  package struct Route: Sendable, Equatable {
    let name: String
    let upstream: HostPort
    let source: Source
  }

  private struct State {
    var configured: [String: HostPort]
    var operators: [String: HostPort] = [:]
    var map = SNIMap()
  }

  private let frame: FrameID
  private let own: HostPort
  /// Host names that the frame itself tells its peers.
  private let advertised: Set<String>
  /// Of the router; nil when there is none.
  private let listener: HostPort?
  private let peers: Peers
  private let held: Mutex<State>
  private let router: SNIRouter?
  private let metrics: SNIMetrics
  private let logger: Logger

  /// Whose host names are not an operator's to have.
  package struct Peers: Sendable {
    /// Whether a frame is a peer, or one that we have invited or approved.
    let isOpen: @Sendable (FrameID) -> Bool
    /// Host names that peers with a treaty are reached by.
    let hosts: @Sendable () -> [String: FrameID]

    package init(
      isOpen: @escaping @Sendable (FrameID) -> Bool = { _ in false },
      hosts: @escaping @Sendable () -> [String: FrameID] = { [:] }
    ) {
      self.isOpen = isOpen
      self.hosts = hosts
    }

    package init(_ directory: PeerDirectory) {
      self.init(
        isOpen: { directory.isOpen($0) },
        hosts: {
          directory.established.reduce(into: [:]) { hosts, treaty in
            let places = [
              try? HostPort(treaty.theirs.federationAddress), try? HostPort(url: treaty.theirs.bundleEndpoint),
            ]
            for place in places {
              if let name = place.flatMap({ try? HostName($0.host) }) { hosts[name.text] = treaty.peer }
            }
          }
        })
    }
  }

  /// - Throws: `SNIError.nameInvalid` or `EndpointInvalid` when a name or an upstream in the configuration is none,
  ///   `SNIError.routeLoop` when a route leads back to the router.
  package init(
    _ configuration: NodeConfiguration, peers: Peers = Peers(), connectionsMax: Int = 4096, metrics: SNIMetrics,
    logger: Logger
  ) throws {
    frame = configuration.frameID
    self.peers = peers
    let places = [
      try? HostPort(configuration.advertised.federationAddress),
      try? HostPort(url: configuration.advertised.bundleEndpoint),
    ]
    advertised = Set(places.compactMap { $0.flatMap { try? HostName($0.host) }?.text })
    let listener = HostPort(host: configuration.sni.listener.host, port: configuration.sni.listener.port)
    self.listener = configuration.sni.enabled ? listener : nil
    let host = ["0.0.0.0", "::"].contains(configuration.federation.host) ? "127.0.0.1" : configuration.federation.host
    own = HostPort(host: host, port: configuration.federation.port)
    self.metrics = metrics
    self.logger = logger
    let configured = try Self.read(configuration.sni.map, self.listener)
    var held = State(configured: configured)
    held.map = try Self.compose(own: (frame, own), held, self.listener)
    self.held = Mutex(held)
    var limits = SNIRouter.Limits()
    limits.connectionsMax = min(limits.connectionsMax, connectionsMax)
    limits.waitingMax = max(1, min(limits.waitingMax, limits.connectionsMax / 2))
    limits.unansweredPerNameMax = max(1, min(limits.unansweredPerNameMax, limits.connectionsMax / 4))
    router =
      configuration.sni.enabled
      ? SNIRouter(
        host: configuration.sni.listener.host, port: configuration.sni.listener.port, map: held.map,
        limits: limits, metrics: metrics, logger: logger) : nil
  }

  /// The router to run, nil when the frame has none.
  package var service: SNIRouter? { router }

  /// Sorted by name.
  package var routes: [Route] {
    held.withLock { held in
      held.map.upstreams.sorted { $0.key < $1.key }.map {
        Route(name: $0.key, upstream: $0.value, source: source(of: $0.key, held))
      }
    }
  }

  var map: SNIMap { held.withLock { $0.map } }

  /// Whether frame.yaml names this host: a peer that it names is reached through the router.
  package func isConfigured(_ name: String) -> Bool {
    guard let key = try? HostName(name) else { return false }
    return held.withLock { $0.configured[key.text] != nil }
  }

  /// Whose a name is, however it is spelled, that no operator may have, or nil.
  func owner(of name: String) -> String? {
    guard let key = (try? HostName(name))?.text else { return nil }
    if key == frame.name || advertised.contains(key) { return "this frame, '\(frame)'" }
    if held.withLock({ $0.configured[key] != nil }) { return "sni.map in frame.yaml of this node" }
    if let peer = try? FrameID(key), peers.isOpen(peer) { return "the peer '\(peer)'" }
    return peers.hosts()[key].map { "the peer '\($0)'" }
  }

  /// - Throws: `SNIError.routeLoop` when the router would connect to itself.
  func requireNoLoop(_ name: String, _ upstream: HostPort) throws(SNIError) {
    if let listener, SNIMap.leadsBack(upstream, to: listener) { throw .routeLoop(name, upstream.description) }
  }

  /// - Throws: `SNIError` or `EndpointInvalid` for a map that ``set(configured:)`` would refuse.
  package func check(configured map: [String: String]) throws {
    let configured = try Self.read(map, listener)
    try held.withLock { held in
      var next = held
      next.configured = configured
      _ = try Self.compose(own: (frame, own), next, listener)
    }
  }

  /// A configuration that was to be taken over could not be, for whatever reason.
  package func countRefusedReload() { metrics.reloads.with("refused").increment() }

  /// Takes over `sni.map` of a configuration that was read again. Connections that are open stay.
  /// - Returns: whether the map has changed.
  /// - Throws: `SNIError` or `EndpointInvalid`; the map then stays.
  package func set(configured map: [String: String]) throws -> Bool {
    let configured = try Self.read(map, listener)
    let changed = try held.withLock { held -> SNIMap? in
      var next = held
      next.configured = configured
      next.map = try Self.compose(own: (frame, own), next, listener)
      defer { held = next }
      return next.map == held.map ? nil : next.map
    }
    if let changed { router?.reload(changed) }
    metrics.reloads.with(changed == nil ? "unchanged" : "changed").increment()
    return changed != nil
  }

  /// - Parameters:
  ///   - operators: host names of active operators.
  ///   - names: host names that are no operator's any more; connections under them end.
  /// - Returns: how many connections end.
  package func set(operators: [String: HostPort], cutting names: Set<String>) -> Int {
    // Licences were checked when they were issued; a peer can have come since, and older ones were checked for less. Such a
    // name goes nowhere, and the others stay.
    let usable = operators.filter { name, upstream in
      guard let key = (try? HostName(name))?.text, key == name, !advertised.contains(key) else { return false }
      if let peer = try? FrameID(key), peers.isOpen(peer) { return false }
      return listener.map { !SNIMap.leadsBack(upstream, to: $0) } ?? true
    }
    let (map, isNew) = held.withLock { held -> (SNIMap, Bool) in
      held.operators = usable
      let before = held.map
      do { held.map = try Self.compose(own: (frame, own), held, listener) } catch {
        logger.error("The SNI map stays as it is", metadata: ["error": "\(error.report)"])
      }
      return (held.map, held.map != before)
    }
    if isNew { metrics.reloads.with("changed").increment() }
    return router?.reload(map, cutting: names) ?? 0
  }

  private func source(of name: String, _ held: State) -> Source {
    held.configured[name] != nil ? .configuration : name == frame.name ? .frame : .operator
  }

  private static func read(_ map: [String: String], _ listener: HostPort?) throws -> [String: HostPort] {
    // Through the map's own rules, so that "A.example" and "a.example." are not both let in.
    try SNIMap(map.sorted { $0.key < $1.key }.map { ($0.key, try HostPort($0.value)) }, listener: listener).upstreams
  }

  private static func compose(own: (FrameID, HostPort), _ held: State, _ listener: HostPort?) throws -> SNIMap {
    var entries = held.operators
    // An id of a frame need not be a host name; one that is none is asked for by nobody.
    if let name = try? HostName(own.0.name) { entries[name.text] = own.1 }
    entries.merge(held.configured) { $1 }
    return try SNIMap(entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, listener: listener)
  }
}
