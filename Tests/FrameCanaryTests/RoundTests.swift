import Logging
import NIOCore
import FrameCore
import Synchronization
import Testing

@testable import FrameCanary

@Suite("A round with one peer")
struct RoundTests {
  @Test("O15: fires both backends, follows the async one to its end, and counts one success each")
  func bothBackends() async throws {
    let api = ScriptedAPI(
      starts: [.async: [.pending("a1")], .twoPhase: [.completed("p1")]],
      looks: ["a1": [.pending("a1"), .pending("a1"), .completed("a1")]])
    let fixture = try CanaryFixture(api)
    var round = fixture.round()
    await round.run()
    #expect(fixture.transfers(.async, "success") == 1)
    #expect(fixture.transfers(.twoPhase, "success") == 1)
    #expect(fixture.metrics.rounds.with("success").value == 1)
    #expect(fixture.stranded == 0)
    #expect(fixture.metrics.inFlight.value == 0)
    #expect(fixture.metrics.phaseDuration.with("frame-b.example", "async", "settle").count == 1)
    #expect(fixture.metrics.phaseDuration.with("frame-b.example", "2pc", "request").count == 1)
    #expect(fixture.metrics.lastSuccess.with("frame-b.example", "async").value > 0)
    let requests = await api.requests
    #expect(Set(requests.map(\.backend)) == Set(CanaryBackend.allCases))
    #expect(Set(requests.map(\.idempotencyKey)).count == 2)
    #expect(requests.allSatisfy { $0.to.description == "canary@frame-b.example" && $0.amount == "0.01" })
    #expect(await api.looked.count == 3)
  }

  @Test("O15: money whose transfer does not end in time is stranded until a later look finds its end")
  func stranded() async throws {
    let api = ScriptedAPI(
      starts: [.async: [.pending("a1"), .completed("a2")], .twoPhase: [.completed("p")]],
      looks: ["a1": [.pending("a1")]])
    let fixture = try CanaryFixture(api)
    var round = fixture.round()
    await round.run()
    #expect(fixture.stranded == 1)
    #expect(fixture.failures(.async, .settle, .timeout) == 1)
    #expect(fixture.metrics.rounds.with("failure").value == 1)
    await api.answerLooks(at: "a1", [.completed("a1")])
    await round.run()
    #expect(fixture.stranded == 0)
    #expect(fixture.metrics.rounds.with("success").value == 1)
  }

  @Test("a request without an answer is sent again with the same key, never with a new one")
  func resend() async throws {
    let lost = ScriptedAPI.Answer.failure(.noAnswer(.unreachable, "reset"))
    let api = ScriptedAPI(starts: [.async: [.completed("a")], .twoPhase: [lost, .completed("p1"), .completed("p2")]])
    let fixture = try CanaryFixture(api)
    var round = fixture.round()
    await round.run()
    #expect(fixture.failures(.twoPhase, .request, .unreachable) == 1)
    #expect(fixture.stranded == 1)
    await round.run()
    #expect(fixture.stranded == 0)
    let sent = await api.requests.filter { $0.backend == .twoPhase }
    #expect(sent.count == 3)
    #expect(sent[0] == sent[1])
    #expect(sent[1].idempotencyKey != sent[2].idempotencyKey)
  }

  @Test("a peer that takes no async transfers is probed with 2pc alone, and that is a success")
  func onlyTwoPhase() async throws {
    let fixture = try CanaryFixture(ScriptedAPI(starts: [.twoPhase: [.completed("t1")]]))
    var round = fixture.round(backends: [.twoPhase])
    #expect(await round.run())
    #expect(fixture.transfers(.twoPhase, "success") == 1)
    #expect(fixture.transfers(.async, "success") == 0 && fixture.transfers(.async, "failure") == 0)
  }

  @Test("without funds nothing is asked of the API and the reason is counted")
  func noFunds() async throws {
    struct Empty: Error {}
    let fixture = try CanaryFixture(ScriptedAPI(starts: [:]))
    var round = fixture.round { _ in throw Empty() }
    await round.run()
    #expect(await fixture.api.requests.isEmpty)
    #expect(fixture.failures(.async, .request, .noFunds) == 1)
    #expect(fixture.failures(.twoPhase, .request, .noFunds) == 1)
  }

  @Test("a peer that never settles costs a bounded amount of money")
  func bounded() async throws {
    let api = ScriptedAPI(
      starts: [.async: [.pending("x")], .twoPhase: [.pending("x")]], looks: ["x": [.pending("x")]])
    let fixture = try CanaryFixture(api)
    var round = fixture.round()
    for _ in 0..<40 { await round.run() }
    #expect(round.unresolved.count == CanaryConfiguration.maximumUnresolved)
    #expect(await api.requests.count == CanaryConfiguration.maximumUnresolved)
  }
}

