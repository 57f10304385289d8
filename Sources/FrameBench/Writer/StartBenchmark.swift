internal import Crypto
package import Foundation
internal import FrameLedger
internal import FrameCore
internal import FrameEvents
internal import FrameLog
internal import FrameMetrics
internal import FrameProtos
internal import Logging

/// Measures how long a node takes to open its log, from a snapshot and without one, and what the log and its state weigh.
package enum StartBenchmark {
  package struct Result: Sendable {
    package let events: UInt64
    /// Events after the snapshot: what a start replays at most when snapshots are made as configured.
    package let tail: UInt64
    package let fillSeconds: Double
    package let snapshotSeconds: Double
    package let snapshotStartSeconds: Double
    package let fullReplaySeconds: Double
    package let logBytes: UInt64
    package let snapshotFolderBytes: UInt64
    /// Of the process, right after each start, less what it was before.
    package let snapshotStartMemoryBytes: Int64
    package let fullReplayMemoryBytes: Int64
    package let accounts: Accounts
  }

  /// What a ledger of many accounts weighs.
  package struct Accounts: Sendable {
    package let count: Int
    /// Resident, an account.
    package let bytesEach: Double
    package let encodeSeconds: Double
    package let decodeSeconds: Double
    package let encodedBytes: Int
  }

  private static let agents = 1_000
  private static let batch = 1_000

  /// Fills a log in `directory`, which must be empty, and opens it again and again.
  /// - Parameters:
  ///   - events: transfers; the log has a few more events.
  ///   - tail: how many of them come after the snapshot; fewer than `events`.
  ///   - accounts: for which the memory of an account is measured.
  /// - Throws: `LogError`.
  package static func run(directory: URL, events: Int, tail: Int, accounts: Int) async throws -> Result {
    let bench = try Bench(directory)
    let begin = ContinuousClock.now
    let writer = try await bench.open(snapshots: true).writer
    try await bench.fund(writer)
    try await bench.transfer(events - tail, writer)
    let fillSeconds = (ContinuousClock.now - begin).inSeconds
    let snapshotBegin = ContinuousClock.now
    _ = try await writer.makeSnapshot()
    let snapshotSeconds = (ContinuousClock.now - snapshotBegin).inSeconds
    try await bench.transfer(tail, writer)
    // A node signs one every few seconds.
    _ = try await writer.checkpoint()
    await writer.shutdown()

    var opened = try await bench.open(snapshots: true)
    let fromSnapshot = opened
    let size = opened.writer.durableSize()
    await opened.writer.shutdown()
    opened = try await bench.open(snapshots: false)
    let full = opened
    await opened.writer.shutdown()
    return Result(
      events: size, tail: UInt64(tail), fillSeconds: fillSeconds, snapshotSeconds: snapshotSeconds,
      snapshotStartSeconds: fromSnapshot.seconds, fullReplaySeconds: full.seconds,
      logBytes: bytes(of: directory, under: "log.sqlite"),
      snapshotFolderBytes: bytes(of: directory.appendingPathComponent("snapshots")),
      snapshotStartMemoryBytes: fromSnapshot.memory, fullReplayMemoryBytes: full.memory,
      accounts: try measure(accounts, bench.state))
  }

  private struct Bench {
    let frame: FrameID
    let state: LedgerState
    let directory: URL
    let signer: LogSigner
    let names: [AgentName]

    init(_ directory: URL) throws {
      self.directory = directory
      frame = try FrameID("bench.example")
      state = LedgerState(frame: frame, native: try Asset(origin: frame, code: "BEN", scale: 2))
      signer = LogSigner(name: frame.name, privateKey: .init())
      names = try (0..<agents).map { try AgentName("agent-\($0)") }
    }

    struct Opened {
      let writer: Writer<LedgerState>
      let seconds: Double
      let memory: Int64
    }

    /// On a thread that may block, as a node does it.
    func open(snapshots: Bool) async throws -> Opened {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
          continuation.resume(
            with: Swift.Result {
              let memory = residentBytes()
              let begin = ContinuousClock.now
              let writer = try Writer(
                directory: directory, initial: state, guard: LedgerGuard(), signer: signer, clock: SystemClock(),
                metrics: LogMetrics(MetricRegistry()), logger: Logger(label: "frame.bench"),
                // Made when this benchmark says so, and not by themselves.
                snapshots: snapshots ? SnapshotPolicy(everyEvents: 1 << 40, program: "bench") : .none)
              let seconds = (ContinuousClock.now - begin).inSeconds
              return Opened(writer: writer, seconds: seconds, memory: residentBytes() - memory)
            })
        }
      }
    }

    func fund(_ writer: Writer<LedgerState>) async throws {
      let each = Amount(minorUnits: 1_000_000_000)
      var commands: [LedgerCommand] = [.issue(Amount(minorUnits: each.minorUnits * Int64(agents)), memo: "")]
      for name in names {
        commands.append(.registerAgent(name, purpose: "bench"))
        commands.append(.transfer(from: nil, to: name, amount: each, memo: ""))
      }
      let authority = SPIFFEID.authority(of: frame)
      for result in await writer.submit(
        contentsOf: commands.enumerated().map { index, command in
          CommandEnvelope(
            command, actor: authority, key: IdempotencyKey(derived: "fund/\(index)"), digest: command.digest)
        })
      { _ = try result.get() }
    }

    func transfer(_ count: Int, _ writer: Writer<LedgerState>) async throws {
      var left = count
      while left > 0 {
        let size = min(batch, left)
        let first = left
        let envelopes = try (0..<size).map { offset in
          let from = names[(first - offset) % agents]
          let actor = SPIFFEID.agent(from, of: frame)
          let command = LedgerCommand.transfer(
            from: from, to: names[(first - offset + 1) % agents], amount: Amount(minorUnits: 1), memo: "")
          // As a caller chooses them: no order in them.
          return CommandEnvelope(
            command, actor: actor, key: try IdempotencyKey(UUID().uuidString, caller: actor), digest: command.digest)
        }
        for result in await writer.submit(contentsOf: envelopes) { _ = try result.get() }
        left -= size
      }
    }
  }

  /// What the process's resident memory grows by, an account that receives its first money; and its snapshot.
  private static func measure(_ accounts: Int, _ initial: LedgerState) throws -> Accounts {
    var state = initial
    let before = residentBytes()
    for number in 0..<accounts {
      var event = PBEvent()
      event.position = UInt64(number)
      event.postings = Postings.move(1, from: .treasury, to: .liquid(try AgentName("account-\(number)")))
      state.evolve(RecordedEvent(event: event, bytes: Data()))
    }
    let grown = residentBytes() - before
    let begin = ContinuousClock.now
    let bytes = SnapshotFields.encode(state)
    let encoded = ContinuousClock.now
    var restored = initial
    try bytes.withUnsafeBytes { try SnapshotFields.decode($0, into: &restored) }
    let decoded = ContinuousClock.now
    precondition(restored.accounts == state.accounts, "what was written is what is read")
    return Accounts(
      count: accounts, bytesEach: accounts > 0 ? Double(grown) / Double(accounts) : 0,
      encodeSeconds: (encoded - begin).inSeconds, decodeSeconds: (decoded - encoded).inSeconds,
      encodedBytes: bytes.count)
  }

  private static func residentBytes() -> Int64 {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int64($0) })
    else { return 0 }
    return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func bytes(of folder: URL, under prefix: String = "") -> UInt64 {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasPrefix(prefix) }.reduce(0) { sum, name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: folder.appendingPathComponent(name).path)
      return sum + ((attributes?[.size] as? UInt64) ?? 0)
    }
  }
}
