import Foundation
import FrameAPI
import FrameCore

/// What the demo does with its nodes, step by step. Every step that moves money carries a fixed idempotency key, so a
/// set-up that was interrupted is completed, not repeated, by the next start.
struct DemoScenario: Sendable {
  static let supply = "1000000.00"
  static let allowance = "1000.00"
  static let bridged = "5.00"
  static let transfer = "1.00"

  /// Two at least; the first two show the bridge.
  let nodes: [DemoNode]
  let progress: Progress
  /// Before the nodes were started: a canary round counts only when it is newer.
  let began: FrameTime
  let canaryInterval: Duration

  private var a: DemoNode { nodes[0] }
  private var b: DemoNode { nodes[1] }

  init(nodes: [DemoNode], progress: Progress, began: FrameTime, canaryInterval: Duration) {
    self.nodes = nodes
    self.progress = progress
    self.began = began
    self.canaryInterval = canaryInterval
  }

  /// Every two of them, the inviter first.
  private var pairs: [(DemoNode, DemoNode)] {
    nodes.indices.flatMap { first in nodes[(first + 1)...].map { (nodes[first], $0) } }
  }

  func run() async throws {
    try await establish()
    try await progress.step("first canary round, both backends, both directions") { try await canaryRound() }
    try await bridgeCycle()
    for node in nodes { try await audit(node) }
  }

  /// Until all nodes are ready, have money, and each two an established treaty.
  func establish() async throws {
    for node in nodes {
      try await progress.step("start \(node.name)") {
        try await eventually("\(node.name) becoming ready", within: 60) { await node.isReady() ? true : nil }
      }
    }
    for node in nodes { try await fund(node) }
    for (a, b) in pairs { try await federate(a, b) }
  }

  // MARK: - Money and agents

  private func fund(_ node: DemoNode) async throws {
    let person = node.plan.person
    try await progress.step(
      "issue \(Self.supply) \(node.plan.currency) to the treasury, fund \(person)", note: { Self.before($0) }
    ) {
      let issued: APIClient.Answer<ReceiptView> = try await node.api.post(
        "/api/v1/issue", MintBody(amount: Self.supply, memo: "first issue"), key: "demo-issue")
      do {
        let _: APIClient.Answer<AgentView> = try await node.api.post("/api/v1/agents", NewAgentBody(name: person))
      } catch let problem as ProblemDocument where problem.code == "agent_exists" {
        // A former start made it.
      }
      let _: APIClient.Answer<ReceiptView> = try await node.api.post(
        "/api/v1/transfers",
        TransferBody(from: "frame:treasury", to: person, amount: Self.allowance, memo: "welcome"),
        key: "demo-allowance")
      return issued.replayed
    }
  }

  /// What a step says that a former start has taken already: its keys make the node answer the same once more.
  private static func before(_ replayed: Bool) -> String? { replayed ? "done before" : nil }

  // MARK: - Treaty

  private func federate(_ a: DemoNode, _ b: DemoNode) async throws {
    let invited = try await state(of: a, at: b)
    if try await state(of: b, at: a) == "established", invited == "established" {
      return try await progress.step("treaty between \(a.name) and \(b.name): established before") {}
    }
    let endpoint = b.configuration.advertised.bundleEndpoint
    if invited != "requested" && invited != "approved" {
      try await progress.step("\(a.name) invites \(b.name) and sees its fingerprint", note: { $0 }) {
        let answer: APIClient.Answer<PeerView> = try await a.api.post(
          "/api/v1/peers/invitations",
          InvitationBody(trustDomain: b.name, bundleEndpoint: endpoint))
        return answer.body.fingerprint
      }
    }
    if invited != "approved" {
      try await progress.step("\(b.name) approves \(a.name) by its fingerprint", note: { $0 }) {
        let fingerprint = try await eventually("the invitation reaching \(b.name)", within: 30) {
          let peer = try await peer(a, at: b)
          return peer?.state == "requested" ? peer?.fingerprint : nil
        }
        // Both frames are ours, so the fingerprint is compared with A's own; operators compare it by other means.
        let own: APIClient.Answer<FrameView> = try await a.api.get("/api/v1/frame")
        guard own.body.bundleFingerprint == fingerprint else {
          throw CLIError.unexpected(
            "\(b.name) was shown \(fingerprint), but the fingerprint of \(a.name) is \(own.body.bundleFingerprint)")
        }
        let _: APIClient.Answer<PeerView> = try await b.api.post(
          "/api/v1/peers/\(a.name)/approve", FingerprintBody(fingerprint: fingerprint))
        return fingerprint
      }
    }
    let between = nodes.count > 2 ? " of \(a.name) and \(b.name)" : ""
    try await progress.step("treaty\(between) established on both sides") {
      try await eventually("the treaty being established on both sides", within: 30) {
        let states = (try await state(of: b, at: a), try await state(of: a, at: b))
        return states == ("established", "established") ? true : nil
      }
    }
  }

