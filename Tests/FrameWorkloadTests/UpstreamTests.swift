import Foundation
import FrameCore
import FrameIdentity
import FrameMetrics
import GRPCCore
import Logging
import SPIFFEWorkloadAPI
import Synchronization
import Testing
import X509

@testable import FrameWorkload

@Suite("The node's identity from an agent", .timeLimit(.minutes(5)))
struct UpstreamTests {
  static let wait: Duration = .seconds(60)
  static let endless = [
    UpstreamFeed.answerWithin, UpstreamFeed.overdueCheck, UpstreamIdentity.checkInterval, Self.wait,
  ]
  static let unreachable = RPCError(code: .unavailable, message: "connection refused")

  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("up-\(UUID().uuidString.prefix(8))")
  let registry = MetricRegistry()
  let authority: FrameAuthority
  let clock: ScriptClock

  init() throws {
    // Pauses between attempts pass; waiting for an answer, for the first SVID, and for its end do not.
    let clock = ScriptClock { !Self.endless.contains($0) }
    self.clock = clock
    authority = try FrameAuthority.ephemeral(frame: Frames.a, policy: WorkloadFixture.policy, clock: clock)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func settings(floor: UInt64 = 1, wait: Duration = Self.wait) -> UpstreamSettings {
    UpstreamSettings(
      frame: Frames.a, path: "/run/agent.sock", wait: wait, refreshHint: .seconds(300),
      keys: KeyDirectory(path: folder.path), floor: floor)
  }

  private func open(
    _ agent: FakeAgent, clock: ScriptClock? = nil, floor: UInt64 = 1, wait: Duration = Self.wait
  ) async throws -> UpstreamIdentity {
    let metrics = UpstreamMetrics(registry, identity: IdentityMetrics(registry))
    metrics.showUpstream()
    return try await UpstreamIdentity.open(
      settings(floor: floor, wait: wait), agent, clock: clock ?? self.clock, metrics: metrics,
      logger: Logger(label: "test"), chance: { 0.5 })
  }

  private func x509(
    _ ids: [SPIFFEID] = [.node(of: Frames.a)], by authority: FrameAuthority? = nil, bundle: SPIFFEBundle? = nil
  ) throws -> UpstreamMessage {
    let authority = authority ?? self.authority
    var message = WLX509SVIDResponse()
    for id in ids {
      let svid = try authority.issueX509SVID(for: id)
      message.svids.append(
        try .with {
          $0.spiffeID = id.description
          $0.x509Svid = try svid.chainDER()[0]
          $0.x509SvidKey = try svid.pkcs8
          $0.bundle = try (bundle ?? authority.bundle).x509Authorities.reduce(into: Data()) { $0 += try $1.der() }
        })
    }
    return .x509(message)
  }

  private func jwt() throws -> UpstreamMessage {
    .jwt(try .with { $0.bundles = ["spiffe://frame-a.example": try authority.bundle.jwtDocument()] })
  }

  private func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let family = registry.collect().first { $0.descriptor.name == name }
    let metric = family?.metrics.first { metric in labels.allSatisfy { metric.labels[$0.key] == $0.value } }
    return switch metric?.value {
    case .counter(let number, _): number.doubleValue
    case .gauge(let number): number.doubleValue
    default: nil
    }
  }

  private func failures(_ reason: String) -> Double? {
    value("frame_identity_source_failures_total", ["reason": reason])
  }

  /// Runs the identity while `body` does, then stops it.
  private func running(_ identity: UpstreamIdentity, _ body: () async throws -> Void) async throws {
    let service = Task { try await identity.run() }
    do { try await body() } catch {
      service.cancel()
      throw error
    }
    service.cancel()
    try await service.value
  }

  /// Waits for a bundle or SVID that satisfies `condition`.
  private func until(_ identity: UpstreamIdentity, _ condition: (UpstreamIdentity) -> Bool) async {
    while !condition(identity) { await Task.yield() }
  }

