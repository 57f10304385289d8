import AsyncHTTPClient
import Foundation
import FrameAudit
import FrameBridge
import FrameCanary
import FrameAPI
import FrameCore
import FramePeering
import FrameHTTP
import FrameIdentity
import FrameLedger
import FrameEvents
import FrameLog
import FrameMetrics
import FrameProjection
import FrameProtos
import FrameSNI
import FrameSettlement
import FrameConfiguration
import FrameNodeState
import FrameREST
import FrameWorkload
import Hummingbird
import Logging
import ServiceLifecycle

/// Every part of a node, made once and in order: what comes later may use what came before.
final class NodeParts: Sendable {
  let core: NodeCore
  let federation: FederationService
  let http: HTTPClient

  private let metrics: NodeMetrics
  private let identityMetrics: IdentityMetrics
  private let federationMetrics: PeeringMetrics
  private let canaryMetrics: CanaryMetrics
  private let exposition: ExpositionHandler
  private let svid: SVIDSource
  private let keeper: AuthorityRotation
  private let entries: EntryBook
  private let workloads: WorkloadHub
  private let workloadServer: WorkloadServer?
  private let directory: PeerDirectory
  private let channels: PeerChannels
  private let refresher: BundleRefresher
  private let follower: ProjectionFollower
  private let watch: PeerLogWatch
  let courier: CheckpointSubmitter
  private let cosignatures: Cosignatures
  private let coordinator: TransferCoordinator
  private let relay: BridgeRelay
  private let auditor: SupplyAuditor
  private let ledgerMetrics: LedgerMetrics
  private let ledgerKeeper: HoldExpiryService
  private let history: AccountHistory
  private let bundleListener: BundleListener
  private let web: WebTrust
  private let peerServer: PeerServer
  let operators: OperatorService
  let names: SNIMapComposer
  private let gate: OperatorGate
  let readiness: Readiness
  let running = RunningServices()
  private let opsPlaces: ListenerPlaces
  private let apiPlaces: ListenerPlaces
  private let logger: Logger