  private func state(of peer: DemoNode, at node: DemoNode) async throws -> String? {
    try await self.peer(peer, at: node)?.state
  }

  private func peer(_ peer: DemoNode, at node: DemoNode) async throws -> PeerView? {
    let list: APIClient.Answer<PeersView> = try await node.api.get("/api/v1/peers")
    return list.body.peers.first { $0.frameId == peer.name }
  }

  // MARK: - Canary

  /// One round of each frame's canary, as `/metrics` shows it.
  private func canaryRound() async throws -> Bool {
    // A round that meets a peer still starting fails; the next one comes an interval later.
    let seconds = Int(min(120, 30 + 1.2 * canaryInterval.inSeconds))
    return try await eventually("a complete canary round on all frames", within: seconds) {
      for (node, peer) in pairs + pairs.map({ ($1, $0) }) {
        let metrics = try await node.metrics()
        for backend in ["async", "2pc"] {
          let last = metrics.value(
            "frame_canary_last_success_timestamp_seconds", ["peer": peer.name, "backend": backend])
          guard let last, last >= began.seconds else { return nil }
        }
      }
      return true
    }
  }

  // MARK: - Bridge

  private func bridgeCycle() async throws {
    let lockTitle =
      "bridge: \(a.plan.person) locks \(Self.bridged) \(a.plan.currency), \(b.plan.person) receives them wrapped"
    try await progress.step(lockTitle, note: { Self.before($0) }) {
      let lock: APIClient.Answer<BridgeItemView> = try await a.api.post(
        "/api/v1/bridge/lock",
        TransferBody(from: a.plan.person, to: "\(b.plan.person)@\(b.name)", amount: Self.bridged),
        key: "demo-lock")
      guard let id = lock.body.lockId else { throw CLIError.unexpected("The lock has no id") }
      try await eventually("the wrapped tokens being issued", within: 30) {
        let answer: APIClient.Answer<BridgeItemView> = try await a.api.get("/api/v1/bridge/locks/\(id)")
        return answer.body.state == "issued" ? true : nil
      }
      return lock.replayed
    }
    try await progress.step(
      "bridge: \(b.plan.person) redeems them, \(a.plan.person)'s are unlocked", note: { Self.before($0) }
    ) {
      let redeem: APIClient.Answer<BridgeItemView> = try await b.api.post(
        "/api/v1/bridge/redeem",
        RedeemBody(
          from: b.plan.person, origin: a.name, to: "\(a.plan.person)@\(a.name)", amount: Self.bridged),
        key: "demo-redeem")
      guard let id = redeem.body.redeemId else { throw CLIError.unexpected("The redeem has no id") }
      try await eventually("the tokens being unlocked", within: 30) {
        let answer: APIClient.Answer<BridgeItemView> = try await b.api.get("/api/v1/bridge/redeems/\(id)")
        return answer.body.state == "unlocked" ? true : nil
      }
      return redeem.replayed
    }
  }

  // MARK: - Audit

  private func audit(_ node: DemoNode) async throws {
    try await progress.step("audit \(node.name)", note: { $0 }) {
      var api = node.api
      api.timeout = .minutes(2)
      let answer: APIClient.Answer<AuditView> = try await api.post("/api/v1/audit")
      guard answer.body.passes else {
        let problems = answer.body.problems + ["delta \(answer.body.supply.delta)"]
        throw CLIError.auditFailed(frame: node.name, problems: problems.joined(separator: "; "))
      }
      return "clean, \(answer.body.position) events, supply delta \(answer.body.supply.delta)"
    }
  }

  // MARK: - Waiting

  /// Asks until there is an answer. A node that does not answer just now is asked again; a refusal is final.
  /// - Throws: ``CLIError/timedOut(what:seconds:)``.
  @discardableResult
  private func eventually<Result>(
    _ what: String, within seconds: Int, _ body: () async throws -> Result?
  ) async throws -> Result {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      do {
        if let result = try await body() { return result }
      } catch CLIError.nodeUnreachable {
        // It may be busy or starting; its process ending is noticed elsewhere.
      }
      guard ContinuousClock.now < deadline else {
        throw CLIError.timedOut(what: what.capitalizedFirst, seconds: seconds)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