  @Test("S9: it is there once the agent has said everything, and the bundle has a number that is on the disk")
  func first() async throws {
    let identity = try await open(FakeAgent(try x509(), try jwt()))
    #expect(identity.svid.id == .node(of: Frames.a) && identity.frame == Frames.a)
    let bundle = identity.bundle
    #expect(bundle.hasSameKeys(as: authority.bundle) && bundle.refreshHint == .seconds(300))
    #expect(bundle.sequence == 1_767_225_600)
    #expect(identity.bundle(for: Frames.a) == bundle && identity.bundle(for: Frames.b) == nil)
    let stored = try KeyDirectory(path: folder.path).read(BundleNumbering.fileName)
    #expect(BundleNumbering(stored, of: Frames.a)?.sequence == bundle.sequence)
    #expect(value("frame_bundle_sequence") == 1_767_225_600)
    #expect(value("frame_identity_source_updates_total", ["kind": "x509"]) == 1)
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("an agent without JWT keys gives an identity without them")
  func noJWT() async throws {
    #expect(try await open(FakeAgent(try x509(), .noJWT)).bundle.jwtAuthorities.isEmpty)
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("the node's SVID is taken from among several, and nothing of what comes along of other trust domains")
  func several() async throws {
    let message = try x509([.authority(of: Frames.a), .node(of: Frames.a)])
    guard case .x509(var several) = message else { return }
    several.federatedBundles = ["spiffe://frame-b.example": Data([1, 2, 3])]
    let identity = try await open(FakeAgent(.x509(several), try jwt()))
    #expect(identity.svid.id == .node(of: Frames.a) && identity.bundle(for: Frames.b) == nil)
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("an SVID of another trust domain ends the start at once and says which")
  func foreign() async throws {
    let other = try FrameAuthority.ephemeral(frame: Frames.b, clock: clock)
    await #expect {
      _ = try await open(FakeAgent(try x509([.node(of: Frames.b)], by: other), try jwt()))
    } throws: { error in
      let error = error as? any FrameError
      return error?.code == "identity_source_other_trust_domain"
        && error?.message.contains("spiffe://frame-b.example/node") == true
    }
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("a start without a usable SVID ends in time and says what was wrong last")
  func noIdentity() async throws {
    let other = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    let brief = try FrameAuthority.ephemeral(frame: Frames.a, policy: WorkloadFixture.policy, clock: ScriptClock.past)
    var garbage = WLX509SVIDResponse()
    garbage.svids = [.with { $0.spiffeID = "spiffe://frame-a.example/node" }]
    let denied = RPCError(code: .permissionDenied, message: "no identity issued")
    let cases: [(FakeAgent, String)] = [
      (FakeAgent(refusing: [Self.unreachable]), "connection refused"),
      (FakeAgent(refusing: [denied]), "no identity for this process"),
      (FakeAgent(try x509([.authority(of: Frames.a)]), try jwt()), "and not 'spiffe://frame-a.example/node'"),
      (FakeAgent(try x509(bundle: other.bundle), try jwt()), "does not hold"),
      (FakeAgent(try x509(by: brief), try jwt()), "does not hold"),
      (FakeAgent(.x509(garbage), try jwt()), "no bundle of frame-a.example"),
      (FakeAgent(.x509(.init()), try jwt()), "no SVID"),
    ]
    for (agent, why) in cases {
      // The wait is over once the one attempt has failed.
      let failed = failed()
      let clock = ScriptClock { [registry] duration in
        guard duration == Self.wait else { return false }
        while Self.failed(registry) == failed, !Task.isCancelled { await Task.yield() }
        return true
      }
      await #expect {
        _ = try await open(agent, clock: clock)
      } throws: { error in
        let error = error as? any FrameError
        let said = "\(error.map { "\($0)" } ?? "nothing")"
        #expect(said.contains(why) && said.contains("unix:///run/agent.sock"), "\(said)")
        return error?.code == "identity_source_unavailable"
      }
    }
    // An agent that takes the connection and says nothing is told from one that is not there.
    let failed = failed()
    let silent = ScriptClock { [registry] duration in
      guard duration == Self.wait else { return duration == UpstreamFeed.answerWithin }
      while Self.failed(registry) == failed, !Task.isCancelled { await Task.yield() }
      return true
    }
    await #expect {
      _ = try await open(FakeAgent(try x509()), clock: silent)
    } throws: {
      ($0 as? any FrameError)?.message.contains("does not answer") == true
    }
    try? FileManager.default.removeItem(at: folder)
  }

  private static func failed(_ registry: MetricRegistry) -> Double {
    let family = registry.collect().first { $0.descriptor.name == "frame_identity_source_failures_total" }
    return (family?.metrics ?? []).reduce(0) { sum, metric in
      if case .counter(let number, _) = metric.value { sum + number.doubleValue } else { sum }
    }
  }
  private func failed() -> Double { Self.failed(registry) }

  @Test("an agent that is not there is asked again with growing pauses, and from the beginning after a success")
  func pauses() async throws {
    let agent = FakeAgent(try x509(), try jwt(), refusing: Array(repeating: Self.unreachable, count: 7))
    let identity = try await open(agent)
    let slept: [Duration] = [.seconds(0.75), .seconds(1.5), .seconds(3), .seconds(6), .seconds(12)]
    #expect(clock.slept == slept + [.seconds(22.5), .seconds(22.5)])
    #expect(failures("unreachable") == 7)
    try await running(identity) {
      await until(identity) { $0.isConnected }
      agent.breakOff(Self.unreachable)
      while agent.connections < 10 { await Task.yield() }
      await until(identity) { $0.isConnected }
      #expect(clock.slept.last == .seconds(0.75))
    }
    var pause = UpstreamPause()
    #expect(pause.next(chance: 0) == .seconds(0.5) && pause.next(chance: 1) == .seconds(2))
    for _ in 0..<80 { #expect(pause.next(chance: 2) <= UpstreamPause.longest) }
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("S8: a rotation at the authority reaches bundle and SVID in the order in which it is said")
  func rotation() async throws {
    let agent = FakeAgent(try x509(), try jwt())
    let identity = try await open(agent)
    let (first, sequence) = (identity.svid, try #require(identity.bundle.sequence))
    let source = try identity.svidSource(
      clock: clock, metrics: IdentityMetrics(registry), logger: Logger(label: "test"))
    let service = Task { try await source.run() }
    try await running(identity) {
      await until(identity) { $0.isConnected }
      #expect(identity.bundle.sequence == sequence, "the same keys over another connection have the same number")
      try authority.rotate(.x509, .prepare, byOperator: true)
      agent.say(try x509())
      await until(identity) { $0.bundle.x509Authorities.count == 2 }
      #expect(identity.bundle.sequence == sequence + 1)
      try authority.rotate(.x509, .activate(force: true), byOperator: true)
      agent.say(try x509())
      await until(identity) { $0.svid.authorityName != first.authorityName }
      #expect(identity.bundle.sequence == sequence + 1, "an SVID alone is no change of the bundle")
      while source.current.chain != identity.svid.chain { await Task.yield() }
      try authority.rotate(.jwt, .prepare, byOperator: true)
      agent.say(try jwt())
      await until(identity) { $0.bundle.jwtAuthorities.count == 2 }
      #expect(identity.bundle.sequence == sequence + 2)
    }
    #expect(value("frame_svid_expiry_timestamp_seconds") == source.current.notAfter.seconds)
    service.cancel()
    try await service.value
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("what does not hold changes nothing, and neither does an agent that goes away")
  func kept() async throws {
    let agent = FakeAgent(try x509(), try jwt())
    let identity = try await open(agent)
    let (svid, bundle) = (identity.svid, identity.bundle)
    let other = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    try await running(identity) {
      await until(identity) { $0.isConnected }
      for message in [
        try x509(bundle: other.bundle), try x509([.authority(of: Frames.a)]), .x509(.init()),
        .jwt(.with { $0.bundles = ["spiffe://frame-a.example": Data("x".utf8)] }),
      ] {
        let before = failures("refused") ?? 0
        agent.say(message)
        while failures("refused") == before { await Task.yield() }
      }
      #expect(identity.isConnected && identity.svid.chain == svid.chain && identity.bundle == bundle)
      agent.breakOff(Self.unreachable, refusing: Array(repeating: Self.unreachable, count: 3))
      while agent.connections < 6 { await Task.yield() }
      await until(identity) { $0.isConnected }
      #expect(identity.svid.chain == svid.chain && identity.bundle == bundle)
      #expect(value("frame_identity_source_connected", ["source": "workload-api"]) == 1)
      agent.breakOff(
        RPCError(code: .permissionDenied, message: "no identity issued"),
        refusing: Array(repeating: RPCError(code: .permissionDenied, message: "no identity issued"), count: 1))
      while failures("permission_denied") != 2 { await Task.yield() }
      #expect(identity.svid.chain == svid.chain, "it is used until it expires")
    }
    #expect(value("frame_identity_source_connected", ["source": "workload-api"]) == 0)
    try? FileManager.default.removeItem(at: folder)
  }

  @Test(
    "S5: the number never goes back: not by a restart, another clock, a lost file, or an authority of its own before")
  func restart() async throws {
    let first = try #require(try await open(FakeAgent(try x509(), try jwt())).bundle.sequence)
    clock.advance(by: .seconds(100))
    #expect(try await open(FakeAgent(try x509(), try jwt())).bundle.sequence == first)
    try authority.rotate(.x509, .prepare, byOperator: true)
    clock.advance(by: .seconds(-50_000))
    let backdated = try FrameAuthority.ephemeral(frame: Frames.a, policy: WorkloadFixture.policy, clock: clock)
    let second = try #require(
      try await open(FakeAgent(try x509(by: backdated), try jwt())).bundle.sequence)
    #expect(second == first + 1)
    clock.advance(by: .seconds(50_200))
    try FileManager.default.removeItem(at: folder.appendingPathComponent(BundleNumbering.fileName))
    #expect(try #require(try await open(FakeAgent(try x509(), try jwt())).bundle.sequence) > second)
    #expect(try await open(FakeAgent(try x509(), try jwt()), floor: 9_000_000_000).bundle.sequence == 9_000_000_001)
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("a number that cannot be stored is not used: the bundle stays until it can")
  func unstorable() async throws {
    let agent = FakeAgent(try x509(), try jwt())
    let identity = try await open(agent)
    let bundle = identity.bundle
    try await running(identity) {
      await until(identity) { $0.isConnected }
      try FileManager.default.removeItem(at: folder)
      try authority.rotate(.x509, .prepare, byOperator: true)
      let rotated = try x509()
      agent.say(rotated, greeting: [rotated, try jwt()])
      while (failures("storage") ?? 0) < 2 { await Task.yield() }
      #expect(identity.bundle == bundle)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      await until(identity) { $0.bundle.x509Authorities.count == 2 }
      #expect(identity.isConnected)
    }
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("an agent that renews nothing though it is there is asked over a new connection, once for each SVID")
  func overdue() async throws {
    let clock = ScriptClock { duration in
      guard duration == UpstreamFeed.overdueCheck || duration == .seconds(0.75) else { return false }
      await Task.yield()
      return true
    }
    let agent = FakeAgent(try x509(), try jwt())
    let identity = try await open(agent, clock: clock)
    try await running(identity) {
      await until(identity) { $0.isConnected }
      // The life is an hour and ten seconds, the ten before now.
      clock.advance(by: .seconds(2697))
      let slept = clock.slept.count
      while clock.slept.count < slept + 3 { await Task.yield() }
      #expect(agent.connections == 2)
      clock.advance(by: .seconds(2))
      while agent.connections < 3 { await Task.yield() }
      await until(identity) { $0.isConnected }
      let again = clock.slept.count
      while clock.slept.count < again + 3 { await Task.yield() }
      #expect(agent.connections == 3 && failures("agent") == 1)
    }
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("the node is told when its SVID has expired, and when it has another")
  func expiry() async throws {
    let clock = ScriptClock { duration in
      guard duration == UpstreamIdentity.checkInterval else { return false }
      await Task.yield()
      return true
    }
    let agent = FakeAgent(try x509(), try jwt())
    let identity = try await open(agent, clock: clock)
    let told = Mutex<[Bool]>([])
    let service = Task { try await identity.run { valid in told.withLock { $0.append(valid) } } }
    await until(identity) { $0.isConnected }
    clock.advance(by: .seconds(3601))
    while told.withLock({ $0 }) != [true, false] { await Task.yield() }
    let later = try FrameAuthority.ephemeral(frame: Frames.a, policy: WorkloadFixture.policy, clock: clock)
    agent.say(try x509(by: later))
    while told.withLock({ $0 }) != [true, false, true] { await Task.yield() }
    service.cancel()
    try await service.value
    try? FileManager.default.removeItem(at: folder)
  }

  @Test("S9: over a real socket: the mandatory header, SVID and bundle, a rotation, and an entry that is taken away")
  func socket() async throws {
    let fixture = try WorkloadFixture()
    let path = folder.appendingPathComponent("s").path
    let hub = WorkloadHub(
      authority: fixture.authority, entries: fixture.entries, peers: { [] }, clock: fixture.clock,
      logger: Logger(label: "test"))
    let server = WorkloadServer(
      path: path, hub: hub, clock: fixture.clock, metrics: fixture.metrics, logger: Logger(label: "test"))
    let hubTask = Task { try await hub.run() }
    let serverTask = Task { try await server.run() }
    try await server.bound()
    while !hub.isReady { await Task.yield() }
    let entry = try await fixture.entries.create(
      .node(of: Frames.a), selectors: [.uid(getuid())], x509Lifetime: nil, jwtLifetime: nil, hint: "", forNode: true,
      actor: .authority(of: Frames.a))
    let identity = try await UpstreamIdentity.open(
      UpstreamSettings(
        frame: Frames.a, path: path, wait: .seconds(60), refreshHint: .seconds(300),
        keys: KeyDirectory(path: folder.path), floor: 1), clock: fixture.clock,
      metrics: UpstreamMetrics(registry, identity: IdentityMetrics(registry)), logger: Logger(label: "test"))
    #expect(identity.bundle.hasSameKeys(as: fixture.authority.bundle))
    let first = identity.svid
    try await running(identity) {
      var changes = identity.changes().makeAsyncIterator()
      func next(_ condition: () -> Bool) async { while !condition(), await changes.next() != nil {} }
      await next { identity.isConnected }
      _ = try await fixture.keeper.rotate(.x509, .prepare)
      await next { identity.bundle.x509Authorities.count == 2 }
      _ = try await fixture.keeper.rotate(.x509, .activate(force: true))
      await next { identity.svid.chain != first.chain }
      _ = try await fixture.entries.remove(entry.id, reason: "", actor: .authority(of: Frames.a))
      while failures("permission_denied") ?? 0 < 1 { await Task.yield() }
      #expect(identity.svid.notAfter > fixture.clock.now())
    }
    hubTask.cancel()
    serverTask.cancel()
    try await hubTask.value
    try await serverTask.value
    try? FileManager.default.removeItem(at: folder)
  }
}

extension X509SVID {
  /// What tells which authority issued it: the signed part of no two authorities has the same key identifier.
  fileprivate var authorityName: String {
    "\(String(describing: try? chain[0].extensions.authorityKeyIdentifier?.keyIdentifier))"
  }
}