  /// Opens keys and log; blocks while the log is replayed.
  /// - Parameters:
  ///   - upstream: who gives the node its identity, when frame.yaml says that somebody does.
  ///   - descriptors: how many connections each listener may have.
  init(
    _ configuration: NodeConfiguration, upstream: UpstreamIdentity? = nil, registry: MetricRegistry,
    clock: any FrameClock, logger: Logger, descriptors: DescriptorBudget = DescriptorBudget(limit: 65_536)
  ) throws {
    self.logger = logger
    let frame = configuration.frameID
    func named(_ room: String) -> Logger {
      var copy = Logger(label: "frame.\(room)")
      copy[metadataKey: "frame"] = "\(frame)"
      return copy
    }

    // What the node says of itself
    ProcessCollector.register(in: registry)
    StorageMetrics.register(in: registry, directory: configuration.dataDirectory)
    registry.buildInfo([
      "version": NodeVersion.text, "swift": NodeVersion.swift, "sqlite": StorageLibrary.version,
    ])
    metrics = NodeMetrics(registry, frame: frame, native: configuration.native)
    exposition = ExpositionHandler(registry)
    identityMetrics = IdentityMetrics(registry)
    federationMetrics = PeeringMetrics(registry)
    canaryMetrics = CanaryMetrics(registry)

    // Identity and log
    // Keys that vouch for nothing but this node's own tokens are not to be watched as if peers relied on them.
    let authority = try configuration.loadAuthority(clock: clock, metrics: upstream == nil ? identityMetrics : nil)
    let upstreamMetrics = UpstreamMetrics(registry, identity: identityMetrics)
    if upstream == nil { upstreamMetrics.showBuiltIn() }
    let signer = LogSigner(name: frame.name, privateKey: authority.logKey)
    let state = NodeState(
      frame: frame, native: configuration.native,
      fees: try FeeRule(
        basisPoints: Int64(configuration.fees.basisPoints), fixed: configuration.fees.fixed.minorUnits,
        minimum: configuration.fees.minimum.minorUnits, maximum: configuration.fees.maximum?.minorUnits))
    let logMetrics = LogMetrics(registry)
    logMetrics.prepare(reasons: LedgerError.guardCodes)
    let writer = try Writer(
      directory: configuration.logDirectory, initial: state, guard: LedgerGuard<NodeState>(), signer: signer,
      clock: clock, metrics: logMetrics, logger: named("log"),
      snapshots: SnapshotPolicy(everyEvents: configuration.snapshotEvery, program: NodeVersion.text))
    let core = NodeCore(
      configuration: configuration, writer: writer, authority: authority, upstream: upstream, signer: signer,
      registry: registry, clock: clock)
    self.core = core
    let trust = core.trust
    ledgerMetrics = LedgerMetrics(registry)
    let auditMetrics = AuditMetrics(registry)
    auditor = try SupplyAuditor(
      directory: configuration.logDirectory, frame: frame, interval: configuration.auditInterval,
      checkpoint: { try await writer.checkpoint() },
      freeze: { drift in
        _ = try await core.submit(.ledger(.reportDrift(drift)), actor: .node(of: frame), key: core.freshKey("drift"))
      }, clock: clock, metrics: auditMetrics, logger: named("audit"))
    ledgerKeeper = HoldExpiryService(
      frame: frame, writer: core.ledger, clock: writer.time, metrics: ledgerMetrics, logger: named("ledger"))

    history = try AccountHistory(
      directory: configuration.logDirectory, durableSize: { writer.durableSize() }, changes: { writer.changes() },
      clock: clock, metrics: auditMetrics, logger: named("history"))
    let workloadMetrics = WorkloadMetrics(registry)
    keeper = AuthorityRotation(
      authority: authority, writer: core.identity, clock: clock, metrics: workloadMetrics, logger: named("identity"))
    entries = EntryBook(frame: frame, writer: core.identity, clock: clock, metrics: workloadMetrics)

    // Federation
    svid =
      try upstream?.svidSource(clock: clock, metrics: identityMetrics, logger: named("identity"))
      ?? SVIDSource(
        authority: authority, id: .node(of: frame), clock: clock, metrics: identityMetrics, logger: named("identity"))
    directory = PeerDirectory(frame: frame)
    names = try SNIMapComposer(
      configuration, peers: SNIMapComposer.Peers(directory), connectionsMax: descriptors[.sni],
      metrics: SNIMetrics(registry), logger: named("sni"))
    let operatorMetrics = OperatorMetrics(registry)
    let tenants = OperatorDirectory()
    gate = OperatorGate(directory: tenants, clock: writer.time, metrics: operatorMetrics)
    let directory = directory
    let workloads = WorkloadHub(
      authority: authority, entries: entries,
      peers: { directory.established.compactMap { directory.bundle(for: $0.peer) } },
      admits: { tenants.mayHaveSVID($0, at: writer.time.now()) }, clock: clock, logger: named("workload"))
    self.workloads = workloads
    operators = OperatorService(
      node: core, directory: tenants, names: names, metrics: operatorMetrics, logger: named("operators"),
      onChange: { [weak workloads] in workloads?.announce() })
    directory.observe { [weak workloads] change in
      // Whoever shows a bad certificate changes nothing for the workloads.
      if case .untrusted = change { return }
      workloads?.announce()
    }
    workloadServer = Self.workloadServer(
      configuration, descriptors[.workload], workloads, clock, workloadMetrics, named("workload"))
    let routing = Self.routing(configuration, names)
    let describe: FederationService.Description = { peer in
      try configuration.description(bundle: trust.bundle, logKey: signer.verifierKey, for: try peer.map(Asset.init))
    }
    let document: @Sendable () throws -> BundleDocument = { try BundleDocument(trust.bundle) }
    let endpoints = EndpointClient(clock: clock)
    web = try WebTrust(
      configuration.bundleEndpoint, clock: clock, metrics: BundleEndpointMetrics(registry), logger: named("bundle"))
    channels = PeerChannels(
      identity: svid, directory: directory, metrics: federationMetrics, clock: clock, routing: routing,
      logger: named("federation"))
    federation = FederationService(
      writer: core.federation, directory: directory, identity: svid, endpoints: endpoints, signer: signer,
      describe: describe,
      bundle: { try document().body }, trust: web.endpoints, metrics: federationMetrics, clock: clock, routing: routing,
      logger: named("federation"))
    refresher = BundleRefresher(
      directory: directory, federation: federation, endpoints: endpoints, trust: web.endpoints,
      reachability: channels.reachability, interval: configuration.refreshInterval,
      metrics: federationMetrics, clock: clock, logger: named("federation"))

    // Witnessing
    let witnessMetrics = WitnessMetrics(registry)
    let (calls, treaties, treatyService) = (channels, directory, federation)
    let watch = PeerLogWatch(
      witness: try Witness(
        directory: configuration.witnessDirectory, signer: signer, clock: clock, metrics: witnessMetrics),
      evidence: EvidenceFolder(configuration.witnessDirectory.appendingPathComponent("evidence", isDirectory: true)),
      peers: calls, directory: treaties, metrics: witnessMetrics, logger: named("witness"),
      report: { peer, proof in try await treatyService.reportEquivocation(peer, proof) })
    self.watch = watch
    directory.observe { [weak watch] _ in watch?.show() }
    cosignatures = Cosignatures(
      directory: configuration.logDirectory, key: signer.verifierKey, metrics: witnessMetrics)

    // Settlement, projection, bridge
    let settlementMetrics = SettlementMetrics(registry)
    let bridgeMetrics = BridgeMetrics(registry)
    let projectionMetrics = ProjectionMetrics(registry)
    let coordinator = TransferCoordinator(
      frame: frame, native: configuration.native, writer: core.settlement, peers: channels, clock: clock,
      metrics: settlementMetrics, logger: named("settlement"))
    self.coordinator = coordinator
    let relay = BridgeRelay(
      frame: frame, writer: core.bridge, log: core, peers: channels, clock: clock, metrics: bridgeMetrics,
      logger: named("bridge"),
      read: { try await watch.read($0, of: $1, key: $2) })
    self.relay = relay
    follower = ProjectionFollower(
      frame: frame, writer: core.projection, peers: channels, clock: clock, metrics: projectionMetrics,
      logger: named("projection"),
      read: { try await watch.read($0, of: $1, key: $2) },
      onCommitted: { events in
        await coordinator.observe(events)
        await relay.observe(events)
      })
    let verbs = NodeRequests(
      projection: ProjectionServer(writer: core.projection, log: core, clock: clock, metrics: projectionMetrics),
      settlement: SettlementServer(writer: core.settlement, log: core, metrics: settlementMetrics), bridge: relay,
      watch: watch, log: core, directory: directory)

    // Listeners
    apiPlaces = ListenerPlaces(max: descriptors[.api])
    opsPlaces = ListenerPlaces(max: descriptors[.ops])
    readiness = Readiness(
      Set(
        ["api", "ops", "federation", "bundle"] + (configuration.sni.enabled ? ["sni"] : [])
          + (workloadServer == nil ? [] : ["workload"]) + (upstream == nil ? [] : [Self.identityPart])),
      gauge: metrics.ready)
    bundleListener = BundleListener(
      host: configuration.bundle.host, port: configuration.bundle.port, connectionsMax: descriptors[.bundle],
      identity: web.presented(else: svid),
      bundle: document,
      describe: { try describe(nil) }, federation: federation, metrics: federationMetrics, clock: clock,
      logger: named("bundle"))
    peerServer = try PeerServer(
      host: configuration.federation.host, port: configuration.federation.port,
      connectionsMax: descriptors[.federation], identity: svid, directory: directory, treaties: federation,
      verbs: verbs, metrics: federationMetrics, clock: clock, logger: named("federation"),
      // Whoever connects is there: what waits for it is tried at once.
      onConnection: { [calls] in calls.hurry($0) })
    // After all that can throw: the client must not be let go of without its shutdown.
    let http = HTTPClient(eventLoopGroupProvider: .singleton)
    self.http = http
    courier = CheckpointSubmitter(
      log: core, logKey: signer.verifierKey,
      witnesses: {
        await watch.recordAgain()
        watch.show()
        let peers = treaties.established.filter { !treaties.isStopped($0.peer) }
          .compactMap { try? PeerWitness($0, peers: calls) as any CheckpointWitness }
        return peers + configuration.witnesses.map { HTTPWitness($0, client: http) }
      },
      cosignatures: cosignatures, acceptsFork: configuration.acceptsFork, clock: clock, metrics: witnessMetrics,
      logger: named("witness"))
    let listenerMetrics = ListenerMetrics(registry)
    registry.onCollect("listeners") { [weak self] _ in
      for (listener, counts) in self?.listenerCounts() ?? [] { listenerMetrics.show(listener.rawValue, counts) }
    }
  }

