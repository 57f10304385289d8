import AsyncHTTPClient
import Foundation
import FrameAPI
import FrameCore
import NIOCore
import NIOFoundationCompat

/// Callers that each send one request after the other, for a while.
struct BenchLoad: Sendable {
  /// What they saw.
  struct Result: Encodable, Sendable {
    let concurrency: Int
    let requests: Int
    let failures: Int
    let perSecond: Double
    let latency: BenchTimes
    /// What the first failure was, if there was one.
    let firstFailure: String?
    /// Requests that succeeded, those of the warm-up too.
    let succeeded: Int
    /// Processor time of the measured processes for one that succeeded, user and system; nil when nobody looked.
    var cpuMicroseconds: Double?

    enum CodingKeys: String, CodingKey {
      case concurrency, requests, failures, latency
      case perSecond = "per_second"
      case firstFailure = "first_failure"
      case cpuMicroseconds = "cpu_us_per_request"
    }
  }

  private struct Seen {
    var times: [Duration] = []
    var succeeded = 0
    var failures = 0
    var firstFailure: String?

    mutating func add(_ other: Seen) {
      times += other.times
      succeeded += other.succeeded
      failures += other.failures
      firstFailure = firstFailure ?? other.firstFailure
    }
  }

  let concurrency: Int
  let duration: Duration

  /// Warms up for a tenth of the time, then measures.
  /// - Parameter request: sends one request; its argument is unique to it. Throws when it was not answered as it should.
  func run(_ request: @escaping @Sendable (String) async throws -> Void) async throws -> Result {
    let started = ContinuousClock.now
    let measureFrom = started + duration / 10
    let end = measureFrom + duration
    let run = UUID().uuidString.lowercased().prefix(8)
    let seen = await withTaskGroup(of: Seen.self) { group in
      for caller in 0..<concurrency {
        group.addTask {
          var seen = Seen()
          var index = 0
          while !Task.isCancelled {
            let begin = ContinuousClock.now
            guard begin < end else { break }
            index += 1
            do {
              try await request("\(run)-\(caller)-\(index)")
              seen.succeeded += 1
              if begin >= measureFrom { seen.times.append(ContinuousClock.now - begin) }
            } catch {
              seen.failures += 1
              seen.firstFailure = seen.firstFailure ?? error.words
              // A node that refuses everything is not to be hammered.
              if seen.failures > 100 { break }
            }
          }
          return seen
        }
      }
      return await group.reduce(into: Seen()) { $0.add($1) }
    }
    try Task.checkCancellation()
    let seconds = (ContinuousClock.now - measureFrom).inSeconds
    return Result(
      concurrency: concurrency, requests: seen.times.count, failures: seen.failures,
      perSecond: BenchRound.three(Double(seen.times.count) / seconds), latency: BenchTimes(seen.times.sorted()),
      firstFailure: seen.firstFailure, succeeded: seen.succeeded)
  }
}

/// An HTTP client with as many connections as there are callers.
final class BenchClient: Sendable {
  private let client: HTTPClient

  static func with<T>(_ body: (BenchClient) async throws -> T) async throws -> T {
    let bench = BenchClient()
    do {
      let result = try await body(bench)
      try await bench.client.shutdown()
      return result
    } catch {
      try? await bench.client.shutdown()
      throw error
    }
  }

  private init() {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Posts a command.
  /// - Throws: ``CLIError`` unless the answer has one of `statuses`.
  func post(_ url: String, _ body: some Encodable, token: String, key: String, expecting statuses: Set<UInt>)
    async throws
  {
    try await post(url, try APIEncoding.encode(body), token: token, key: key, expecting: statuses)
  }

  /// Posts a command whose body is JSON already.
  /// - Throws: ``CLIError`` unless the answer has one of `statuses`.
  func post(_ url: String, _ body: Data, token: String, key: String, expecting statuses: Set<UInt>) async throws {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Authorization", value: "Bearer \(token)")
    request.headers.add(name: "Idempotency-Key", value: key)
    request.headers.add(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(data: body))
    let response = try await client.execute(request, timeout: .seconds(30))
    let answer = try await response.body.collect(upTo: APIClient.maximumAnswer)
    guard statuses.contains(response.status.code) else {
      throw CLIError.badAnswer(url: url, why: "status \(response.status.code): \(String(buffer: answer).prefix(300))")
    }
  }

  /// - Returns: the number of bytes that came over the wire.
  func scrape(_ url: String, gzip: Bool) async throws -> Int {
    var request = HTTPClientRequest(url: url)
    request.headers.add(name: "Accept", value: "text/plain;version=0.0.4")
    if gzip { request.headers.add(name: "Accept-Encoding", value: "gzip") }
    let response = try await client.execute(request, timeout: .seconds(30))
    let answer = try await response.body.collect(upTo: APIClient.maximumAnswer)
    guard response.status == .ok else { throw CLIError.badAnswer(url: url, why: "status \(response.status.code)") }
    return answer.readableBytes
  }
}
