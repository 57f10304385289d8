import Foundation
import FrameCore
import FrameIdentity
import FrameProtos
import Synchronization
import FrameTesting
import Testing

@testable import FrameTreaty
@testable import FramePeering

private let rotations = ProcessInfo.processInfo.environment["FRAME_ROTATIONS"].flatMap(Int.init) ?? 6

/// Rotations one after the other while calls and streams go on in both directions. FRAME_ROTATIONS says how many; a few by default,
/// hundreds in an hour that has room for it (docs/operations.md, "Rotation").
@Suite("Rotations under load", .serialized, .timeLimit(.minutes(rotations > 6 ? 60 : 10)))
struct RotationTests {
  private final class Seen: Sendable {
    let failures = Mutex<[String]>([])
    let calls = Mutex(0)
    let streams = Mutex(0)
  }

  /// Calls and a stream from `from` to `to` until cancelled.
  private func load(_ from: TestFrame, _ to: TestFrame, _ seen: Seen) async {
    await withDiscardingTaskGroup { group in
      for lane in 0..<3 {
        group.addTask {
          while !Task.isCancelled {
            do {
              _ = try await from.channels.credit(to.id, terms("load-\(lane)"), timeout: .seconds(30))
              seen.calls.withLock { $0 += 1 }
            } catch {
              if Task.isCancelled { return }
              seen.failures.withLock { $0.append("credit \(from.id) -> \(to.id): \(error)") }
            }
          }
        }
      }
      group.addTask {
        while !Task.isCancelled {
          do {
            try await from.channels.subscribe(to.id, after: 0) { _ in seen.streams.withLock { $0 += 1 } }
          } catch PeerCallError.moved {
            // Told to be opened again.
          } catch {
            if Task.isCancelled { return }
            seen.failures.withLock { $0.append("stream \(from.id) -> \(to.id): \(error)") }
          }
        }
      }
    }
  }

  @Test("O1: authorities are replaced again and again under load: no call fails, and no counter says that one did")
  func underLoad() async throws {
    let (a, b) = try await TestFrame.federated()
    let seen = Seen()
    let load = Task {
      await withDiscardingTaskGroup { group in
        group.addTask { await self.load(a, b, seen) }
        group.addTask { await self.load(b, a, seen) }
      }
    }
    // Also when something is thrown: a load that nobody ends takes the machine from every test after this one.
    defer { load.cancel() }
    func flows() async throws {
      let before = (seen.calls.withLock { $0 }, seen.streams.withLock { $0 })
      try await eventually("calls and streams go on", within: .seconds(60)) {
        seen.calls.withLock { $0 } >= before.0 + 12 && seen.streams.withLock { $0 } >= before.1 + 4
      }
    }
    func settled() async throws {
      for (frame, peer) in [(a, b), (b, a)] {
        try await eventually("no channel moves", within: .seconds(60)) { !frame.channels.isMoving(peer.id) }
      }
    }
    var current = [a.id: a.authority, b.id: b.authority]
    var sequences = [a.id: a.authority.bundle.sequence ?? 0, b.id: b.authority.bundle.sequence ?? 0]
    for round in 0..<rotations {
      let (frame, peer) = round.isMultiple(of: 2) ? (a, b) : (b, a)
      let next = try FrameAuthority.ephemeral(frame: frame.id)
      let old = try #require(current[frame.id])
      func publish(_ authorities: [FrameAuthority]) async throws {
        let sequence = (sequences[frame.id] ?? 0) + 1
        sequences[frame.id] = sequence
        frame.publish(
          SPIFFEBundle(
            trustDomain: frame.id, x509Authorities: authorities.flatMap(\.bundle.x509Authorities), jwtAuthorities: [],
            sequence: sequence, refreshHint: nil))
        try await peer.refresher.refresh(frame.id)
      }
      // One change upon the other: a move that is under way meets the next reason for one.
      try await publish([old, next])
      try await frame.sign(with: next)
      try await publish([old, next])
      try await publish([old, next])
      try await settled()
      try await flows()
      try await publish([next])
      try await flows()
      current[frame.id] = next
    }
    load.cancel()
    await load.value
    #expect(seen.failures.withLock { $0 } == [])
    for (frame, peer) in [(a, b), (b, a)] {
      for method in PeerMethod.allCases where method != .subscribe {
        for code in ["peer_unavailable", "cancelled", "internal"] where !(method == .credit && code == "cancelled") {
          for family in ["frame_peer_rpc_total", "frame_peer_served_rpc_total"] {
            let failed = frame.sample(family, ["peer": peer.id.name, "method": method.rawValue, "code": code]) ?? 0
            #expect(failed == 0, "\(family) of \(frame.id): \(method.rawValue), \(code)")
          }
        }
      }
      #expect(frame.sample("frame_peer_channel_moves_total", ["peer": peer.id.name, "result": "failed"]) ?? 0 == 0)
    }
    await a.stop()
    await b.stop()
  }

  @Test(
    "a call whose connection is taken from it, because nothing vouches for it any more, is made again on the new one")
  func takenAway() async throws {
    let (a, b) = try await TestFrame.federated()
    _ = try await a.channels.credit(b.id, terms("t1"), timeout: .seconds(30))
    let gate = Gate()
    b.verbs.held.withLock { $0 = gate }
    let call = Task { try await a.channels.credit(b.id, terms("t2", memo: "gate"), timeout: .seconds(60)) }
    try await eventually("the call is under way") { gate.arrived.withLock { $0 } == 1 }
    // B's old authority is gone from one moment to the next: A ends the connection under its own call.
    let next = try FrameAuthority.ephemeral(frame: b.id)
    try await b.sign(with: next)
    let bundle = SPIFFEBundle(
      trustDomain: b.id, x509Authorities: next.bundle.x509Authorities, jwtAuthorities: [],
      sequence: (b.authority.bundle.sequence ?? 0) + 1, refreshHint: nil)
    try await a.federation.rotate(b.id, to: PinnedBundle(bundle, document: try bundle.serialized()))
    try await eventually("it is made again") { gate.arrived.withLock { $0 } == 2 }
    gate.open()
    #expect(try await call.value.outcome == .credited)
    #expect(a.sample("frame_peer_rpc_total", ["method": "CreditTransfer", "code": "peer_unavailable"]) ?? 0 == 0)
    await a.stop()
    await b.stop()
  }
}

/// Holds calls until it is opened.
final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var waiting: [AsyncStream<Never>.Continuation] = []
  }

  let arrived = Mutex(0)
  private let held = Mutex(State())

  func pass() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    held.withLock { held in
      if held.isOpen { continuation.finish() } else { held.waiting.append(continuation) }
    }
    arrived.withLock { $0 += 1 }
    for await _ in stream {}
  }

  func open() {
    let waiting = held.withLock { held in
      held.isOpen = true
      return held.waiting
    }
    for continuation in waiting { continuation.finish() }
  }
}
