import FrameCore
import FrameFederation
import Logging
import Synchronization

/// Makes the SNI router's map out of its three sources: the frame's own name, what `sni.map` in frame.yaml lists, and the
/// host names of active operators. The first two win: no operator takes over a name of the frame or its neighbours.
final class SNIMapKeeper: Sendable {
  /// Where a name in the map comes from.
  enum Source: String, Sendable { case frame, configuration, `operator` }

  struct Route: Sendable, Equatable {
    let name: String
    let upstream: HostPort
    let source: Source
  }

  private struct Held {
    var configured: [String: HostPort]
    var operators: [String: HostPort] = [:]
    var map = SNIMap()
  }

  private let frame: FrameID
  private let own: HostPort
  private let held: Mutex<Held>
  private let router: SNIRouter?
  private let metrics: FederationMetrics
  private let logger: Logger

  /// - Throws: `FederationError.endpointInvalid` when a name or an upstream in the configuration is none.
  init(_ configuration: NodeConfiguration, metrics: FederationMetrics, logger: Logger) throws {
    frame = configuration.frameID
    let host = ["0.0.0.0", "::"].contains(configuration.federation.host) ? "127.0.0.1" : configuration.federation.host
    own = HostPort(host: host, port: configuration.federation.port)
    self.metrics = metrics
    self.logger = logger
    let configured = try Self.read(configuration.sni.map)
    var held = Held(configured: configured)
    held.map = try Self.compose(own: (frame, own), held)
    self.held = Mutex(held)
    router =
      configuration.sni.enabled
      ? SNIRouter(
        host: configuration.sni.listener.host, port: configuration.sni.listener.port, map: held.map, metrics: metrics,
        logger: logger) : nil
  }

  /// The router to run, nil when the frame has none.
  var service: SNIRouter? { router }

  /// Sorted by name.
  var routes: [Route] {
    held.withLock { held in
      held.map.upstreams.sorted { $0.key < $1.key }.map {
        Route(name: $0.key, upstream: $0.value, source: source(of: $0.key, held))
      }
    }
  }

  var map: SNIMap { held.withLock { $0.map } }

  /// Whether frame.yaml names this host: a peer that it names is reached through the router.
  func isConfigured(_ name: String) -> Bool { held.withLock { $0.configured[name.lowercased()] != nil } }

  /// Whose a name is that no operator may have, or nil.
  func owner(of name: String) -> String? {
    let key = name.lowercased()
    return held.withLock { key == frame.name || $0.configured[key] != nil } ? "\(frame)" : nil
  }

  /// - Throws: `FederationError.endpointInvalid` for a map that ``set(configured:)`` would refuse.
  func check(configured map: [String: String]) throws {
    let configured = try Self.read(map)
    try held.withLock { held in
      var next = held
      next.configured = configured
      _ = try Self.compose(own: (frame, own), next)
    }
  }

  /// A configuration that was to be taken over could not be, for whatever reason.
  func countRefusedReload() { metrics.sniReloads.with("refused").increment() }

  /// Takes over `sni.map` of a configuration that was read again. Connections that are open stay.
  /// - Returns: whether the map has changed.
  /// - Throws: `FederationError.endpointInvalid`; the map then stays.
  func set(configured map: [String: String]) throws -> Bool {
    let configured = try Self.read(map)
    let changed = try held.withLock { held -> SNIMap? in
      var next = held
      next.configured = configured
      next.map = try Self.compose(own: (frame, own), next)
      defer { held = next }
      return next.map == held.map ? nil : next.map
    }
    if let changed { router?.reload(changed) }
    metrics.sniReloads.with(changed == nil ? "unchanged" : "changed").increment()
    return changed != nil
  }

  /// - Parameters:
  ///   - operators: host names of active operators.
  ///   - names: host names that are no operator's any more; connections under them end.
  /// - Returns: how many connections end.
  func set(operators: [String: HostPort], cutting names: Set<String>) -> Int {
    let (map, isNew) = held.withLock { held -> (SNIMap, Bool) in
      held.operators = operators
      let before = held.map
      do { held.map = try Self.compose(own: (frame, own), held) } catch {
        // Licences were checked when they were issued; a name that is none must not bring down the others.
        logger.error("The SNI map stays as it is", metadata: ["error": "\(error.report)"])
      }
      return (held.map, held.map != before)
    }
    if isNew { metrics.sniReloads.with("changed").increment() }
    return router?.reload(map, cutting: names) ?? 0
  }

  private func source(of name: String, _ held: Held) -> Source {
    held.configured[name] != nil ? .configuration : name == frame.name ? .frame : .operator
  }

  private static func read(_ map: [String: String]) throws -> [String: HostPort] {
    // Through the map's own rules, so that "A.example" and "a.example" are not both let in.
    try SNIMap(map.sorted { $0.key < $1.key }.map { ($0.key, try HostPort($0.value)) }).upstreams
  }

  private static func compose(own: (FrameID, HostPort), _ held: Held) throws -> SNIMap {
    var entries = held.operators
    entries[own.0.name] = own.1
    entries.merge(held.configured) { $1 }
    return try SNIMap(entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }
}
