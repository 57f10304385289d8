import Foundation
import FrameCore
import FrameLog
import FrameProtos
import Testing

extension EndToEnd {
  @Suite("kill -9, again and again")
  struct KillLoopTests {
    private static let rounds = 10
    private static let writers = 4

    private func withFrame(_ body: (TestFrame) async throws -> Void) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-kills-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-a.example", currency: "AVT", person: "alice", in: folder.appendingPathComponent("a"))
      try frame.configure([("snapshot", "every_events", "50"), ("canary", "enabled", "false")])
      do {
        try await frame.start()
        for name in ["alice", "bob"] { _ = try await frame.post("/api/v1/agents", ["name": name]) }
        _ = try await frame.post("/api/v1/issue", ["amount": "1000.00"], key: "issue")
        _ = try await frame.post(
          "/api/v1/transfers", ["from": "treasury", "to": "alice", "amount": "1000.00"], key: "grant")
        try await body(frame)
      } catch {
        print("--- log of \(frame.name) ---\n\(frame.tail)")
        try? await frame.killNow()
        throw error
      }
    }

    @Test(
      "ten times killed between any two answers, a frame has every transfer that it acknowledged, and each once",
      .timeLimit(.minutes(3)))
    func killed() async throws {
      try await withFrame { frame in
        let book = OrderBook()
        var random = SeededGenerator(seed: 0x6b69_6c6c)
        for round in 1...Self.rounds {
          await book.begin(killAfter: Int.random(in: 1...25, using: &random), pid: try #require(frame.pid))
          try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 1...Self.writers {
              group.addTask { await book.write(to: frame, "r\(round)-w\(writer)") }
            }
            try await group.waitForAll()
          }
          try await frame.killNow()
          try await frame.start()
          // Whoever got no answer asks again, with the same key.
          for order in await book.unanswered {
            let answer = try await book.send(order, to: frame)
            #expect(answer.status == 200, "\(order.key): \(answer.text)")
          }
          #expect(try await frame.balance("bob") == (await book.total), "round \(round)")
        }
        #expect(await book.answered.count >= Self.rounds)
        #expect(await book.lost >= Self.rounds / 2, "kills that left somebody without an answer")
        try await check(book, frame)
      }
    }

    @Test("a disk that fills up ends the frame, whose log then has every transfer that it acknowledged, and each once")
    func full() async throws {
      try await withFrame { frame in
        try await frame.stop()
        // No file grows beyond 256 KiB.
        try await frame.start(fileBlocks: 512)
        let book = OrderBook()
        await book.begin(killAfter: .max, pid: try #require(frame.pid))
        await withTaskGroup(of: Void.self) { group in
          for writer in 1...Self.writers { group.addTask { await book.write(to: frame, "w\(writer)") } }
        }
        #expect(await book.answered.count > 10)
        let refusals = await Set(book.refusals)
        #expect(refusals.isSubset(of: ["log_stopped"]), "\(refusals)")
        #expect(try await frame.ended() == 69, "a frame whose log has stopped ends: EX_UNAVAILABLE")
        try await frame.start()
        for order in await book.unanswered {
          let answer = try await book.send(order, to: frame)
          #expect(answer.status == 200, "\(order.key): \(answer.text)")
        }
        try await check(book, frame)
      }
    }

    /// What the API, the stored log and the audit of the files alone say.
    private func check(_ book: OrderBook, _ frame: TestFrame) async throws {
      for (order, position) in await book.answered {
        let again = try await book.send(order, to: frame)
        #expect(again.status == 200 && again.replayed, "\(order.key): \(again.text)")
        #expect(try again.json()["position"].number == Double(position), "\(order.key)")
      }
      #expect(try await frame.balance("bob") == (await book.total))
      #expect(try await frame.audit()["clean"].bool == true)
      let key = try #require(try await frame.get("/api/v1/frame")["log_verifier_key"].string)
      let copy = frame.folder.appendingPathComponent("copy").path
      try await frame.command("log", "download", copy)
      try await frame.stop()
      try await frame.run("audit", "verify", "--key", key, "--checkpoint", copy + "/checkpoint", "--log", copy)

      let reader = try LogReader(directory: frame.folder.appendingPathComponent("log"))
      defer { reader.close() }
      var effects: [String: [UInt64]] = [:]
      // Throws at a gap.
      try reader.scan(from: 0, to: reader.size()) { position, bytes in
        let event = try PBEvent(serializedBytes: bytes)
        guard case .tokensTransferred = event.payload, let key = event.idempotencyKey.split(separator: "/").last else {
          return
        }
        effects[String(key), default: []].append(position)
      }
      for (order, position) in await book.answered { #expect(effects[order.key] == [position], "\(order.key)") }
      let offline = try await Finished.run(
        Binary.frame(), ["audit", "--offline", "--data", frame.folder.path, "--json"])
      #expect(offline.status == 0, "\(offline.output) \(offline.errors)")
    }
  }

  /// What the writers have sent and what they were told.
  actor OrderBook {
    struct Order: Hashable {
      let key: String
      /// Minor units.
      let amount: Int64
    }

    private(set) var answered: [Order: UInt64] = [:]
    private(set) var unanswered: Set<Order> = []
    /// Codes of answers that were not 200.
    private(set) var refusals: [String] = []
    /// Orders that had no answer when their frame died.
    private(set) var lost = 0
    private var left = 0
    private var victim: pid_t = 0

    var total: Int64 { answered.keys.reduce(0) { $0 + $1.amount } }

    /// The process is killed right after so many more answers.
    func begin(killAfter answers: Int, pid: pid_t) {
      left = answers
      victim = pid
    }

    /// Transfers one after the other until one gets no answer.
    nonisolated func write(to frame: TestFrame, _ name: String) async {
      for number in 1... {
        let order = Order(key: "\(name)-\(number)", amount: Int64(1 + number % 7))
        await open(order)
        guard let answer = try? await send(order, to: frame), answer.status == 200 else { return await lose() }
      }
    }

    nonisolated func send(_ order: Order, to frame: TestFrame) async throws -> HTTPAnswer {
      let answer = try await frame.post(
        "/api/v1/transfers",
        [
          "from": "alice", "to": "bob", "amount": Amount(minorUnits: order.amount).decimal(scale: 2),
          "memo": String(repeating: "m", count: 200),
        ], key: order.key)
      try await note(order, answer)
      return answer
    }

    private func open(_ order: Order) { unanswered.insert(order) }
    private func lose() { lost += 1 }

    private func note(_ order: Order, _ answer: HTTPAnswer) throws {
      guard answer.status == 200 else {
        refusals.append(try answer.json()["code"].string ?? answer.text)
        return
      }
      guard let position = try answer.json()["position"].number else { return }
      let before = answered.updateValue(UInt64(position), forKey: order)
      #expect(before == nil || before == UInt64(position), "\(order.key)")
      unanswered.remove(order)
      left -= 1
      if left == 0 { kill(victim, SIGKILL) }
    }
  }

  /// The same seed gives the same numbers (SplitMix64).
  struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }
}
