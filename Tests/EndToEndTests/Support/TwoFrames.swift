import Foundation
import Testing

/// Two federated frames in a temporary folder, made and joined through the command line as an operator would.
final class TwoFrames: Sendable {
  static let allowance: Int64 = 1_000_00

  let folder: URL
  let a: TestFrame
  let b: TestFrame
  var frames: [TestFrame] { [a, b] }

  /// - Parameter settings: what to change in both frame.yaml before the first start.
  init(_ settings: [(section: String?, key: String, value: String)] = []) async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-e2e-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    a = try await TestFrame(
      name: "frame-a.example", currency: "AVT", person: "alice", in: folder.appendingPathComponent("a"))
    b = try await TestFrame(
      name: "frame-b.example", currency: "BVT", person: "bob", in: folder.appendingPathComponent("b"))
    for frame in frames { try frame.configure(settings) }
  }

  /// Two frames that are there already.
  init(_ a: TestFrame, _ b: TestFrame, in folder: URL) {
    self.folder = folder
    self.a = a
    self.b = b
  }

  /// Runs `body` with two running, federated, funded frames; stops them after it and keeps their logs when it fails.
  static func run(
    _ settings: [(section: String?, key: String, value: String)] = [], _ body: (TwoFrames) async throws -> Void
  ) async throws {
    let two = try await TwoFrames(settings)
    do {
      for frame in two.frames { try await frame.start() }
      try await two.fund()
      try await two.federate()
      try await body(two)
      for frame in two.frames { try await frame.stop() }
    } catch {
      for frame in two.frames {
        let log = (try? String(contentsOf: frame.log, encoding: .utf8)) ?? ""
        print("--- log of \(frame.name) ---\n" + log.split(separator: "\n").suffix(60).joined(separator: "\n"))
        try? await frame.killNow()
      }
      two.remove()
      throw error
    }
    two.remove()
  }

  private func remove() { try? FileManager.default.removeItem(at: folder) }

  func fund() async throws {
    for frame in frames {
      try await frame.command("issue", "--amount", "1000000.00")
      try await frame.command("agent", "create", frame.person)
      try await frame.command("transfer", "--from", "treasury", "--to", frame.person, "--amount", "1000.00")
    }
  }

  func federate() async throws {
    let invited = try await a.command(
      "peer", "invite", "--trust-domain", b.name, "--bundle-endpoint", b.bundleEndpoint)
    let own = try await b.get("/api/v1/frame")["bundle_fingerprint"].string
    #expect(invited["fingerprint"].string == own, "the inviter is shown the invitee's real fingerprint")
    let shown = try await Wait.polling.eventually("the invitation reaching \(b.name)") {
      try await b.command("peer", "show", a.name)["fingerprint"].string
    }
    try await b.command("peer", "approve", a.name, "--fingerprint", shown)
    for (frame, peer) in [(a, b), (b, a)] {
      try await Wait.polling.until("the treaty being established at \(frame.name)") {
        try await frame.get("/api/v1/peers/\(peer.name)")["state"].string == "established"
      }
    }
  }

  // MARK: - What must hold

  /// No transfer or bridge item is on its way any more.
  func settle(within limit: Duration = .seconds(60)) async throws {
    for (frame, peer) in [(a, b), (b, a)] {
      try await Wait.polling.until("everything of \(frame.name) settling", within: limit) {
        let metrics = try await frame.metrics()
        let flying = ["async", "2pc"].compactMap {
          metrics.value("frame_transfers_in_flight", ["backend": $0, "peer": peer.name])
        }
        let bridge = metrics.value("frame_bridge_in_flight_minor_units", ["peer": peer.name])
        return flying == [0, 0] && bridge == 0
      }
    }
  }

  /// Clean audits, delta 0, clearing positions that mirror each other, bridges that balance.
  func expectSound() async throws {
    var clearing: [String] = []
    for (frame, peer) in [(a, b), (b, a)] {
      let audit = try await frame.audit()
      #expect(audit["clean"].bool == true, "\(frame.name): \(audit["problems"])")
      #expect(audit["supply"]["delta"].string == "0.00")
      clearing.append(audit["supply"]["clearing"][peer.name].string ?? "0.00")
      for reserve in try await frame.get("/api/v1/bridge/reserves")["reserves"].array {
        #expect(reserve["imbalance"].string == "0.00", "the bridge of \(frame.name) with \(peer.name) balances")
        #expect(reserve["breaker_open"].bool == false)
      }
      let offline = try await Finished.run(
        Binary.frame(), ["audit", "--offline", "--data", frame.folder.path, "--json"])
      #expect(offline.status == 0, "the audit from the files alone agrees: \(offline.output) \(offline.errors)")
    }
    let together = try await Finished.run(
      Binary.frame(), ["audit", "--offline", "--data", a.folder.path, "--with", b.folder.path, "--json"])
    #expect(together.status == 0, "the two logs agree: \(together.output) \(together.errors)")
    #expect(together.output.contains("\"clearing_difference\": \"0.00\""), "\(together.output)")
    #expect(Self.negated(clearing[0]) == clearing[1], "clearing positions mirror each other: \(clearing)")
  }

  private static func negated(_ text: String) -> String {
    if text == "0.00" { return text }
    return text.hasPrefix("-") ? String(text.dropFirst()) : "-" + text
  }
}
