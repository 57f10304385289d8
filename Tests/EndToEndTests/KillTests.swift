import Foundation
import FrameCore
import Testing

extension EndToEnd {
  @Suite("kill -9")
  struct KillTests {
    @Test(
      "kill -9 of a frame in the middle of a stream of transfers loses no acknowledged one and doubles none",
      .timeLimit(.minutes(5)), arguments: ["a", "b"])
    func killed(which: String) async throws {
      try await TwoFrames.run { two in
        let prometheus = try await Prometheus(two)
        let victim = which == "a" ? two.a : two.b
        let journal = Journal()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for (from, to) in [(two.a, two.b), (two.b, two.a)] {
            for backend in ["async", "2pc"] {
              group.addTask { try await Stream(from: from, to: to, backend: backend, journal: journal).run() }
            }
          }
          try await Wait.polling.until("a stream of transfers flowing") { await journal.acknowledged.count >= 60 }
          try await victim.killNow()
          let before = await journal.acknowledged.count
          try await victim.start()
          try await Wait.polling.until("transfers flowing again") { await journal.acknowledged.count >= before + 40 }
          await journal.close()
          try await group.waitForAll()
        }
        try await two.settle()
        try await checkEach(journal, two)
        try await two.expectSound()
        try await prometheus.expectTargetsUp()
        try await prometheus.expectQuiet(within: .seconds(45))
        try await prometheus.stop()
      }
    }

    /// Every acknowledged transfer is still known, has ended, and the people's balances are exactly what the ends say.
    private func checkEach(_ journal: Journal, _ two: TwoFrames) async throws {
      var expected = [two.a.name: TwoFrames.allowance, two.b.name: TwoFrames.allowance]
      var ends: [String: Int] = [:]
      for entry in await journal.acknowledged {
        let receipt = try await entry.from.get("/teg/cross-registry-transfer/\(entry.id)")
        let state = receipt["state"].string ?? ""
        ends[state, default: 0] += 1
        switch state {
        case "completed":
          expected[entry.from.name, default: 0] -= entry.amount
          expected[entry.to.name, default: 0] += entry.amount
        case "refused", "compensated": break
        default: Issue.record("transfer \(entry.id) has not ended: \(state)")
        }
      }
      #expect(ends["completed", default: 0] >= 60, "\(ends)")
      #expect(try await two.a.balance("alice") == expected[two.a.name])
      #expect(try await two.b.balance("bob") == expected[two.b.name])
    }
  }

  /// What the frames have acknowledged.
  actor Journal {
    struct Entry: Sendable {
      let id: String
      let from: TestFrame
      let to: TestFrame
      let amount: Int64
    }

    private(set) var acknowledged: [Entry] = []
    private(set) var isClosed = false

    func add(_ entry: Entry) { acknowledged.append(entry) }
    /// No new transfers; what has no answer yet is still asked for.
    func close() { isClosed = true }
  }

  /// Transfers one after the other. One without an answer is sent again with its key until there is one: only then is it
  /// known whether it happened.
  struct Stream: Sendable {
    let from: TestFrame
    let to: TestFrame
    let backend: String
    let journal: Journal

    func run() async throws {
      var number = 0
      while await !journal.isClosed {
        number += 1
        let key = "\(from.person)-\(backend)-\(number)"
        let units = Int64(1 + number % 9)
        try await Wait.polling.until("an answer for \(key)", within: .seconds(45)) { try await send(key, units) }
      }
    }

    /// - Returns: whether there was an answer that says what became of it.
    private func send(_ key: String, _ units: Int64) async throws -> Bool {
      let answer = try await from.post(
        "/teg/cross-registry-transfer?backend=\(backend)",
        [
          "from": from.person, "to": "\(to.person)@\(to.name)",
          "amount": Amount(minorUnits: units).decimal(scale: 2),
        ], key: key)
      let id = try answer.json()["transfer_id"].string
      switch answer.status {
      case 200, 202:
        await journal.add(.init(id: try #require(id), from: from, to: to, amount: units))
        return true
      // The peer is down and nothing was locked, or the transfer was refused: it ended without effect. A refusal that
      // names a transfer is in the log too.
      case 503, 409, 422:
        if let id { await journal.add(.init(id: id, from: from, to: to, amount: units)) }
        return true
      default:
        return false
      }
    }
  }
}