@Suite("The canary service")
struct CanaryServiceTests {
  @Test(
    "O15: the first round comes at once, later ones by the interval, and cancelling ends it", .timeLimit(.minutes(5)))
  func runs() async throws {
    let api = ScriptedAPI(starts: [.async: [.completed("a")], .twoPhase: [.completed("p")]])
    let fixture = try CanaryFixture(api)
    let canary = Canary(
      configuration: CanaryConfiguration(), host: fixture.host(), api: api, metrics: fixture.metrics,
      clock: fixture.clock, randomness: fixture.randomness, logger: .init(label: "test"))
    let task = Task { try await canary.run() }
    while await api.requests.count < 6 { await Task.yield() }
    task.cancel()
    try await task.value
    #expect(fixture.metrics.rounds.with("success").value >= 2)
  }

  @Test("a first round that fails gets a second chance soon, not an interval later", .timeLimit(.minutes(5)))
  func secondChance() async throws {
    let down = ScriptedAPI.Answer.failure(.problem(.peerUnavailable, code: "peer_unavailable", transferID: nil))
    let api = ScriptedAPI(starts: [.async: [down, .completed("a")], .twoPhase: [down, .completed("p")]])
    let fixture = try CanaryFixture(api)
    let started = fixture.clock.now()
    let configuration = CanaryConfiguration(interval: .seconds(86_400))
    let canary = Canary(
      configuration: configuration, host: fixture.host(), api: api, metrics: fixture.metrics, clock: fixture.clock,
      randomness: fixture.randomness, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let task = Task { try await canary.run() }
    while fixture.metrics.rounds.with("success").value == 0 { await Task.yield() }
    let last = fixture.metrics.lastSuccess.with("frame-b.example", "2pc").value
    task.cancel()
    try await task.value
    #expect(last - started.seconds < 86_400)
    #expect(fixture.metrics.rounds.with("failure").value == 1)
  }

  @Test("a peer whose treaty has ended leaves no last success behind to go stale", .timeLimit(.minutes(5)))
  func dismissed() async throws {
    let api = ScriptedAPI(starts: [.async: [.completed("a")], .twoPhase: [.completed("p")]])
    let fixture = try CanaryFixture(api)
    final class Treaty: Sendable { let isEstablished = Atomic(true) }
    let treaty = Treaty()
    let peer = fixture.peer
    let host = CanaryHost(
      scale: 2, peers: { treaty.isEstablished.load(ordering: .acquiring) ? [peer] : [] }, ensureFunds: { _ in })
    let canary = Canary(
      configuration: CanaryConfiguration(), host: host, api: api, metrics: fixture.metrics, clock: fixture.clock,
      randomness: fixture.randomness, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    func seriesCount() -> Int {
      let family = fixture.registry.collect().first {
        $0.descriptor.name == "frame_canary_last_success_timestamp_seconds"
      }
      return family?.metrics.count ?? 0
    }
    let task = Task { try await canary.run() }
    while fixture.metrics.rounds.with("success").value == 0 { await Task.yield() }
    #expect(seriesCount() == 2)
    treaty.isEstablished.store(false, ordering: .releasing)
    while seriesCount() > 0 { await Task.yield() }
    task.cancel()
    try await task.value
    #expect(fixture.transfers(.async, "success") >= 1)
  }

  @Test("O9: every series of a peer exists at zero before its first round")
  func initialised() throws {
    let fixture = try CanaryFixture(ScriptedAPI(starts: [:]))
    let families = fixture.registry.collect()
    let failures = families.first(where: { $0.descriptor.name == "frame_canary_failures_total" })
    #expect(failures?.metrics.count == 2 * 2 * CanaryFailure.allCases.count)
  }
}

@Suite("What the API's answers mean to the canary")
struct InterpretationTests {
  @Test(
    "statuses map to the closed set of reasons",
    arguments: [
      (401, "{}", CanaryFailure.unauthorized), (403, "{}", .unauthorized), (503, "{}", .peerUnavailable),
      (500, "not json", .internal), (422, #"{"code":"insufficient_funds"}"#, .noFunds),
      (422, #"{"code":"agent_unknown","transfer_id":"t"}"#, .refused), (302, "", .badResponse),
      (200, "{}", .badResponse),
    ])
  func problems(status: Int, body: String, expected: CanaryFailure) {
    let error = #expect(throws: CanaryAPIError.self) {
      try HTTPCanaryAPI.interpret(status: status, .init(string: body))
    }
    #expect(error?.failure == expected)
  }

  @Test("a receipt is read from 200 and 202", arguments: [200, 202])
  func receipts(status: Int) throws {
    let receipt = try HTTPCanaryAPI.interpret(
      status: status, .init(string: #"{"transfer_id":"t1","state":"pending","position":4}"#))
    #expect(receipt == CanaryReceipt(transferID: "t1", state: "pending"))
  }
}
