import FrameCore
import FrameNodeState
import FrameLedger
import Logging
import ServiceLifecycle
import Synchronization

/// The shell of the operators: takes the authority's word to the writer, and has the API, the SNI router and the metrics
/// follow before the caller is answered.
package final class OperatorService: Service {
  private let node: NodeCore
  private let directory: OperatorDirectory
  private let names: SNIMapComposer
  private let metrics: OperatorMetrics
  private let logger: Logger
  private let onChange: @Sendable () -> Void
  /// The version of the state that was applied last.
  private let following = Mutex<UInt64>(0)
  /// Where each operator stood then.
  private let standings = Mutex<[String: OperatorStanding]>([:])

  /// How late a licence that runs out may leave the SNI map and show in the metrics; calls are refused to the moment.
  static let lookAgainAfter: Duration = .seconds(5)

  /// - Parameter onChange: told when the standing of any operator is another, a licence that has run out included.
  package init(
    node: NodeCore, directory: OperatorDirectory, names: SNIMapComposer, metrics: OperatorMetrics, logger: Logger,
    onChange: @escaping @Sendable () -> Void = {}
  ) {
    self.node = node
    self.directory = directory
    self.names = names
    self.metrics = metrics
    self.logger = logger
    self.onChange = onChange
  }

  /// Follows what the log says. Call once before the listeners open.
  package func prime() async throws { follow(try await node.writer.read(Self.view)) }

  /// Watches licences run out until shut down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          try await self.node.clock.sleep(for: Self.lookAgainAfter)
          try await self.prime()
        } catch {
          // Shutting down, or the log has stopped: the node ends for a reason of its own.
          if error is CancellationError { return }
        }
      }
    }
  }

  /// What stands in the way of a licence beside the log's own rules: host names that the frame itself needs.
  /// - Throws: `OperatorError.hostTaken`, `EndpointInvalid`, `SNIError.routeLoop`.
  private func requireFree(_ licence: OperatorLicence) throws {
    for host in licence.hosts {
      try names.requireNoLoop(host.name, HostPort(host.upstream))
      if let owner = names.owner(of: host.name) { throw OperatorError.hostTaken(host.name, by: owner) }
    }
  }

  func license(_ licence: OperatorLicence, renewing: Bool, actor: SPIFFEID) async throws -> OperatorRecord {
    try requireFree(licence)
    return try await submit(renewing ? .renew(licence) : .license(licence), licence.name, actor)
  }

  func suspend(_ name: OperatorName, reason: String, actor: SPIFFEID) async throws -> OperatorRecord {
    try await submit(.suspend(name, reason: reason), name, actor)
  }

  func resume(_ name: OperatorName, actor: SPIFFEID) async throws -> OperatorRecord {
    try await submit(.resume(name), name, actor)
  }

  func remove(_ name: OperatorName, reason: String, actor: SPIFFEID) async throws -> OperatorRecord {
    try await submit(.remove(name, reason: reason), name, actor)
  }

  func release(_ agent: AgentName, from name: OperatorName, actor: SPIFFEID) async throws -> OperatorRecord {
    try await submit(.release(agent, from: name), name, actor)
  }

  private func submit(
    _ command: OperatorCommand, _ name: OperatorName, _ actor: SPIFFEID
  ) async throws -> OperatorRecord {
    let done = try await node.submit(
      .operators(command), actor: actor, key: node.freshKey("operator"), then: Self.view)
    follow(done.view)
    return try directory.state.require(name)
  }

  /// Brings the API, the router and the metrics up to the durable state.
  private static let view: @Sendable (NodeState) -> OperatorState = { $0.ledger.operators }

  private func follow(_ state: OperatorState) {
    // Callers may arrive here in any order: only a later state may follow an earlier one.
    following.withLock { version in
      guard state.version >= version else { return }
      version = state.version
      apply(state, before: directory.update(state))
    }
  }

  private func apply(_ state: OperatorState, before: OperatorState) {
    let now = node.writer.time.now()
    var (routes, stopped) = ([String: HostPort](), Set<String>())
    for record in state.all {
      let isActive = record.standing(at: now) == .active
      for host in record.licence.hosts {
        if isActive { routes[host.name] = try? HostPort(host.upstream) } else { stopped.insert(host.name) }
      }
    }
    // A name that a renewal has dropped is nobody's any more.
    for record in before.all { stopped.formUnion(record.licence.hosts.map(\.name)) }
    let cut = names.set(operators: routes, cutting: stopped.subtracting(routes.keys))
    if cut > 0 {
      metrics.cutConnections.increment(by: UInt64(cut))
      logger.notice("Connections of operators were ended", metadata: ["connections": "\(cut)"])
    }
    show(state, before, now)
    let present = Dictionary(
      state.all.map { ($0.name.text, $0.standing(at: now)) }, uniquingKeysWith: { first, _ in first })
    let changed = standings.withLock { standings in
      defer { standings = present }
      return standings != present
    }
    // Also when only its agents have changed, that is, when one was released.
    if changed || state.version != before.version { onChange() }
  }

  private func show(_ state: OperatorState, _ before: OperatorState, _ now: FrameTime) {
    let all = state.all
    for standing in OperatorStanding.allCases {
      metrics.operators.with(standing.rawValue).set(all.count { $0.standing(at: now) == standing })
    }
    for record in all where record.stated == .removed { metrics.licenceExpiry.removeAll("operator", record.name.text) }
    for record in all where record.stated != .removed {
      metrics.licenceExpiry.with(record.name.text).set(record.licence.expires.seconds)
    }
    for record in all where before[record.name]?.stated != record.stated {
      logger.info(
        "An operator stands",
        metadata: ["operator": "\(record.name)", "state": "\(record.standing(at: now).rawValue)"])
    }
  }
}
