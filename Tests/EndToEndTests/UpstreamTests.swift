import Foundation
import FrameCore
import FrameIdentity
import FrameConfiguration
import Synchronization
import Testing

extension EndToEnd {
  /// A frame whose authority is another process: another `frame` stands for the SPIRE server and agent of its trust domain.
  @Suite("Bring your own SPIRE")
  struct UpstreamTests {
    /// The authority of a trust domain, a node of that trust domain without one, and a peer of the node.
    private struct Plan {
      let authority: TestFrame
      let two: TwoFrames
      var node: TestFrame { two.a }
      var peer: TestFrame { two.b }
      var all: [TestFrame] { [authority, node, peer] }

      init(in folder: URL) async throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        authority = try await TestFrame(
          name: "frame-x.example", currency: "XVT", person: "xenia", in: folder.appendingPathComponent("s"))
        let node = try await TestFrame(
          name: "frame-x.example", currency: "XVT", person: "alice", in: folder.appendingPathComponent("x"),
          options: ["--identity-socket", "unix://" + Plan.socket(of: authority)])
        let peer = try await TestFrame(
          name: "frame-c.example", currency: "CVT", person: "bob", in: folder.appendingPathComponent("c"))
        for frame in [node, peer] { try frame.configure([(nil, "bundle_refresh_seconds", "1")]) }
        two = TwoFrames(node, peer, in: folder)
      }

      static func socket(of frame: TestFrame) -> String { frame.folder.appendingPathComponent("workload.sock").path }

      /// Changes the line with this key below `identity.upstream`.
      func setUpstream(_ key: String, _ value: String) throws {
        let text = try String(contentsOf: node.configurationFile, encoding: .utf8)
        let lines = text.split(separator: "\n").map { line in
          line.hasPrefix("    \(key):") ? "    \(key): \(value)" : String(line)
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: node.configurationFile)
      }

      /// How `frame serve` of the node ends when it cannot start.
      func refusedStart() async throws -> Finished {
        try await Finished.run(
          Binary.frame(), ["serve", "--config", node.configurationFile.path], within: .seconds(20))
      }
    }

    private final class Flag: Sendable {
      private let value = Mutex(false)
      var isSet: Bool { value.withLock { $0 } }
      func set() { value.withLock { $0 = true } }
    }

    private static let myself = "unix:uid:\(getuid())"