  /// Makes the log this frame's, once (a log of another frame is refused), and the canary's agent.
  /// - Throws: a `Refusal` `log_lost` when there is no log beside keys and memory of one that was; `KeysNotInForce`.
  func found() async throws {
    if core.writer.durableSize() == 0 { try await requireNoMemory() }
    try await requireKeysInForce()
    _ = try await core.submit(
      .ledger(.foundFrame(logVerifierKey: core.signer.verifierKey.text)), actor: .authority(of: core.frame),
      key: core.freshKey("found"))
    try await entries.load()
    // Peers' canaries send to ours from the moment a treaty is established: it must be there before.
    if core.configuration.canary.enabled { try await CanaryLender(node: core).ensureAgent() }
  }

  /// A log key signs one log: a second one that begins beside it would be another history, and would act anew on what peers have for
  /// the first. What this frame has witnessed of its peers shows that there was one.
  private func requireNoMemory() async throws {
    let (folder, log) = (core.configuration.witnessDirectory, core.configuration.logDirectory)
    let names = try await Blocking.run { (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] }
    guard names.contains(where: { $0.contains("+") }) else { return }
    throw Refusal(
      "log_lost", .internal,
      "\(log.path) is empty, but this frame has had a log: \(folder.path) remembers those of its peers.",
      remedy:
        "Restore a backup (frame restore). If there is none, the frame begins anew with another log and other keys: frame init in a new "
        + "folder, and a treaty with each peer (runbooks/FrameLogBehindWitness.md).")
  }

