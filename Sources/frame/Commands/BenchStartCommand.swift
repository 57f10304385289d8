import ArgumentParser
import Foundation
import FrameBench
import FrameLog

/// `frame bench start`: how long opening a log takes, from a snapshot and by replaying all of it.
struct BenchStartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Measure a node's cold start: from a snapshot, and by full replay.",
    discussion: """
      Fills a log with transfers, makes a snapshot before the last of them, and opens the log twice: once from the snapshot
      with as many events after it as a node leaves at most, once from its first event. Both open it in this process, with
      the file in the page cache.

      Example:
        frame bench start --events 1000000 --json
      """)

  @Option(name: .long, help: "Transfers in the log.")
  var events = 1_000_000

  @Option(name: .long, help: "How many of them come after the snapshot.")
  var tail = Int(SnapshotPolicy.defaultEveryEvents)

  @Option(name: .long, help: "Accounts for which the memory of one is measured; 0 to leave it out.")
  var accounts = 1_000_000

  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard (1_000...1_000_000_000).contains(events), (0..<events).contains(tail), (0...100_000_000).contains(accounts)
    else { throw ValidationError("Use 1000 to 1000000000 events, a tail of fewer, and at most 100000000 accounts.") }
  }

  struct Figures: Encodable {
    let machine: BenchMachine
    let events: UInt64
    let tail: UInt64
    let fill_seconds: Double
    let snapshot_seconds: Double
    let start_from_snapshot_seconds: Double
    let full_replay_seconds: Double
    /// Full replay over start from the snapshot.
    let ratio: Double
    let replayed_per_second: Double
    let log_bytes_per_event: Double
    let snapshot_bytes: UInt64
    let start_from_snapshot_memory_bytes: Int64
    let full_replay_memory_bytes: Int64
    let accounts: Int
    let memory_bytes_per_account: Double
    let state_bytes: Int
    let state_encode_seconds: Double
    let state_decode_seconds: Double
  }

  func run() async throws {
    let machine = BenchMachine()
    let figures = try await options.inFolder { folder in
      let log = try BenchOptions.fresh("start", in: folder)
      defer { try? FileManager.default.removeItem(at: log) }
      let result = try await StartBenchmark.run(directory: log, events: events, tail: tail, accounts: accounts)
      return Figures(
        machine: machine, events: result.events, tail: result.tail, fill_seconds: BenchRound.three(result.fillSeconds),
        snapshot_seconds: BenchRound.three(result.snapshotSeconds),
        start_from_snapshot_seconds: BenchRound.three(result.snapshotStartSeconds),
        full_replay_seconds: BenchRound.three(result.fullReplaySeconds),
        ratio: BenchRound.three(result.fullReplaySeconds / result.snapshotStartSeconds),
        replayed_per_second: (Double(result.events) / result.fullReplaySeconds).rounded(),
        log_bytes_per_event: BenchRound.three(Double(result.logBytes) / Double(result.events)),
        snapshot_bytes: result.snapshotFolderBytes,
        start_from_snapshot_memory_bytes: result.snapshotStartMemoryBytes,
        full_replay_memory_bytes: result.fullReplayMemoryBytes, accounts: result.accounts.count,
        memory_bytes_per_account: result.accounts.bytesEach.rounded(), state_bytes: result.accounts.encodedBytes,
        state_encode_seconds: BenchRound.three(result.accounts.encodeSeconds),
        state_decode_seconds: BenchRound.three(result.accounts.decodeSeconds))
    }
    if options.json { try Output.json(figures: figures) } else { show(figures) }
  }

  private func show(_ figures: Figures) {
    Output.line("Start: \(figures.machine.text), \(figures.events) events, \(figures.tail) of them after the snapshot")
    Output.line("")
    Output.table(
      ["START", "SECONDS", "MEMORY MB"],
      [
        [
          "from the snapshot", "\(figures.start_from_snapshot_seconds)",
          megabytes(figures.start_from_snapshot_memory_bytes),
        ],
        ["full replay", "\(figures.full_replay_seconds)", megabytes(figures.full_replay_memory_bytes)],
      ])
    Output.line("")
    Output.fields([
      ("making the snapshot", "\(figures.snapshot_seconds) s, \(figures.snapshot_bytes) bytes with the keys"),
      ("log", "\(figures.log_bytes_per_event) bytes an event"),
      ("state", "\(figures.accounts) accounts, \(Int(figures.memory_bytes_per_account)) bytes each"),
      (
        "its snapshot",
        "\(figures.state_bytes) bytes, \(figures.state_encode_seconds) s to write, \(figures.state_decode_seconds) s to read"
      ),
    ])
  }

  private func megabytes(_ bytes: Int64) -> String { "\((Double(bytes) / 1e5).rounded() / 10)" }
}