    @Test(
      "S8, S9: a frame takes its identity from another process's Workload API: it federates, follows a rotation without a failed request, outlives the agent, and is restarted",
      .timeLimit(.minutes(4)))
    func upstream() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("up-\(UUID().uuidString.prefix(8))")
      let plan = try await Plan(in: folder)
      defer { try? FileManager.default.removeItem(at: folder) }
      do {
        try await expectRefusedStarts(plan)
        try await plan.authority.command("entry", "create", "/node", "--for-node", "--selector", Self.myself)
        try await plan.node.start()
        if try await HTTP.get(plan.peer.ops + "/readyz").status != 200 { try await plan.peer.start() }
        try await plan.two.fund()
        try await plan.two.federate()
        try await expectSource(plan)
        try await expectElsewhere(plan)
        try await plan.two.transfer(plan.node, plan.peer, "2pc")
        try await plan.two.transfer(plan.peer, plan.node, "async")
        try await rotateUnderLoad(plan)
        try await loseAgent(plan)
        try await restart(plan)
        try await plan.two.settle()
        try await plan.two.expectSound()
        for frame in plan.all { try await frame.stop() }
      } catch {
        for frame in plan.all {
          print("--- log of \(frame.folder.lastPathComponent) ---\n" + frame.tail)
          try? await frame.killNow()
        }
        throw error
      }
    }

    /// Nobody at the socket; nobody known there; somebody of another trust domain.
    private func expectRefusedStarts(_ plan: Plan) async throws {
      try plan.setUpstream("wait_seconds", "1")
      let absent = try await plan.refusedStart()
      #expect(absent.status == 69 && absent.errors.contains("[identity_source_unavailable]"), "\(absent.errors)")
      try await plan.authority.start()
      let unknown = try await plan.refusedStart()
      #expect(
        unknown.errors.contains("[identity_source_unavailable]")
          && unknown.errors.contains("no identity for this process"), "\(unknown.errors)")
      try await plan.peer.start()
      let entry = try await plan.peer.command("entry", "create", "/node", "--for-node", "--selector", Self.myself)
      let own = "unix://" + Plan.socket(of: plan.authority)
      try plan.setUpstream("socket", "unix://" + Plan.socket(of: plan.peer))
      let foreign = try await plan.refusedStart()
      #expect(
        foreign.status == 76 && foreign.errors.contains("[identity_source_other_trust_domain]")
          && foreign.errors.contains("spiffe://frame-c.example/node"), "\(foreign.errors)")
      try await plan.peer.command("entry", "delete", try #require(entry["entry_id"].string))
      try plan.setUpstream("socket", own)
      try plan.setUpstream("wait_seconds", "20")
    }

    /// The node says where its identity is from, and serves the authority's bundle under a number of its own.
    private func expectSource(_ plan: Plan) async throws {
      let shown = try await plan.node.command("authority", "show")
      let theirs = try await plan.authority.command("authority", "show")
      #expect(shown["source"].string == "workload-api" && theirs["source"].string == "built-in")
      #expect(shown["upstream"]["connected"].bool == true)
      #expect(shown["upstream"]["socket"].string == "unix://" + Plan.socket(of: plan.authority))
      #expect(shown["fingerprint"].string == theirs["fingerprint"].string)
      #expect(
        shown["x509"]["keys"].array.map { $0["id"].string } == theirs["x509"]["keys"].array.map { $0["id"].string })
      #expect((shown["sequence"].number ?? 0) > 1_000_000)
      let pinned = try await plan.peer.command("peer", "show", plan.node.name)["fingerprint"].string
      #expect(pinned == theirs["fingerprint"].string)
      let metrics = try await plan.node.metrics()
      #expect(metrics.value("frame_identity_source_connected", ["source": "workload-api"]) == 1)
      #expect(metrics.value("frame_ca_expiry_timestamp_seconds") == nil, "the node has no authority that could expire")
      let builtIn = try await plan.authority.metrics()
      #expect(builtIn.value("frame_identity_source_connected", ["source": "built-in"]) == 1)
    }

    /// What only an authority can do is refused by name; who the authority vouches for is who they are.
    private func expectElsewhere(_ plan: Plan) async throws {
      let data = ["--data", plan.node.folder.path]
      for command in [
        ["authority", "prepare", "--kind", "x509"], ["authority", "activate", "--kind", "jwt"], ["entry", "list"],
        ["entry", "create", "/agent/x", "--selector", "unix:uid:1"], ["agent", "token", "alice"],
      ] {
        let refused = try await Finished.run(Binary.frame(), command + data)
        #expect(
          refused.status > 1 && refused.errors.contains("[authority_elsewhere]"), "\(command): \(refused.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: Plan.socket(of: plan.node)))
      // Tokens of the trust domain's authority are taken; keys in the data folder vouch for the command line alone.
      let frame = try FrameID(plan.node.name)
      let alice = SPIFFEID.agent(try AgentName("alice"), of: frame)
      func token(_ frame: TestFrame, _ id: SPIFFEID) async throws -> String {
        let authority = try NodeConfiguration.load(frame.configurationFile).loadAuthority()
        return try await authority.issueJWTSVID(
          for: id, audience: [SPIFFEID.api(of: id.trustDomain).description]
        ).token
      }
      let path = plan.node.api + "/api/v1/agents/alice"
      #expect(try await HTTP.get(path, token: try await token(plan.authority, alice)).status == 200)
      let refused = try await HTTP.get(path, token: try await token(plan.node, alice))
      #expect(refused.status == 401 && refused.text.contains("token_not_of_authority"), "\(refused.text)")
    }

    private func rotations(_ plan: Plan) async throws -> Double {
      try await plan.node.metrics().value("frame_svid_rotations_total", ["kind": "x509"]) ?? 0
    }

    private func streamFailures(_ plan: Plan) async throws -> [Double?] {
      var failures: [Double?] = []
      for (frame, peer) in [(plan.node, plan.peer), (plan.peer, plan.node)] {
        failures.append(
          try await frame.metrics().value("frame_projection_stream_failures_total", ["peer": peer.name]) ?? 0)
      }
      return failures
    }

    /// Prepare, activate, taint and revoke at the authority while money moves both ways.
    private func rotateUnderLoad(_ plan: Plan) async throws {
      let (old, before) = try await (
        plan.authority.command("authority", "show")["x509"]["keys"].array.first?["id"].string,
        plan.node.command("authority", "show")["sequence"].number ?? 0
      )
      let (renewed, failures) = try await (rotations(plan), streamFailures(plan))
      let done = Flag()
      try await withThrowingTaskGroup(of: Int.self) { group in
        for (from, to) in [(plan.node, plan.peer), (plan.peer, plan.node)] {
          group.addTask {
            var sent = 0
            let token = try await from.token()
            while !done.isSet {
              let answer = try await HTTP.post(
                from.api + "/teg/cross-registry-transfer?backend=2pc",
                ["from": from.person, "to": "\(to.person)@\(to.name)", "amount": "0.01"], token: token,
                key: UUID().uuidString)
              #expect([200, 202].contains(answer.status), "\(answer.status) \(answer.text)")
              sent += 1
            }
            return sent
          }
        }
        try await plan.authority.command("authority", "prepare", "--kind", "x509")
        try await Wait.polling.until("the successor reaching the node and its peer") {
          let theirs = try await plan.authority.command("authority", "show")["fingerprint"].string
          return try await plan.peer.command("peer", "show", plan.node.name)["fingerprint"].string == theirs
        }
        try await plan.authority.command("authority", "activate", "--kind", "x509", "--force")
        try await Wait.polling.until("the node presenting an SVID of the new key") {
          try await rotations(plan) > renewed
        }
        let id = try #require(old)
        try await plan.authority.command("authority", "taint", "--kind", "x509", "--id", id)
        let last = try await plan.peer.balance(plan.peer.person)
        try await Wait.polling.until("some more transfers") {
          try await plan.peer.balance(plan.peer.person) != last
        }
        done.set()
        for try await sent in group { #expect(sent > 0) }
      }
      let after = try await plan.node.command("authority", "show")["sequence"].number ?? 0
      #expect(after > before, "each change of the keys has a higher number")
      #expect(try await streamFailures(plan) == failures, "no stream was dropped")
      // Nothing rests on the old key any more: it may go, and everyone goes on.
      try await plan.authority.command("authority", "revoke", "--kind", "x509", "--id", try #require(old))
      try await Wait.polling.until("the old key being gone everywhere") {
        let theirs = try await plan.authority.command("authority", "show")["fingerprint"].string
        return try await plan.peer.command("peer", "show", plan.node.name)["fingerprint"].string == theirs
      }
      for backend in ["2pc", "async"] { try await plan.two.transfer(plan.node, plan.peer, backend) }
    }

    /// Without its agent the node goes on with what it has, says so, and finds the agent again.
    private func loseAgent(_ plan: Plan) async throws {
      func connected() async throws -> Double? {
        try await plan.node.metrics().value("frame_identity_source_connected", ["source": "workload-api"])
      }
      let sequence = try await plan.node.command("authority", "show")["sequence"].number
      try await plan.authority.killNow()
      try await Wait.polling.until("the node noticing") { try await connected() == 0 }
      #expect(try await plan.node.command("authority", "show")["upstream"]["connected"].bool == false)
      #expect(try await HTTP.get(plan.node.ops + "/readyz").status == 200, "its SVID is valid")
      try await plan.two.transfer(plan.node, plan.peer, "2pc")
      try await plan.authority.start()
      try await Wait.polling.until("the node finding the agent again", within: .seconds(60)) {
        try await connected() == 1
      }
      #expect(try await plan.node.command("authority", "show")["sequence"].number == sequence)
      let failures = try await plan.node.metrics().value(
        "frame_identity_source_failures_total", ["reason": "unreachable"])
      #expect((failures ?? 0) >= 1)
    }

    private func restart(_ plan: Plan) async throws {
      let sequence = try await plan.node.command("authority", "show")["sequence"].number
      try await plan.node.stop()
      try await plan.node.start()
      #expect(try await plan.node.command("authority", "show")["sequence"].number == sequence)
      for backend in ["2pc", "async"] {
        try await Wait.polling.until("the treaty standing after the restart") {
          try await plan.node.metrics().value("frame_projection_stream_connected", ["peer": plan.peer.name]) == 1
        }
        try await plan.two.transfer(plan.peer, plan.node, backend)
      }
    }
  }
}