  /// Before anything is signed: keys from before a rotation would sign what no peer takes, and number their next changes as the log has
  /// numbered others.
  private func requireKeysInForce() async throws {
    let logged = try await core.writer.read { $0.identity.logged }
    guard let why = logged.mismatch(core.authority.standing) else { return }
    let unfit = KeysNotInForce(core.configuration.keysDirectory.path, why: why)
    guard core.configuration.acceptsOldKeys else { throw unfit }
    let authority = core.authority
    _ = try await Blocking.run { try authority.reinstate(beyond: logged.sequence) }
    logger.critical("The frame goes on with old keys, as it was told to", metadata: ["why": "\(why)"])
  }

  /// The connections of every listener that there is.
  private func listenerCounts() -> [(DescriptorBudget.Listener, SharedPlaces.Counts)] {
    [
      (.api, apiPlaces.counts), (.ops, opsPlaces.counts), (.federation, peerServer.counts),
      (.bundle, bundleListener.counts),
    ]
      + (names.service.map { [(.sni, $0.counts)] } ?? []) + (workloadServer.map { [(.workload, $0.counts)] } ?? [])
  }

  /// A treaty with another log of its peer, made by a version that did not know the difference: what stood towards the one
  /// before is put on accounts of its own now (decision 0034).
  func bookFormerLogs() async throws {
    let unbooked = try await core.writer.read { state in
      state.federation.logs.former.values.filter { $0.state == .unbooked }.map(\.log)
    }
    for log in unbooked {
      _ = try await core.submit(
        .federation(.bookFormerLog(log)), actor: .node(of: core.frame), key: core.freshKey("former-log/book"))
    }
  }

  /// In order of start; a graceful shutdown goes the other way.
  func services() -> [any Service] {
    let configuration = core.configuration
    var services: [any Service] = [
      WriterService(node: core), identity(), svid, auditor, ledgerKeeper, history,
      opsListener(),
      channels, federation, operators, web, courier, follower, coordinator, relay, refresher,
      ListenerService(
        name: "bundle", listener: configuration.bundle, readiness: readiness, service: bundleListener,
        bound: { [bundleListener] in _ = try await bundleListener.listeningPort }),
      ListenerService(
        name: "federation", listener: configuration.federation, readiness: readiness, service: peerServer,
        bound: { [peerServer] in _ = try await peerServer.listeningPort }),
    ]
    if let sni = names.service {
      services.append(
        ListenerService(
          name: "sni", listener: configuration.sni.listener, readiness: readiness, service: sni,
          bound: { _ = try await sni.listeningPort }))
    }
    if core.upstream == nil { services.append(workloads) }
    if let workloadServer {
      services.append(LocalListenerService(server: workloadServer, readiness: readiness))
    }
    let api = apiRoutes()
    services.append(
      ListenerService.http(
        "api", configuration.api, api.router, routes: api.routes, readiness: readiness, places: apiPlaces,
        // Longer than a caller waits for a 2pc transfer.
        grace: SettlementLimits.callerWait + .seconds(1), logger: Logger(label: "frame.api"))
    )
    if configuration.canary.enabled { services.append(canary()) }
    return services
  }

  /// What keeps the frame's identity: its own keys are rotated, or an agent is listened to.
  private func identity() -> any Service {
    guard let upstream = core.upstream else { return keeper }
    return UpstreamService(upstream: upstream, readiness: readiness, part: Self.identityPart)
  }

  private static let identityPart = "identity"

  func opsListener() -> ListenerService {
    ListenerService.http(
      "ops", core.configuration.ops, ops(), readiness: readiness, places: opsPlaces, logger: Logger(label: "frame.ops"))
  }

  /// `/metrics`, health, readiness and service discovery.
  func ops() -> Router<BasicRequestContext> {
    let listener = core.configuration.ops
    return OpsRoutes.build(
      exposition: exposition, readiness: { [readiness] in readiness.reasons },
      targets: ServiceDiscovery(target: "\(listener.host):\(listener.port)", frame: core.frame))
  }

