import FrameCore
import FrameMetrics
import Logging
import Synchronization

@testable import FrameCanary

/// A clock on which every wait is over at once and moves the time: waiting costs nothing and is fully ordered.
final class LeapingClock: FrameClock {
  private let nanoseconds = Mutex<Int64>(1_000_000_000_000)

  func now() -> FrameTime { FrameTime(unixNanoseconds: nanoseconds.withLock { $0 }) }

  func sleep(for duration: Duration) async throws {
    try Task.checkCancellation()
    nanoseconds.withLock { $0 += max(duration.nanoseconds, 0) }
    await Task.yield()
  }
}

/// An API that answers from a script per backend; the last answer repeats.
actor ScriptedAPI: CanaryAPI {
  typealias Answer = Result<CanaryReceipt, CanaryAPIError>

  private var starts: [CanaryBackend: [Answer]]
  private var looks: [String: [Answer]]
  private(set) var requests: [CanaryRequest] = []
  private(set) var looked: [String] = []

  init(starts: [CanaryBackend: [Answer]], looks: [String: [Answer]] = [:]) {
    self.starts = starts
    self.looks = looks
  }

  func start(_ request: CanaryRequest, timeout: Duration) throws(CanaryAPIError) -> CanaryReceipt {
    requests.append(request)
    return try Self.next(&starts[request.backend, default: []])
  }

  func look(at transferID: String, timeout: Duration) throws(CanaryAPIError) -> CanaryReceipt {
    looked.append(transferID)
    return try Self.next(&looks[transferID, default: []])
  }

  func answerStarts(of backend: CanaryBackend, _ answers: [Answer]) { starts[backend] = answers }
  func answerLooks(at id: String, _ answers: [Answer]) { looks[id] = answers }

  private static func next(_ answers: inout [Answer]) throws(CanaryAPIError) -> CanaryReceipt {
    guard let first = answers.first else { throw .noAnswer(.unreachable, "no script") }
    if answers.count > 1 { answers.removeFirst() }
    return try first.get()
  }
}

/// One canary with one peer, everything of it scripted.
struct CanaryFixture {
  let clock = LeapingClock()
  let registry = MetricRegistry()
  let metrics: CanaryMetrics
  let peer: CanaryPeer
  let api: ScriptedAPI
  let keys = KeyCounter()

  init(_ api: ScriptedAPI) throws {
    self.api = api
    metrics = CanaryMetrics(registry)
    peer = CanaryPeer(frame: try FrameID("frame-b.example"), scale: 2)
    metrics.introduce(peer.frame.name)
  }

  var randomness: Canary.Randomness {
    let counter = keys
    return Canary.Randomness(jitter: { 0.5 }, key: { "key-\(counter.next())" })
  }

  func host(funds: @escaping @Sendable (Amount) async throws -> Void = { _ in }) -> CanaryHost {
    let peer = peer
    return CanaryHost(scale: 2, peers: { [peer] }, ensureFunds: funds)
  }

  func round(
    backends: [CanaryBackend] = CanaryBackend.allCases,
    funds: @escaping @Sendable (Amount) async throws -> Void = { _ in }
  ) -> Round {
    Round(
      peer: CanaryPeer(frame: peer.frame, scale: peer.scale, backends: backends), configuration: CanaryConfiguration(),
      host: host(funds: funds), api: api, metrics: metrics,
      clock: clock, randomness: randomness, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  func transfers(_ backend: CanaryBackend, _ result: String) -> Double {
    metrics.transfers.with(peer.frame.name, backend.rawValue, result).value
  }

  func failures(_ backend: CanaryBackend, _ phase: CanaryPhase, _ reason: CanaryFailure) -> Double {
    metrics.failures.with(peer.frame.name, backend.rawValue, phase.rawValue, reason.rawValue).value
  }

  var stranded: Double { metrics.stranded.with(peer.frame.name).value }

  /// Numbers for keys.
  final class KeyCounter: Sendable {
    private let value = Mutex(0)
    func next() -> Int {
      value.withLock { value in
        value += 1
        return value
      }
    }
  }
}

extension ScriptedAPI.Answer {
  static func completed(_ id: String) -> Self { .success(CanaryReceipt(transferID: id, state: "completed")) }
  static func pending(_ id: String) -> Self { .success(CanaryReceipt(transferID: id, state: "pending")) }
}
