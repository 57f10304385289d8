import Foundation
import FrameCore
import FrameIdentity
import FrameMetrics
import FrameProtos
import Logging
import Synchronization
import FrameTesting
import Testing

@testable import FrameTreaty
@testable import FramePeering

@Suite("What a peer, or who claims to be one, may do in a while", .serialized, .timeLimit(.minutes(2)))
struct PeerExcessTests {
  /// A clock that stands where the test puts it, and never sleeps for ever.
  private final class HandClock: FrameClock {
    private let time = Mutex(SystemClock().now())
    func now() -> FrameTime { time.withLock { $0 } }
    func forward(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: .seconds(600)) }
  }

  private func refresher(of frame: TestFrame, _ clock: any FrameClock, _ registry: MetricRegistry) -> BundleRefresher {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return BundleRefresher(
      directory: frame.directory, federation: frame.federation, endpoints: EndpointClient(timeout: .seconds(30)),
      metrics: PeeringMetrics(registry), clock: clock, logger: logger)
  }

  private func sample(_ registry: MetricRegistry, _ name: String, _ labels: [String: String]) -> Double? {
    for family in registry.collect() where family.descriptor.name == name {
      for metric in family.metrics where labels.allSatisfy({ metric.labels[$0.key] == $0.value }) {
        switch metric.value {
        case .counter(let value, _), .gauge(let value): return value.doubleValue
        default: continue
        }
      }
    }
    return nil
  }

  @Test(
    "P7: a bundle that changes at each look moves the pin a few times an hour, then stays; an hour later it goes on")
  func pinMoves() async throws {
    let (a, b) = try await TestFrame.federated()
    let (clock, registry) = (HandClock(), MetricRegistry())
    let refresher = refresher(of: a, clock, registry)
    let own = b.authority.bundle
    let keys = try (0..<2).map { _ in try FrameAuthority.ephemeral(frame: b.id).bundle.jwtAuthorities }
    var sequence = own.sequence ?? 0
    func swap() {
      sequence += 1
      b.publish(
        SPIFFEBundle(
          trustDomain: b.id, x509Authorities: own.x509Authorities, jwtAuthorities: keys[Int(sequence % 2)],
          sequence: sequence, refreshHint: .zero))
    }
    func rotations() async -> Int { await a.writer.book.types.count { $0 == "PeerBundleRotated" } }
    for _ in 0..<BundleRefresher.movesPerHour {
      swap()
      try await refresher.refresh(b.id)
    }
    let held = a.directory.treaty(b.id)?.pin
    for _ in 0..<5 {
      swap()
      await #expect(throws: FederationError.pinMovesLimited(b.id, limit: BundleRefresher.movesPerHour)) {
        try await refresher.refresh(b.id)
      }
    }
    #expect(await rotations() == BundleRefresher.movesPerHour)
    #expect(a.directory.treaty(b.id)?.pin == held)
    #expect(sample(registry, "frame_peer_excess_total", ["peer": b.id.name, "kind": "pin_moves"]) == 5)
    clock.forward(.seconds(600))
    try await refresher.refresh(b.id)
    #expect(await rotations() == BundleRefresher.movesPerHour + 1)
    await a.stop()
    await b.stop()
  }

  @Test("S2: a certificate of an unknown authority in a peer's name has its bundle looked at at once, but not at each")
  func untrusted() async throws {
    let (a, b) = try await TestFrame.federated()
    let (clock, registry) = (HandClock(), MetricRegistry())
    let refresher = refresher(of: a, clock, registry)
    let running = Task { try? await refresher.run() }
    try await eventually("the first look") {
      sample(registry, "frame_peer_bundle_refreshes_total", ["peer": b.id.name]) == 1
    }
    // Somebody else answers in B's place, and calls in its name: nothing that is pinned vouches for either.
    let impostor = try FrameAuthority.ephemeral(frame: b.id)
    clock.forward(.seconds(120))
    try await b.sign(with: impostor)
    try await eventually("the mismatch is seen, and nobody waited for it") {
      sample(
        registry, "frame_peer_bundle_refresh_failures_total", ["peer": b.id.name, "reason": "untrusted_authority"])
        != nil
        || sample(registry, "frame_peer_bundle_refreshes_total", ["peer": b.id.name]) == 2
    }
    // However often: once a minute.
    func looks() -> Double {
      (b.sample("frame_bundle_endpoint_requests_total", ["code": "200"]) ?? 0)
        + (b.sample("frame_bundle_endpoint_requests_total", ["code": "304"]) ?? 0)
    }
    let before = looks()
    for _ in 0..<200 { a.directory.untrusted(b.id) }
    a.directory.untrusted(Names.c)
    #expect(looks() <= before + 2)
    running.cancel()
    await a.stop()
    await b.stop()
  }

  @Test("P3: every verb has its measure for each peer; what is beyond is refused, counted, and nobody else's")
  func calls() async throws {
    let (a, b) = try await TestFrame.federated()
    let most = CallLimits.perMinute(.reserveStatement)
    var answered = 0
    var refused: PeerCallError?
    for _ in 0..<most * 2 {
      do {
        _ = try await a.channels.reserveStatement(b.id, timeout: .seconds(5))
        answered += 1
      } catch let error as PeerCallError { refused = error }
      if refused != nil { break }
    }
    #expect((most...most + 60).contains(answered))
    #expect(refused?.isOutcomeUnknown == true && refused?.message.contains("rate_limited") == true)
    #expect(b.sample("frame_peer_excess_total", ["peer": a.id.name, "kind": "calls"]) == 1)
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(5))
    let limits = CallLimits()
    for method in PeerMethod.allCases {
      let allowed = (0..<CallLimits.perMinute(method)).count { _ in limits.allow(Names.a, method, at: start) }
      #expect(allowed == CallLimits.perMinute(method))
      #expect(!limits.allow(Names.a, method, at: start))
      #expect(limits.allow(Names.b, method, at: start))
      #expect(limits.allow(Names.a, method, at: start + .seconds(2)))
    }
    await a.stop()
    await b.stop()
  }

  @Test("P3: a stream of small messages that waits for our reader takes bounded memory: the sender waits")
  func slowReader() async throws {
    let (a, b) = try await TestFrame.federated()
    let before = try Self.residentBytes()
    let got = Mutex(0)
    let stream = Task {
      try await a.channels.subscribe(b.id, after: RecordingRequests.flood) { _ in
        got.withLock { $0 += 1 }
        try await Task.sleep(for: .seconds(600))
      }
    }
    let last = Mutex((count: -1, since: ContinuousClock.now))
    try await eventually("the sender waits") {
      let count = b.verbs.seen.withLock { $0.flooded }
      return last.withLock { last in
        if count != last.count || count == 0 { last = (count, .now) }
        return ContinuousClock.now - last.since > .milliseconds(500)
      }
    }
    #expect(got.withLock { $0 } == 1)
    // About 250 bytes each; the window, and what the two sides' buffers take.
    #expect(b.verbs.seen.withLock { $0.flooded } * 250 < 16 * PeerLimits.windowBytes)
    // Other suites run beside this one; without the window it is 2 GiB.
    #expect(try Self.residentBytes() - before < 256 << 20)
    stream.cancel()
    await a.stop()
    await b.stop()
  }

  private static func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return (Int(fields[1]) ?? 0) * Int(getpagesize())
  }
}