  /// The REST API with all its routes.
  func api() -> Router<APIContext> { apiRoutes().router }

  func apiRoutes() -> APIRouter {
    RESTParts(
      node: core, gate: gate, operators: operators, identityMetrics: identityMetrics, ledgerMetrics: ledgerMetrics,
      auditor: auditor, history: history, coordinator: coordinator, relay: relay, federation: federation, watch: watch,
      cosignatures: cosignatures,
      sight: { [channels, refresher, follower] in
        .init(
          calls: channels.reachability.view($0), bundle: refresher.observed($0), stream: follower.stream(of: $0))
      }, rotation: keeper, entries: entries, names: names, reload: { [self] in try await reload() },
      apiMetrics: metrics.api, tileMetrics: metrics.tiles, logger: logger
    ).routes()
  }

  private func canary() -> Canary {
    let configuration = core.configuration
    let lender = CanaryLender(node: core)
    return Canary(
      configuration: CanaryConfiguration(
        interval: configuration.canaryInterval ?? configuration.canary.interval,
        amount: configuration.canary.amount),
      host: CanaryHost(
        scale: configuration.native.scale, peers: { try await lender.peers() },
        ensureFunds: { try await lender.ensureFunds($0) }),
      api: HTTPCanaryAPI(
        client: http, baseURL: { configuration.localAPIURL }, token: { try await lender.token() }),
      metrics: canaryMetrics, clock: core.clock, logger: Logger(label: "frame.canary"))
  }

  private static func workloadServer(
    _ configuration: NodeConfiguration, _ connectionsMax: Int, _ hub: WorkloadHub, _ clock: any FrameClock,
    _ metrics: WorkloadMetrics,
    _ logger: Logger
  ) -> WorkloadServer? {
    let path = configuration.identity.workloadAPI.socket
    guard configuration.identity.workloadAPI.enabled else { return nil }
    guard path.utf8.count <= WorkloadServer.pathBytesMax else {
      logger.warning(
        "The Workload API is off: the path of its socket is too long; set identity.workload_api.socket",
        metadata: ["socket": "\(path)", "bytes_max": "\(WorkloadServer.pathBytesMax)"])
      return nil
    }
    return WorkloadServer(
      path: path, connectionsMax: connectionsMax, hub: hub, clock: clock, metrics: metrics, logger: logger)
  }

  /// A peer that frame.yaml's SNI map names is reached through the router, as every stack on a shared host is (seed: "the
  /// only path by which one cloud-op reaches another").
  private static func routing(_ configuration: NodeConfiguration, _ names: SNIMapComposer) -> PeerChannels.Routing {
    guard configuration.sni.enabled else { return { _, _ in nil } }
    let router = HostPort(host: configuration.sni.listener.host, port: configuration.sni.listener.port)
    return { peer, _ in names.isConfigured(peer.name) ? router : nil }
  }

  /// Reads frame.yaml again and takes over what may change while the node runs: `sni.map`, and the contents of the files
  /// that `bundle` names. What else has changed in it is named. A file that is wrong changes nothing.
  func reload() async throws -> Reloaded {
    guard let file = core.configuration.file else {
      throw Refusal(
        "no_configuration_file", .refused, "This node was not started from a file.",
        remedy: "Start it with frame serve --config.")
    }
    do {
      let reloaded = try await Blocking.run { [web, names, core] in
        let fresh = try NodeConfiguration.load(URL(fileURLWithPath: file))
        // Whatever can be refused is looked at before anything changes.
        try names.check(configured: fresh.sni.map)
        let different = try core.configuration.differences(from: fresh)
        try web.reload()
        return Reloaded(
          sniMapChanged: try names.set(configured: fresh.sni.map),
          needRestart: different.filter { !$0.hasPrefix("sni.map.") && $0 != "sni.map" })
      }
      metrics.restartPending.set(reloaded.needRestart.count)
      logger.notice(
        "Read the configuration again", metadata: ["file": "\(file)", "sni_map_changed": "\(reloaded.sniMapChanged)"])
      if !reloaded.needRestart.isEmpty {
        logger.warning(
          "Changed settings were not taken over: they need a restart",
          metadata: ["file": "\(file)", "settings": "\(reloaded.needRestart.joined(separator: ", "))"])
      }
      return reloaded
    } catch {
      names.countRefusedReload()
      logger.error("The configuration cannot be taken over", metadata: ["file": "\(file)", "error": "\(error.report)"])
      throw error
    }
  }
}
