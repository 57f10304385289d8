import Foundation
import Synchronization
import Testing

/// A steady stream of everything that two frames do with each other: transfers over both backends and bridge cycles, in both
/// directions, each lane one request after the other.
final class Load: Sendable {
  /// One kind of traffic in one direction.
  struct Lane: Hashable, Sendable, CustomStringConvertible {
    enum Kind: String, CaseIterable { case async, twoPhase = "2pc", bridge }
    let from: String
    let kind: Kind
    var description: String { "\(kind.rawValue) from \(from)" }
  }

  private struct Seen {
    var done: [Lane: Int] = [:]
    var failures: [String] = []
    /// Ids of transfers whose answer was that they are made, by the frame that was asked.
    var transfers: [String: [String]] = [:]
  }

  private let two: TwoFrames
  private let seen = Mutex(Seen())
  private let isOver = Mutex(false)
  private let work = Mutex<Task<Void, Never>?>(nil)

  var failures: [String] { seen.withLock { $0.failures } }
  var total: Int { seen.withLock { $0.done.values.reduce(0, +) } }
  func done(_ lane: Lane) -> Int { seen.withLock { $0.done[lane] ?? 0 } }

  private var lanes: [Lane] {
    two.frames.flatMap { frame in Lane.Kind.allCases.map { Lane(from: frame.name, kind: $0) } }
  }

  init(_ two: TwoFrames) {
    self.two = two
    let task = Task {
      await withDiscardingTaskGroup { group in
        for (from, to) in [(two.a, two.b), (two.b, two.a)] {
          for kind in Lane.Kind.allCases {
            group.addTask { await self.run(Lane(from: from.name, kind: kind), from, to) }
          }
        }
      }
    }
    work.withLock { $0 = task }
  }

  /// Waits until every lane has done some more.
  func flows(_ more: Int = 2) async throws {
    let before = seen.withLock { $0.done }
    try await Wait.polling.until("every lane going on", within: .seconds(60)) {
      guard failures.isEmpty else { throw Binary.Missing(description: failures.joined(separator: "\n")) }
      return lanes.allSatisfy { done($0) >= (before[$0] ?? 0) + more }
    }
  }

  /// Begins nothing more, and waits for what is under way.
  func stop() async {
    isOver.withLock { $0 = true }
    await work.withLock { $0 }?.value
  }

  /// Waits until each transfer that was made has completed.
  func expectCompleted() async throws {
    for frame in two.frames {
      for id in seen.withLock({ $0.transfers[frame.name] ?? [] }) {
        try await Wait.polling.until("transfer \(id) of \(frame.name) completing") {
          try await frame.get("/teg/cross-registry-transfer/\(id)")["state"].string == "completed"
        }
      }
    }
  }

  private func run(_ lane: Lane, _ from: TestFrame, _ to: TestFrame) async {
    var number = 0
    while !isOver.withLock({ $0 }) {
      number += 1
      do {
        switch lane.kind {
        case .async, .twoPhase: try await transfer(lane, from, to, key: "\(lane.kind.rawValue)-\(number)")
        case .bridge: try await bridge(from, to, key: "bridge-\(number)")
        }
        seen.withLock { $0.done[lane, default: 0] += 1 }
        try await Wait.polling.pause()
      } catch {
        seen.withLock { $0.failures.append("\(lane), \(number): \(error)") }
        return
      }
    }
  }

  private func transfer(_ lane: Lane, _ from: TestFrame, _ to: TestFrame, key: String) async throws {
    let answer = try await from.post(
      "/teg/cross-registry-transfer?backend=\(lane.kind.rawValue)",
      ["from": from.person, "to": "\(to.person)@\(to.name)", "amount": "0.01"], key: key)
    guard [200, 202].contains(answer.status), let id = try answer.json()["transfer_id"].string else {
      throw TestFrame.Refused(status: answer.status, body: answer.text)
    }
    seen.withLock { $0.transfers[from.name, default: []].append(id) }
  }

  /// Locks here, waits for the wrapped tokens there, redeems them, and waits until the money is back.
  private func bridge(_ from: TestFrame, _ to: TestFrame, key: String) async throws {
    let lock = try await from.post(
      "/api/v1/bridge/lock", ["from": from.person, "to": "\(to.person)@\(to.name)", "amount": "0.01"], key: "l-\(key)")
    guard lock.status == 202, let lockID = try lock.json()["lock_id"].string else {
      throw TestFrame.Refused(status: lock.status, body: lock.text)
    }
    try await Wait.polling.until("lock \(lockID) of \(from.name) being issued") {
      try await from.get("/api/v1/bridge/locks/\(lockID)")["state"].string == "issued"
    }
    let redeem = try await to.post(
      "/api/v1/bridge/redeem",
      ["from": to.person, "origin": from.name, "to": "\(from.person)@\(from.name)", "amount": "0.01"], key: "r-\(key)")
    guard redeem.status == 202, let redeemID = try redeem.json()["redeem_id"].string else {
      throw TestFrame.Refused(status: redeem.status, body: redeem.text)
    }
    try await Wait.polling.until("redemption \(redeemID) at \(to.name) being unlocked") {
      try await to.get("/api/v1/bridge/redeems/\(redeemID)")["state"].string == "unlocked"
    }
  }
}
