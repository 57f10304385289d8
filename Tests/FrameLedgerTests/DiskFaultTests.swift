import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import FrameProtos
import Testing

@testable import FrameLedger

/// The log's promise (docs/durability.md) at every single thing that SQLite asks of the disk.
@Suite("Faults of the disk")
struct DiskFaultTests {
  @Test("on a sound disk every order is answered, and a power cut afterwards takes nothing")
  func sound() async throws {
    var run = try FaultRun()
    await run.run()
    #expect(run.failures == 0)
    #expect(run.answered.count == run.orders.count)
    #expect(run.signed.count == 3)
    #expect(!run.disk.hasFailed)
    #expect(run.disk.count(.sync) > 10 && run.disk.count(.write) > 30, "the script reaches the disk through the VFS")
    for seed in 0..<8 as Range<UInt64> { try await run.check(run.disk.powerCut(seed: seed), "seed \(seed)") }
    try await run.check(run.disk.killed(), "killed")
  }

  @Test(
    "whatever operation a disk fails at, and however, the log is a prefix with all that was answered, and goes on",
    arguments: [DiskFault.writeError, .syncError, .truncateError, .full, .readOnly, .torn, .killed])
  func everyOperation(_ fault: DiskFault) async throws {
    var sound = try FaultRun()
    await sound.run()
    let count = sound.disk.count(fault.operations)
    var failed = 0
    for nth in 1...count {
      var run = try FaultRun()
      let seed = UInt64(nth)
      run.disk.plan(fault, at: nth, seed: seed)
      await run.run()
      guard run.disk.hasFailed else { continue }
      failed += 1
      try await run.check(run.disk.killed(), "\(fault) at \(nth), killed")
      try await run.check(run.disk.powerCut(seed: seed), "\(fault) at \(nth), power cut")
    }
    // How the batches of concurrent clients fall together varies by a few operations.
    #expect(failed >= count - 20, "\(failed) of \(count)")
  }

  @Test("what was written and not synced when a process ended is durable before the next one tells anybody of it")
  func recovered() async throws {
    var run = try FaultRun()
    await run.run()
    let syncs = run.disk.count(.sync)
    var recovered = 0
    for nth in 1...syncs {
      // The sync fails and what it was for is lost, or the process ends before it; the next process is on the same kernel.
      for fault in [DiskFault.syncFromThenOn, .killedAtSync] {
        var run = try FaultRun()
        run.disk.plan(fault, at: nth, seed: UInt64(nth))
        await run.run()
        guard run.disk.hasFailed else { continue }
        run.disk.repair()
        let size: UInt64
        do {
          let writer = try run.fixture.writer(snapshots: FaultRun.policy)
          size = writer.durableSize()
          await run.answer(from: writer)
          await writer.shutdown()
        }
        recovered += size > 0 ? 1 : 0
        try await run.check(run.disk.powerCut(seed: UInt64(nth)), "\(fault) at \(nth)")
      }
    }
    #expect(recovered > syncs)
  }

  @Test("a crash while the log is opened after a crash takes nothing either")
  func twice() async throws {
    var sound = try FaultRun()
    await sound.run()
    var failed = 0
    for nth in 1...sound.disk.count(.sync) {
      for fault in [DiskFault.killed, .torn, .syncError] {
        for second in 1...2 {
          var run = try FaultRun()
          run.disk.plan(.killedAtSync, at: nth, seed: UInt64(nth))
          await run.run()
          guard run.disk.hasFailed else { continue }
          run.disk.plan(fault, at: second, seed: UInt64(nth))
          do {
            let writer = try run.fixture.writer(snapshots: FaultRun.policy)
            await run.answer(from: writer)
            await writer.shutdown()
          } catch { #expect(error is LogError, "\(error)") }
          guard run.disk.hasFailed else { continue }
          failed += 1
          let what: Comment = "\(fault) at \(second) after a kill at \(nth)"
          try await run.check(run.disk.killed(), what)
          try await run.check(run.disk.powerCut(seed: UInt64(second)), what)
        }
      }
    }
    #expect(failed > 20, "\(failed)")
  }

  @Test(
    "the index of histories that a crash left is right for the log, or made anew",
    arguments: [DiskFault.writeError, .syncError, .full, .torn, .killed])
  func histories(_ fault: DiskFault) async throws {
    var run = try FaultRun()
    await run.run()
    let reader = try LogReader(directory: run.fixture.directory)
    defer { reader.close() }
    let size = try reader.size()
    var expected: [String: [UInt64]] = [:]
    try reader.scan(from: 0, to: size) { position, bytes in
      for name in try Self.names(bytes) { expected[name, default: []].append(position) }
    }
    #expect(expected["bob"]?.count ?? 0 > 60)
    let sound = try FaultDisk(run.fixture.directory.appendingPathComponent("sound"))
    try Self.extend(PositionIndex(directory: sound.directory, of: reader), to: size, reader)
    for nth in 1...sound.count(fault.operations) {
      let disk = try FaultDisk(run.fixture.directory.appendingPathComponent("index-\(nth)"))
      disk.plan(fault, at: nth, seed: UInt64(nth))
      do {
        let index = try PositionIndex(directory: disk.directory, of: reader)
        try Self.extend(index, to: size, reader)
        index.close()
      } catch { #expect(error is LogError, "\(error)") }
      for image in try [disk.killed(), disk.powerCut(seed: UInt64(nth))] {
        let index = try PositionIndex(directory: image, of: reader)
        defer { index.close() }
        // One that turns out to be damaged later is made anew then, and the caller told to come again.
        do { try Self.extend(index, to: size, reader) } catch { try Self.extend(index, to: size, reader) }
        for (name, positions) in expected {
          let found = try index.positions(of: name, below: size, newestFirst: false, beyond: nil, limit: 1_000)
          #expect(found == positions, "\(fault) at \(nth): \(name)")
        }
      }
    }
  }

  private static func names(_ bytes: Data) throws -> [String] {
    let event = try PBEvent(serializedBytes: bytes)
    return Set(event.postings.map(\.owner)).filter { !$0.isEmpty }.sorted()
  }

  /// In several transactions, so that there are several to be cut off.
  private static func extend(_ index: PositionIndex, to size: UInt64, _ reader: LogReader) throws {
    while try index.size() < size {
      _ = try index.extend(to: min(size, try index.size() + 9), from: reader, names: names)
    }
  }

  @Test("a disk that is mounted read-only, or whose files may not be opened, is said to be the reason at the start")
  func unwritable() async throws {
    for code in [8, 14] as [Int32] {
      var run = try FaultRun()
      await run.run()
      run.disk.refuseOpening(code)
      #expect { try run.fixture.writer() } throws: { ($0 as? LogError)?.code == "log_storage" }
      // Reading needs no writing: the audit goes on.
      #expect(try LogAudit.run(directory: run.fixture.directory).isClean)
    }
  }
}
