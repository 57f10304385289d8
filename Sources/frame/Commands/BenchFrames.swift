import Foundation
import FrameBench
import FrameAPI
import FrameCore

/// The two frames of a benchmark, federated, with an agent on each side that has money.
struct BenchFrames: Sendable {
  static let payer = "bench-payer"
  static let payee = "bench-payee"
  /// More than any run spends, and inside the treaty's net debit cap when moved in cents.
  static let funds = "500000.00"
  static let amount = "0.01"

  let a: DemoNode
  let b: DemoNode
  private let client: BenchClient
  /// The payer's own token: what the API sees is an agent, not the authority.
  private let token: String

  /// Starts them in `folder`, or resumes those that are there, and stops them afterwards.
  /// - Throws: ``CLIError`` when they do not come up; what `body` throws.
  static func with<T: Sendable>(
    in folder: URL, _ body: @escaping @Sendable (BenchFrames) async throws -> T
  ) async throws -> T {
    let plan = try DemoPlan(data: folder, basePort: try freePorts(10))
    // Canaries are other traffic: their first round is after any benchmark.
    let interval = Duration.seconds(24 * 3600)
    let (configurations, _) = try plan.prepare(canaryInterval: interval)
    for configuration in configurations {
      try PortCheck.require(configuration) { "\($0).port in \(configuration.dataDirectory.path)/frame.yaml" }
    }
    let a = try DemoNode.start(plan.a, configurations[0], interval: interval)
    let b: DemoNode
    do {
      b = try DemoNode.start(plan.b, configurations[1], interval: interval)
    } catch {
      await a.process.stop(patience: DemoRun.patience)
      throw error
    }
    let result: Result<T, any Error>
    do {
      result = .success(try await BenchClient.with { try await body(try await prepare(a, b, $0)) })
    } catch {
      let ended = [a, b].compactMap { node in node.process.ended.map { node.death($0) } }
      result = .failure(ended.first ?? error)
    }
    await withTaskGroup(of: Void.self) { group in
      for node in [a, b] { group.addTask { _ = await node.process.stop(patience: DemoRun.patience) } }
    }
    return try result.get()
  }

  private static func prepare(_ a: DemoNode, _ b: DemoNode, _ client: BenchClient) async throws -> BenchFrames {
    let scenario = DemoScenario(
      nodes: [a, b], progress: Progress(live: false, to: .errors), began: SystemClock().now(),
      canaryInterval: .seconds(60))
    try await scenario.establish()
    for node in [a, b] {
      for name in [payer, payee] {
        do {
          let _: APIClient.Answer<AgentView> = try await node.api.post(
            "/api/v1/agents", NewAgentBody(name: name, purpose: "bench"))
        } catch let problem as ProblemDocument where problem.code == "agent_exists" {
          // A former run in this folder made it.
        }
      }
    }
    let key = UUID().uuidString.lowercased()
    let _: APIClient.Answer<ReceiptView> = try await a.api.post(
      "/api/v1/issue", MintBody(amount: funds, memo: "bench"), key: "bench-issue-\(key)")
    let _: APIClient.Answer<ReceiptView> = try await a.api.post(
      "/api/v1/transfers", TransferBody(from: "frame:treasury", to: payer, amount: funds),
      key: "bench-fund-\(key)")
    let token: APIClient.Answer<TokenView> = try await a.api.post(
      "/api/v1/agents/\(payer)/token", ["ttl_seconds": 86_400])
    return BenchFrames(a: a, b: b, client: client, token: token.body.token)
  }

  /// A transfer within the first frame.
  func within(key: String) async throws {
    try await client.post(
      a.configuration.localAPIURL + "/api/v1/transfers",
      TransferBody(to: Self.payee, amount: Self.amount), token: token, key: key, expecting: [200])
  }

  /// The body of a batch of `count` transfers within the first frame.
  func batch(of count: Int) throws -> Data {
    let item = TransferBatchBody.Item(to: Self.payee, amount: Self.amount)
    return try APIEncoding.encode(TransferBatchBody(transfers: Array(repeating: item, count: count)))
  }

  func batch(_ body: Data, key: String) async throws {
    try await client.post(
      a.configuration.localAPIURL + "/api/v1/transfers/batch", body, token: token, key: key, expecting: [200])
  }

  /// A transfer from the first frame to the second. From 2pc only a completed one will do.
  func across(_ backend: String, key: String) async throws {
    try await client.post(
      a.configuration.localAPIURL + "/teg/cross-registry-transfer?backend=\(backend)",
      TransferBody(to: "\(Self.payee)@\(b.name)", amount: Self.amount), token: token, key: key,
      expecting: backend == "2pc" ? [200] : [200, 202])
  }

  /// Waits until the outcome of every asynchronous transfer is on record in the first frame.
  /// - Returns: how many there were on the way at first, and the seconds until there were none.
  func untilSettled() async throws -> (transfers: Int, seconds: Double) {
    let start = ContinuousClock.now
    var first: Double?
    while true {
      let underWay = try await a.metrics().value("frame_transfers_in_flight", ["backend": "async"]) ?? 0
      if first == nil { first = underWay }
      guard underWay > 0 else {
        return (Int(first ?? 0), (ContinuousClock.now - start).inSeconds)
      }
      guard ContinuousClock.now - start < .seconds(300) else {
        throw CLIError.unexpected("After 300 s, \(Int(underWay)) asynchronous transfers are not settled")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Processor time that both frames have taken, user and system.
  func cpuSeconds() throws -> Double {
    try [a, b].reduce(0) { sum, node in
      guard let seconds = ProcessCPU.seconds(of: node.process.pid) else {
        throw CLIError.unexpected("The node of \(node.name) has ended")
      }
      return sum + seconds
    }
  }

  /// - Returns: bytes over the wire.
  func scrape(gzip: Bool) async throws -> Int {
    try await client.scrape(a.configuration.localOpsURL + "/metrics", gzip: gzip)
  }

  /// The first of `count` consecutive ports that are free now.
  /// - Throws: ``CLIError/unexpected(_:)`` when there are none.
  private static func freePorts(_ count: Int) throws -> Int {
    for _ in 0..<200 {
      let base = Int.random(in: 20_000...59_000)
      let free = (base..<base + count).allSatisfy { port in
        (try? PortCheck.require(host: "127.0.0.1", port: port, name: "bench", option: "")) != nil
      }
      if free { return base }
    }
    throw CLIError.unexpected("There are no \(count) free ports in a row")
  }
}
