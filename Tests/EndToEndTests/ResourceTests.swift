import Foundation
import FrameCore
import Synchronization
import Testing

/// A peer, an agent and a stranger, each at the worst that they may legally do, all at once: the bounds of docs/threat_model.md.
///
/// Some seconds in the test run; FRAME_RESOURCES_SECONDS=600 (`make resources`) for ten minutes.
@Suite("Resources under abuse", .serialized) struct ResourceTests {
  /// Resident memory of the node, whatever happens.
  static let residentMax = 512 << 20
  /// Bytes that the data folder grows beside those of events that were accepted: write-ahead log, index, snapshots.
  static let diskSlack = 128 << 20
  /// Bytes on disk for an event that was accepted, the index of histories and the keys' runs with it.
  static let diskPerEvent = 2_048
  /// Slower than twice their idle time is what other callers must not become; below this nobody would notice.
  static let unnoticed = 0.25
  /// In a test run, unoptimised and with the attackers on the same processors, only what is missed by far says anything.
  static let unnoticedInTestRun = 5.0

  private static var seconds: Double {
    ProcessInfo.processInfo.environment["FRAME_RESOURCES_SECONDS"].flatMap(Double.init) ?? 15
  }

  @Test("memory, disk and other callers' time stay within their bounds", .timeLimit(.minutes(20)))
  func abuse() async throws {
    let two = try await TwoFrames()
    defer { try? FileManager.default.removeItem(at: two.folder) }
    do { try await measure(two) } catch {
      for frame in two.frames { try? await frame.killNow() }
      throw error
    }
  }

  private func measure(_ two: TwoFrames) async throws {
    let a = two.a
    for frame in two.frames { try await frame.start() }
    try await two.fund()
    for name in ["mallory", "sink", "carol"] { try await a.command("agent", "create", name) }
    for name in ["mallory", "carol"] {
      try await a.command("transfer", "--from", "treasury", "--to", name, "--amount", "100000.00")
    }
    try await two.federate()
    try await two.b.stop()
    let peer = try await HostilePeer(two.b, against: try FrameID(a.name))
    let mallory = try await agentToken(a, "mallory")
    let carol = try await agentToken(a, "carol")

    let idle = try await payments(a, carol, for: .seconds(min(Self.seconds / 3, 10)))
    let (events, disk) = (try await size(a), Self.bytes(a.folder))
    let callers = HostileCallers(frame: a, token: mallory, counts: peer.counts)
    let attack = Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await peer.run() }
        group.addTask { await callers.run() }
      }
    }
    let watch = Task { await Self.peak(a) }
    let busy: Times
    do { busy = try await payments(a, carol, for: .seconds(Self.seconds)) } catch {
      attack.cancel()
      watch.cancel()
      await attack.value
      throw error
    }
    attack.cancel()
    watch.cancel()
    let resident = await watch.value
    await attack.value
    let grown = Self.bytes(a.folder) - disk
    let accepted = Int(try await size(a) - events)
    print(
      """
      resources: \(Int(Self.seconds)) s; resident at most \(resident >> 20) MiB; disk +\(grown >> 20) MiB for \(accepted) events; \
      payments of others idle p50 \(idle.at(0.5)) p99 \(idle.p99) s (\(idle.count)), under abuse p50 \(busy.at(0.5)) p99 \
      \(busy.p99) s (\(busy.count)), failed \(busy.failed); \
      \(peer.counts.all.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
      """)
    #expect(resident > 0 && resident < Self.residentMax, "the node had \(resident >> 20) MiB")
    #expect(grown < Self.diskSlack + Self.diskPerEvent * accepted, "\(grown) bytes for \(accepted) events")
    #expect(busy.failed == 0, "\(busy.failed) of \(busy.count) payments of another agent failed: \(busy.firstFailure)")
    let unnoticed = Self.seconds < 60 ? Self.unnoticedInTestRun : Self.unnoticed
    #expect(busy.p99 < max(2 * idle.p99, unnoticed), "p99 of others \(busy.p99) s, idle \(idle.p99) s")
    // And it is all there afterwards.
    try await Wait.polling.until("the node being ready") { try await HTTP.get(a.ops + "/readyz").status == 200 }
    #expect(try await a.audit()["clean"].bool == true)
    try await a.stop()
  }

  private struct Times {
    var seconds: [Double] = []
    var failed = 0
    var firstFailure = ""
    var count: Int { seconds.count + failed }
    var p99: Double { at(0.99) }
    func at(_ fraction: Double) -> Double {
      guard !seconds.isEmpty else { return .infinity }
      let rank = Int((fraction * Double(seconds.count)).rounded(.up))
      return (seconds.sorted()[max(0, rank - 1)] * 1000).rounded() / 1000
    }
  }

  /// An honest agent's payments, one every 20 ms at most.
  private func payments(_ frame: TestFrame, _ token: String, for duration: Duration) async throws -> Times {
    var times = Times()
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {
      let began = ContinuousClock.now
      do {
        let answer = try await HTTP.post(
          frame.api + "/api/v1/transfers", ["to": "alice", "amount": "0.01"], token: token, key: UUID().uuidString)
        if answer.status == 200 {
          times.seconds.append((ContinuousClock.now - began).inSeconds)
        } else {
          times.failed += 1
          if times.firstFailure.isEmpty { times.firstFailure = answer.text }
        }
      } catch {
        times.failed += 1
        if times.firstFailure.isEmpty { times.firstFailure = "\(error)" }
      }
      try await Task.sleep(until: began + .milliseconds(20))
    }
    return times
  }

  private func agentToken(_ frame: TestFrame, _ name: String) async throws -> String {
    let answer = try await frame.post("/api/v1/agents/\(name)/token", [:])
    guard let token = try answer.json()["token"].string else {
      throw TestFrame.Refused(status: answer.status, body: answer.text)
    }
    return token
  }

  private func size(_ frame: TestFrame) async throws -> UInt64 {
    UInt64(try await frame.metrics().value("frame_log_size_events") ?? 0)
  }

  /// Bytes of all files below a folder.
  private static func bytes(_ folder: URL) -> Int {
    guard let walk = FileManager.default.enumerator(atPath: folder.path) else { return 0 }
    var sum = 0
    while let path = walk.nextObject() as? String {
      sum += (walk.fileAttributes?[.size] as? Int) ?? 0
      _ = path
    }
    return sum
  }

  /// The most resident memory that is seen until it is cancelled.
  private static func peak(_ frame: TestFrame) async -> Int {
    var most = 0
    while !Task.isCancelled {
      if let pid = frame.pid, let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8) {
        let fields = text.split(separator: " ")
        if fields.count > 1, let pages = Int(fields[1]) { most = max(most, pages * Int(sysconf(Int32(_SC_PAGESIZE)))) }
      }
      try? await Task.sleep(for: .milliseconds(200))
    }
    return most
  }
}
