import FrameCore
import FrameIdentity
import FrameProtos
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import FrameTesting
import Testing

@testable import FrameTreaty
@testable import FramePeering

@Suite("Peer channel over real TLS", .serialized, .timeLimit(.minutes(5)))
struct PeerChannelTests {
  @Test("two frames federate by invitation and fingerprint, and call each other both ways")
  func federate() async throws {
    let (a, b) = try await TestFrame.federated()
    let decision = try await a.channels.credit(b.id, terms("t1"), timeout: .seconds(30))
    #expect(decision.outcome == .credited)
    #expect(b.verbs.seen.withLock { $0.credits.first?.0 } == a.id)
    let back = try await b.channels.resolve(a.id, transferID: "t2", timeout: .seconds(30))
    #expect(back.outcome == .refused)
    let statement = try await a.channels.reserveStatement(b.id, timeout: .seconds(30))
    #expect(statement.statement == Data("frame-a.example".utf8))
    #expect(
      await a.writer.book.types == [
        "FrameInvitationRequested", "FrameInvitationApproved", "FrameFederationEstablished",
      ])
    #expect(
      await b.writer.book.types == [
        "FrameInvitationRequested", "FrameInvitationApproved", "FrameFederationEstablished",
      ])
    await a.stop()
    await b.stop()
  }

  @Test("L5: add-checkpoint and consistency proofs cross the channel as tlog-witness and RFC 6962 have them")
  func witnessing() async throws {
    let (a, b) = try await TestFrame.federated()
    let conflict = try await a.channels.addCheckpoint(b.id, body: Data("1234567".utf8), timeout: .seconds(30))
    #expect(conflict == .conflict(size: 7, note: Data(a.id.name.utf8)))
    let malformed = try await a.channels.addCheckpoint(b.id, body: Data(), timeout: .seconds(30))
    #expect(malformed == .malformed("it is empty"))
    let proof = try await a.channels.consistencyProof(b.id, from: 3, to: 9, timeout: .seconds(30))
    #expect(proof == [Data(repeating: 3, count: 32)])
    await #expect {
      _ = try await a.channels.consistencyProof(b.id, from: 9, to: 3, timeout: .seconds(30))
    } throws: { error in
      guard case PeerCallError.refused(_, "no_such_position", _) = error else { return false }
      return true
    }
    await a.stop()
    await b.stop()
  }

  @Test("a refusal keeps its code, a defect keeps its inside, a deadline leaves the outcome unknown")
  func errors() async throws {
    let (a, b) = try await TestFrame.federated()
    await #expect {
      _ = try await a.channels.credit(b.id, terms("t1", memo: "refuse"), timeout: .seconds(30))
    } throws: { error in
      guard case PeerCallError.refused(let peer, "insufficient_cap", _) = error else { return false }
      return peer == b.id
    }
    await #expect {
      _ = try await a.channels.credit(b.id, terms("t2", memo: "crash"), timeout: .seconds(30))
    } throws: { error in
      guard let error = error as? PeerCallError else { return false }
      return error.isOutcomeUnknown && !error.message.contains("secret")
    }
    await #expect {
      _ = try await a.channels.credit(b.id, terms("t3", memo: "hang"), timeout: .milliseconds(100))
    } throws: { ($0 as? PeerCallError)?.isOutcomeUnknown == true }
    await #expect(throws: FederationError.unknownPeer(Names.c)) {
      _ = try await a.channels.credit(Names.c, terms("t4"), timeout: .seconds(1))
    }
    await a.stop()
    await b.stop()
  }

  @Test("a peer that is down is unavailable at once, and found again when it is back on the same address")
  func reconnect() async throws {
    let (a, b) = try await TestFrame.federated()
    let ports = b.ports
    let book = await b.writer.book
    await b.stop()
    await #expect {
      for _ in 0..<3 { _ = try await a.channels.credit(b.id, terms("t1"), timeout: .seconds(2)) }
    } throws: { ($0 as? PeerCallError)?.isOutcomeUnknown == true }
    let again = try await TestFrame(b.id, book: book, authority: b.authority, ports: ports)
    #expect(again.directory.established.map(\.peer) == [a.id])
    try await eventually("the call works again") {
      (try? await a.channels.credit(b.id, terms("t2"), timeout: .seconds(2))) != nil
    }
    await a.stop()
    await again.stop()
  }

  @Test("a connection whose handshake never ends does not hold up the shutdown")
  func halfOpen() async throws {
    let (a, b) = try await TestFrame.federated()
    let silent = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: b.ports.0).get()
    try await silent.writeAndFlush(ByteBuffer(bytes: [0x16, 0x03, 0x01]))
    try await eventually("the handshake has begun") { b.server.handshakeCount == 1 }
    let began = ContinuousClock.now
    await b.stop()
    #expect(ContinuousClock.now - began < PeerLimits.handshakeTimeout - .seconds(1))
    try await silent.closeFuture.get()
    await a.stop()
  }

  /// A client that presents what it likes.
  private func intruder(
    _ as: FrameAuthority, path: String = "/node", to target: TestFrame
  ) throws -> PeerClient {
    let id = try SPIFFEID(trustDomain: `as`.frame, path: path)
    return try PeerClient(
      target.id, at: HostPort(host: "127.0.0.1", port: target.ports.0),
      identity: try SVIDSource(authority: `as`, id: id), bundles: target.authority.bundle, clock: SystemClock(),
      metrics: PeeringMetrics(.init()))
  }

  private func isRefused(_ client: PeerClient) async -> Bool {
    defer { client.close() }
    do {
      var request = PBCreditRequest()
      request.terms = terms("evil")
      _ = try await client.api.creditTransfer(request, options: PeerChannels.options(.seconds(2)))
      return false
    } catch { return true }
  }

  @Test("S3: strangers, impostors with a chain of their own, other domains' roots and other workloads are refused")
  func intruders() async throws {
    let (a, b) = try await TestFrame.federated()
    // Positive control: the same client with the right keys is let in.
    #expect(await isRefused(try intruder(a.authority, to: b)) == false)
    b.verbs.seen.withLock { $0.credits = [] }
    let stranger = try FrameAuthority.ephemeral(frame: Names.c)
    #expect(await isRefused(try intruder(stranger, to: b)))
    let impostor = try FrameAuthority.ephemeral(frame: a.id)
    #expect(await isRefused(try intruder(impostor, to: b)))
    #expect(await isRefused(try intruder(a.authority, path: "/agent/alice", to: b)))
    // B's own trust domain is not a peer of B.
    #expect(await isRefused(try intruder(b.authority, to: b)))
    #expect(b.verbs.seen.withLock { $0.credits.isEmpty })
    // Whoever claims to be a peer is counted under its name, a stranger under none.
    func refused(_ peer: String, _ reason: String) -> Double? {
      b.sample("frame_peer_mtls_failures_total", ["peer": peer, "reason": reason])
    }
    #expect((refused("unknown", "unknown_trust_domain") ?? 0) >= 2)
    #expect((refused(a.id.name, "untrusted_authority") ?? 0) >= 1)
    #expect((refused(a.id.name, "unexpected_spiffe_id") ?? 0) >= 1)
    #expect(refused("unknown", "untrusted_authority") == 0)
    #expect(refused(stranger.frame.name, "unknown_trust_domain") == nil)
    await a.stop()
    await b.stop()
  }

  @Test("a server that is not the expected peer gets no call, even when its own domain is a peer too")
  func wrongServer() async throws {
    let (a, b) = try await TestFrame.federated()
    let c = try await TestFrame(Names.c)
    try await TestFrame.federate(a, c)
    // A calls "B" at C's address.
    let client = try PeerClient(
      b.id, at: HostPort(host: "127.0.0.1", port: c.ports.0), identity: a.identity, bundles: a.directory,
      clock: SystemClock(), metrics: PeeringMetrics(.init()))
    #expect(await isRefused(client))
    #expect(c.verbs.seen.withLock { $0.credits.isEmpty })
    for frame in [a, b, c] { await frame.stop() }
  }

  @Test("B21: a peer has so many connections; the newest works, and it is the oldest that ends")
  func connections() async throws {
    let (a, b) = try await TestFrame.federated()
    let clients = try (0...PeerLimits.connectionsPerPeerMax).map { _ in
      try PeerClient(
        b.id, at: HostPort(host: "127.0.0.1", port: b.ports.0), identity: a.identity, bundles: a.directory,
        clock: SystemClock(), metrics: PeeringMetrics(.init()))
    }
    for (index, client) in clients.enumerated() {
      var request = PBCreditRequest()
      request.terms = terms("t\(index)")
      _ = try await client.api.creditTransfer(request, options: PeerChannels.options(.seconds(30)))
      #expect(b.server.connectionCount(of: a.id) <= PeerLimits.connectionsPerPeerMax)
    }
    #expect(b.verbs.seen.withLock { $0.credits.count } == clients.count)
    for client in clients { client.close() }
    await a.stop()
    await b.stop()
  }

  @Test("revoke ends open streams and connections at once, refuses every later call, and other peers do not notice")
  func revoke() async throws {
    let (a, b) = try await TestFrame.federated()
    let c = try await TestFrame(Names.c)
    try await TestFrame.federate(c, b)
    let received = Mutex(0)
    let stream = Task {
      try await a.channels.subscribe(b.id, after: 0) { _ in received.withLock { $0 += 1 } }
    }
    let other = Task { try await c.channels.subscribe(b.id, after: 7) { _ in } }
    let hanging = Task { try await a.channels.credit(b.id, terms("h", memo: "hang"), timeout: .seconds(60)) }
    try await eventually("the streams flow") {
      received.withLock { $0 } > 3 && b.verbs.seen.withLock { $0.streams } == 2
    }
    #expect(b.server.connectionCount(of: a.id) == 1)
    let before = ContinuousClock.now
    _ = try await b.federation.revoke(a.id, reason: "test", actor: .authority(of: b.id), key: try b.key())
    await #expect(throws: (any Error).self) { try await stream.value }
    await #expect(throws: (any Error).self) { _ = try await hanging.value }
    try await eventually("connections are closed") { b.server.connectionCount(of: a.id) == 0 }
    #expect(ContinuousClock.now - before < .seconds(20))
    #expect(b.verbs.seen.withLock { $0.ended } == 1)
    #expect(await isRefused(try intruder(a.authority, to: b)))
    await #expect(throws: FederationError.notEstablished(a.id, state: "revoked")) {
      _ = try await b.channels.credit(a.id, terms("t"), timeout: .seconds(1))
    }
    // A is told, as a courtesy.
    try await eventually("the peer knows") { try await a.state(of: b.id) == .revoked }
    #expect(await a.writer.state.treaty(b.id)?.endedByPeer == true)
    #expect(b.sample("frame_peer_revocations_total", ["peer": a.id.name, "by": "us"]) == 1)
    #expect(a.sample("frame_peer_revocations_total", ["peer": b.id.name, "by": "peer"]) == 1)
    // The books are closed by the one question that is still answered, and by no other.
    #expect(try await a.channels.resolve(b.id, transferID: "t", timeout: .seconds(30)).outcome == .refused)
    #expect(await isRefused(try intruder(a.authority, to: b)))
    #expect(
      (b.sample("frame_peer_served_rpc_total", ["peer": a.id.name, "code": "treaty_not_established"]) ?? 0) >= 1)
    // C goes on.
    #expect(!other.isCancelled)
    _ = try await c.channels.credit(b.id, terms("c1"), timeout: .seconds(30))
    // And a new invitation can start over.
    try await TestFrame.federate(a, b)
    _ = try await a.channels.credit(b.id, terms("again"), timeout: .seconds(30))
    other.cancel()
    for frame in [a, b, c] { await frame.stop() }
  }

  @Test("cancelling a subscription ends it at the sender too; requests over the size limit are refused")
  func streams() async throws {
    let (a, b) = try await TestFrame.federated()
    let first = Mutex<UInt64?>(nil)
    let stream = Task {
      try await a.channels.subscribe(b.id, after: 41) { message in
        first.withLock { $0 = $0 ?? message.head.sequence }
      }
    }
    try await eventually("the stream flows") { first.withLock { $0 } == 42 }
    stream.cancel()
    await #expect(throws: (any Error).self) { try await stream.value }
    try await eventually("the sender stops") { b.verbs.seen.withLock { $0.ended } == 1 }
    let huge = terms("t", memo: String(repeating: "x", count: PeerLimits.requestBytesMax + 1))
    await #expect(throws: PeerCallError.self) { _ = try await a.channels.credit(b.id, huge, timeout: .seconds(30)) }
    _ = try await a.channels.credit(b.id, terms("t2"), timeout: .seconds(30))
    await a.stop()
    await b.stop()
  }

  @Test("B21: calls in progress per peer are bounded")
  func bounded() async throws {
    let calls = ActiveCalls(limit: 2)
    let peer = Names.a
    let slow = (0..<2).map { _ in Task { try await calls.run(peer) { try await Task.sleep(for: .seconds(600)) } } }
    try await eventually("both run") { calls.count(of: peer) == 2 }
    await #expect(throws: FederationError.busy(peer, limit: 2)) { try await calls.run(peer) {} }
    try await calls.run(Names.b) {}
    calls.cancelAll(of: peer)
    for task in slow { await #expect(throws: CancellationError.self) { try await task.value } }
    #expect(calls.count(of: peer) == 0)
  }
}
