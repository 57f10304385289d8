import Foundation
import Testing

/// Four frames on one machine, each pair with a treaty of its own.
final class FourFrames: Sendable {
  let folder: URL
  let frames: [TestFrame]

  /// Every pair once, the inviter first.
  var pairs: [(TestFrame, TestFrame)] {
    frames.indices.flatMap { i in frames[(i + 1)...].map { (frames[i], $0) } }
  }

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-e2e-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var made: [TestFrame] = []
    for (letter, person) in [("a", "alice"), ("b", "bob"), ("c", "carol"), ("d", "dave")] {
      made.append(
        try await TestFrame(
          name: "frame-\(letter).example", currency: "\(letter.uppercased())VT", person: person,
          in: folder.appendingPathComponent(letter)))
    }
    frames = made
    // Four canaries with three peers each would be most of what this machine does.
    for frame in frames { try frame.configure([("canary", "interval_seconds", "3600")]) }
  }

  /// Runs `body` with the four running, funded and federated pairwise.
  static func run(_ body: (FourFrames) async throws -> Void) async throws {
    let four = try await FourFrames()
    defer { try? FileManager.default.removeItem(at: four.folder) }
    do {
      for frame in four.frames {
        try await frame.start()
        _ = try await frame.post("/api/v1/issue", ["amount": "1000000.00"], key: "issue")
        _ = try await frame.post("/api/v1/agents", ["name": frame.person])
        _ = try await frame.post(
          "/api/v1/transfers", ["from": "treasury", "to": frame.person, "amount": "1000.00"], key: "grant")
      }
      for (a, b) in four.pairs {
        let own = try #require(try await a.get("/api/v1/frame")["bundle_fingerprint"].string)
        let invited = try await a.post(
          "/api/v1/peers/invitations", ["trust_domain": b.name, "bundle_endpoint": b.bundleEndpoint])
        #expect(invited.status == 202, "\(invited.text)")
        try await Wait.polling.until("the invitation of \(a.name) reaching \(b.name)") {
          try await b.post("/api/v1/peers/\(a.name)/approve", ["fingerprint": own]).status == 200
        }
      }
      for (a, b) in four.pairs { try await four.expect("established", a, b) }
      try await body(four)
      for frame in four.frames { try await frame.stop() }
    } catch {
      for frame in four.frames {
        print("--- log of \(frame.name) ---\n\(frame.tail)")
        try? await frame.killNow()
      }
      throw error
    }
  }

  /// Both sides show the treaty in that state.
  func expect(_ state: String, _ a: TestFrame, _ b: TestFrame) async throws {
    for (frame, peer) in [(a, b), (b, a)] {
      try await Wait.polling.until("the treaty with \(peer.name) being \(state) at \(frame.name)") {
        try await frame.get("/api/v1/peers/\(peer.name)")["state"].string == state
      }
    }
  }

  func pay(_ from: TestFrame, _ to: TestFrame, _ backend: String, key: String) async throws -> HTTPAnswer {
    try await from.post(
      "/teg/cross-registry-transfer?backend=\(backend)",
      ["from": from.person, "to": "\(to.person)@\(to.name)", "amount": "1.00"],
      key: "\(key)-\(backend)-\(to.name)")
  }

  /// Both backends, in both directions of every pair that is asked for, and each has ended as completed.
  func payAll(_ pairs: [(TestFrame, TestFrame)], key: String) async throws {
    for (a, b) in pairs {
      for (from, to) in [(a, b), (b, a)] {
        for backend in ["async", "2pc"] {
          let paid = try await pay(from, to, backend, key: key)
          #expect([200, 202].contains(paid.status), "\(from.name) to \(to.name) over \(backend): \(paid.text)")
          let id = try #require(try paid.json()["transfer_id"].string)
          try await Wait.polling.until("the \(backend) transfer from \(from.name) to \(to.name) completing") {
            try await from.get("/teg/cross-registry-transfer/\(id)")["state"].string == "completed"
          }
        }
      }
    }
  }
}
