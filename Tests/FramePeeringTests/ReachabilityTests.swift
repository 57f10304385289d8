import FrameCore
import FrameMetrics
import Logging
import Synchronization
import FrameTesting
import Testing

@testable import FramePeering
@testable import FrameIdentity

/// Whether a peer answers, as people are shown and told.
@Suite("Peers that do not answer", .serialized, .timeLimit(.minutes(5)))
struct ReachabilityTests {
  /// A clock that stands where it is put.
  private final class Standing: FrameClock {
    let time = Mutex(start)
    func now() -> FrameTime { time.withLock { $0 } }
    func sleep(for duration: Duration) async throws { for await _ in AsyncStream<Never>.makeStream().stream {} }
    func pass(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
  }

  private final class Lines: Sendable {
    let all = Mutex<[(Logger.Level, String)]>([])
    var logger: Logger {
      var logger = Logger(label: "test") { _ in Handler(lines: self) }
      logger.logLevel = .info
      return logger
    }
    var text: [String] { all.withLock { $0.map { "\($0.0) \($0.1)" } } }
  }

  private struct Handler: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      lines.all.withLock { $0.append((event.level, "\(event.message) \(event.metadata ?? [:])")) }
    }
  }

  @Test(
    "S5: one warning when it is lost, one notice with the duration when it is back, reminders in between, all short")
  func told() {
    let (clock, lines) = (Standing(), Lines())
    let seen = PeerReachability(clock: clock, metrics: PeeringMetrics(MetricRegistry()), logger: lines.logger)
    #expect(seen.view(Names.b).isReachable == nil)
    seen.answered(Names.b)
    #expect(seen.view(Names.b) == .init(isReachable: true, since: start, lastSuccess: start, lastFailure: nil))
    for _ in 0..<250 {
      clock.pass(.seconds(5))
      seen.failed(Names.b, code: "peer_unavailable", why: "connection refused" + String(repeating: " x", count: 500))
    }
    let view = seen.view(Names.b)
    #expect(view.isReachable == false && view.since == start + .seconds(5) && view.lastSuccess == start)
    #expect(view.lastFailure?.code == "peer_unavailable")
    #expect(lines.text.count { $0.hasPrefix("warning A peer does not answer") } == 1)
    #expect(lines.text.count { $0.hasPrefix("warning A peer still does not answer") } == 2)
    #expect(lines.text.count == 3 && lines.text.allSatisfy { $0.count < 330 }, "\(lines.text)")
    seen.answered(Names.b)
    #expect(lines.text.count == 4)
    #expect(
      lines.text.last?.hasPrefix("notice A peer answers again") == true && lines.text.last?.contains("1245 s") == true)
    #expect(seen.view(Names.b).since == clock.now())
  }

  @Test(
    "S1: somebody with another authority on the channel ends at once that the peer answers; elsewhere he changes nothing"
  )
  func untrusted() {
    let (clock, lines) = (Standing(), Lines())
    let registry = MetricRegistry()
    let seen = PeerReachability(clock: clock, metrics: PeeringMetrics(registry), logger: lines.logger)
    seen.answered(Names.b)
    let impostor = SPIFFERefusal(.untrustedAuthority, "no authority in the bundle")
    seen.refused(Names.b, impostor, isChannel: false)
    seen.refused(Names.b, SPIFFERefusal(.expired, "it has ended"), isChannel: true)
    #expect(seen.view(Names.b).isReachable == true && lines.text.isEmpty)
    clock.pass(.seconds(5))
    seen.refused(Names.b, impostor, isChannel: true)
    let view = seen.view(Names.b)
    #expect(view.isReachable == false && view.since == clock.now() && view.lastFailure?.code == "untrusted_authority")
    seen.refused(Names.b, impostor, isChannel: true)
    seen.failed(Names.b, code: "peer_unavailable", why: "the call's time is over")
    #expect(lines.text.count == 1 && lines.text[0].contains("untrusted_authority"), "told once: \(lines.text)")
    clock.pass(.seconds(7))
    seen.answered(Names.b)
    #expect(seen.view(Names.b).isReachable == true)
    #expect(lines.text.count == 2 && lines.text.last?.contains("7 s") == true, "\(lines.text)")
  }

  @Test("S1: an impostor at the peer's address shows as what it is, and never as the peer")
  func impostor() async throws {
    let (a, b) = try await TestFrame.federated()
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(30))
    #expect(a.channels.reachability.view(b.id).isReachable == true)
    let (ports, book) = (b.ports, await b.writer.book)
    await b.stop()
    let thief = try await TestFrame(b.id, book: book, ports: ports)
    // Before the one call that met him has given up.
    let waiting = Task { try? await a.channels.credit(b.id, terms("t"), timeout: .seconds(120)) }
    try await eventually("the handshake alone tells it", within: .seconds(60)) {
      let view = a.channels.reachability.view(b.id)
      return view.isReachable == false && view.lastFailure?.code == "untrusted_authority"
    }
    waiting.cancel()
    _ = await waiting.value
    try await eventually("the impostor is told as that", within: .seconds(60)) {
      _ = try? await a.channels.credit(b.id, terms("t"), timeout: .seconds(2))
      let view = a.channels.reachability.view(b.id)
      return view.isReachable == false && view.lastFailure?.code == "untrusted_authority"
    }
    #expect(a.sample("frame_peer_reachable", ["peer": b.id.name]) == 0)
    _ = try? await a.refresher.refresh(b.id)
    let seen = a.refresher.observed(b.id)
    #expect(seen.fingerprint == thief.authority.bundle.fingerprint.description)
    #expect(seen.failure?.code == "untrusted_authority")
    await thief.stop()
    // Nobody there at all: what was seen before is not shown as if it were seen now.
    _ = try? await a.refresher.refresh(b.id)
    #expect(a.refresher.observed(b.id).fingerprint == nil)
    #expect(a.refresher.observed(b.id).failure != nil)
    await a.stop()
  }

  @Test("a peer that is back is called over a new connection at once when somebody waits, and pauses end")
  func back() async throws {
    let (a, b) = try await TestFrame.federated()
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(30))
    let (ports, book, authority) = (b.ports, await b.writer.book, b.authority)
    await b.stop()
    try await eventually("it is lost", within: .seconds(60)) {
      _ = try? await a.channels.credit(b.id, terms("t"), timeout: .seconds(2))
      return a.channels.reachability.view(b.id).isReachable == false
    }
    let pause = Task { try await a.channels.pause(b.id, for: .seconds(3600), clock: SystemClock()) }
    let again = try await TestFrame(b.id, book: book, authority: authority, ports: ports)
    try await eventually("it answers", within: .seconds(60)) {
      a.channels.hurry(b.id)
      return a.channels.reachability.view(b.id).isReachable == true
    }
    try await pause.value
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(30))
    await a.stop()
    await again.stop()
  }
}
