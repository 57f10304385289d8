import Foundation
import FrameCore
import FrameIdentity
import FrameProtos
import NIOCore
import NIOPosix
import Synchronization
import FrameTesting
import Testing

@testable import FrameTreaty
@testable import FramePeering

@Suite("Bundles of peers", .serialized, .timeLimit(.minutes(5)))
struct BundleTests {
  /// The same frame after its authority has moved on: `old` authorities first or none at all.
  private func bundle(of frame: TestFrame, adding other: FrameAuthority, sequence: UInt64) -> SPIFFEBundle {
    let own = frame.authority.bundle
    return SPIFFEBundle(
      trustDomain: frame.id, x509Authorities: own.x509Authorities + other.bundle.x509Authorities,
      jwtAuthorities: own.jwtAuthorities, sequence: sequence, refreshHint: own.refreshHint)
  }

  private func sequence(_ frame: TestFrame) -> UInt64 { frame.authority.bundle.sequence ?? 0 }

  @Test("S14: the endpoint answers with an entity tag, 304 when it is known, and counts by status")
  func endpoint() async throws {
    let a = try await TestFrame(Names.a)
    let client = EndpointClient(timeout: .seconds(30))
    let profile = EndpointProfile.spiffe(a.authority.bundle, expecting: .node(of: a.id))
    let url = try EndpointURL(a.endpoint)
    let first = try await client.get(url, profile: profile)
    #expect(first.status == 200)
    #expect(first.headers["content-type"] == "application/json")
    let tag = try #require(first.headers["etag"])
    #expect(try await client.get(url, profile: profile, ifNoneMatch: tag).status == 304)
    #expect(try await client.get(url.at("/admin"), profile: profile).status == 404)
    let discovery = try await client.get(url.at("/.well-known/frame"), profile: profile)
    #expect(try Discovery.decode(discovery.body, of: a.id).federationAddress == "127.0.0.1:\(a.ports.0)")
    // A field twice, under one spelling or two, is refused; one that a newer frame adds is not.
    let text = String(decoding: discovery.body, as: UTF8.self)
    func decode(_ extra: String) throws {
      _ = try Discovery.decode(Data(("{" + extra + text.dropFirst()).utf8), of: a.id)
    }
    for extra in [#""federation_address":"x:1","#, #""federationAddress":"x:1","#, #""frame\u005fid":"x","#] {
      #expect(throws: FederationError.self, "\(extra)") { try decode(extra) }
    }
    try decode(#""more":1,"#)
    try await eventually("counted") {
      a.sample("frame_bundle_endpoint_requests_total", ["code": "200"]) == 2
        && a.sample("frame_bundle_endpoint_requests_total", ["code": "304"]) == 1
        && a.sample("frame_bundle_endpoint_requests_total", ["code": "404"]) == 1
    }
    await a.stop()
  }

  @Test("an invitation expecting another fingerprint is not sent; approving with another one does nothing")
  func expected() async throws {
    let a = try await TestFrame(Names.a)
    let b = try await TestFrame(Names.b)
    await #expect(throws: FederationError.self) {
      _ = try await a.invite(b, expecting: a.authority.bundle.fingerprint)
    }
    #expect(await a.writer.book.events.isEmpty)
    let treaty = try await a.invite(b, expecting: b.authority.bundle.fingerprint)
    #expect(treaty.fingerprint == b.authority.bundle.fingerprint.description)
    try await eventually("the invitation arrives") { try await b.state(of: a.id) == .requested }
    await #expect(throws: FederationError.self) {
      _ = try await b.federation.approve(
        a.id, fingerprint: b.authority.bundle.fingerprint, actor: .authority(of: b.id), key: try b.key())
    }
    #expect(try await b.state(of: a.id) == .requested)
    _ = try await b.federation.reject(a.id, reason: "no", actor: .authority(of: b.id), key: try b.key())
    try await eventually("the inviter hears of it") { try await a.state(of: b.id) == .rejected }
    #expect(await a.writer.book.types == ["FrameInvitationRequested", "FrameInvitationRejected"])
    await a.stop()
    await b.stop()
  }

  @Test(
    "approving what has not arrived yet, after an older treaty ended, is told as that and not as another fingerprint")
  func nothingToApprove() async throws {
    let a = try await TestFrame(Names.a)
    let b = try await TestFrame(Names.b)
    _ = try await a.invite(b)
    try await eventually("the invitation arrives") { try await b.state(of: a.id) == .requested }
    _ = try await b.federation.reject(a.id, reason: "no", actor: .authority(of: b.id), key: try b.key())
    // What the operator was told of the rebuilt frame: not the fingerprint of before.
    let refused = await #expect(throws: FederationError.self) {
      _ = try await b.federation.approve(
        a.id, fingerprint: b.authority.bundle.fingerprint, actor: .authority(of: b.id), key: try b.key())
    }
    #expect(refused == .noOpenInvitation(a.id, state: "rejected"))
    #expect(refused?.code == "invitation_unknown" && refused?.kind == .notFound)
    await a.stop()
    await b.stop()
  }

  @Test("limits that a peer's currency cannot say are refused where an operator decides, and let its invitation in")
  func unfitLimits() async throws {
    let a = try await TestFrame(Names.a)
    let b = try await TestFrame(Names.b, finest: 1)
    let refused = await #expect(throws: Refusal.self) { _ = try await b.invite(a) }
    #expect(refused?.code == "limit_unfit")
    #expect(await b.writer.book.events.isEmpty)
    _ = try await a.invite(b)
    try await eventually("the invitation arrives") { try await b.state(of: a.id) == .requested }
    await #expect(throws: Refusal.self) { _ = try await b.approve(a) }
    #expect(try await b.state(of: a.id) == .requested)
    await a.stop()
    await b.stop()
  }

  @Test("an inviter whose endpoint serves another bundle than it signed with cannot be approved")
  func swappedBeforeApproval() async throws {
    let a = try await TestFrame(Names.a)
    let b = try await TestFrame(Names.b)
    _ = try await a.invite(b)
    try await eventually("the invitation arrives") { try await b.state(of: a.id) == .requested }
    a.publish(bundle(of: a, adding: try .ephemeral(frame: a.id), sequence: sequence(a) + 1))
    await #expect(throws: FederationError.self) { _ = try await b.approve(a) }
    #expect(try await b.state(of: a.id) == .requested)
    await a.stop()
    await b.stop()
  }

  @Test("both operators invite at the same time: one treaty comes of it, and not before one has named the fingerprint")
  func crossing() async throws {
    let a = try await TestFrame(Names.a)
    let b = try await TestFrame(Names.b)
    async let first = a.invite(b)
    async let second = b.invite(a)
    // One of the two may find the other's invitation there already: then its operator approves that one.
    if (try? await first) == nil { _ = try await a.approve(b) }
    if (try? await second) == nil { _ = try await b.approve(a) }
    try await eventually("A's invitation is the one that counts") {
      let treaty = await b.writer.state.treaty(a.id)
      return treaty?.direction == .incoming || treaty?.state == .established
    }
    if try await b.state(of: a.id) == .requested { _ = try await b.approve(a) }
    try await eventually("both are established") {
      let (x, y) = (try await a.state(of: b.id), try await b.state(of: a.id))
      return x == .established && y == .established
    }
    #expect(await a.writer.state.treaty(b.id)?.invitationID == b.writer.state.treaty(a.id)?.invitationID)
    await a.stop()
    await b.stop()
  }

  @Test("a crash after the approval and before its answer resumes from the log")
  func crash() async throws {
    let a = try await TestFrame(Names.a)
    let b = try await TestFrame(Names.b)
    _ = try await a.invite(b)
    try await eventually("the invitation arrives") { try await b.state(of: a.id) == .requested }
    let (ports, book) = (a.ports, await a.writer.book)
    // B approves while A is down; then B is killed.
    let bundle = try SignedInvitationProbe.bundle(a)
    await a.stop()
    _ = try await b.writer.submit(
      .approve(
        peer: a.id, fingerprint: bundle.fingerprint,
        ours: describe(
          b.id, fingerprint: b.authority.bundle.fingerprint.description, federation: b.ports.0, bundle: b.ports.1),
        pin: bundle), actor: .authority(of: b.id), key: b.key())
    let (portsB, bookB) = (b.ports, await b.writer.book)
    await b.stop()
    let again = try await TestFrame(b.id, book: bookB, authority: b.authority, ports: portsB)
    #expect(try await again.state(of: a.id) == .approved)
    let back = try await TestFrame(a.id, book: book, authority: a.authority, ports: ports)
    try await eventually("the handshake is taken up") {
      let (x, y) = (try await back.state(of: b.id), try await again.state(of: a.id))
      return x == .established && y == .established
    }
    await back.stop()
    await again.stop()
  }

  @Test("a rotation that the pinned bundle vouches for moves the pin, and calls go on")
  func rotation() async throws {
    let (a, b) = try await TestFrame.federated()
    let before = try #require(a.directory.treaty(b.id)).fingerprint
    b.publish(bundle(of: b, adding: try .ephemeral(frame: b.id), sequence: sequence(b) + 1))
    try await a.refresher.refresh(b.id)
    let after = try #require(a.directory.treaty(b.id)).fingerprint
    #expect(after != before)
    #expect(await a.writer.book.types.last == "PeerBundleRotated")
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 1)
    #expect(a.sample("frame_peer_bundle_fingerprint_info", ["expected": after, "observed": after]) == 1)
    #expect(a.sample("frame_peer_bundle_refreshes_total", ["peer": b.id.name]) == 1)
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(30))
    _ = try await b.channels.credit(a.id, terms("t"), timeout: .seconds(30))
    // Nothing new: no event.
    try await a.refresher.refresh(b.id)
    #expect(await a.writer.book.types.count { $0 == "PeerBundleRotated" } == 1)
    await a.stop()
    await b.stop()
  }

  @Test("S8: both authorities rotate under load, each vouched for by what is pinned: no call fails")
  func rotationUnderLoad() async throws {
    let (a, b) = try await TestFrame.federated()
    let tally = Tally()
    let load = Task {
      await withDiscardingTaskGroup { group in
        for (from, to) in [(a, b), (b, a)] {
          for lane in 0..<3 {
            group.addTask {
              while !Task.isCancelled {
                let paid = try? await from.channels.credit(to.id, terms("load-\(lane)"), timeout: .seconds(20))
                if Task.isCancelled { return }
                tally.count(paid != nil)
              }
            }
          }
        }
      }
    }
    func flows() async throws {
      let before = tally.done
      try await eventually("calls go on") { tally.done >= before + 30 }
    }
    try await flows()
    for (frame, peer) in [(a, b), (b, a)] {
      let next = try FrameAuthority.ephemeral(frame: frame.id)
      frame.publish(bundle(of: frame, adding: next, sequence: sequence(frame) + 1))
      try await peer.refresher.refresh(frame.id)
      try await flows()
      let before = moves(frame, to: peer)
      try await frame.sign(with: next)
      try await eventually("its channel shows the new SVID") { moves(frame, to: peer) > before }
      try await flows()
      // Nobody rests on the old one any more, so that nothing notices its end.
      frame.publish(bundle(of: frame, adding: next, sequence: sequence(frame) + 2))
      try await peer.refresher.refresh(frame.id)
      try await eventually("the peer has looked at the new SVID") { !peer.channels.isMoving(frame.id) }
      let open = peer.server.connectionCount(of: frame.id)
      frame.publish(
        SPIFFEBundle(
          trustDomain: frame.id, x509Authorities: next.bundle.x509Authorities, jwtAuthorities: [],
          sequence: sequence(frame) + 3, refreshHint: nil))
      try await peer.refresher.refresh(frame.id)
      try await flows()
      #expect(open >= 1)
    }
    // What is opened from now on rests on the new authorities, and is let in.
    for (frame, peer) in [(a, b), (b, a)] {
      let bundle = try #require(frame.directory.bundle(for: peer.id))
      let client = try PeerClient(
        peer.id, at: HostPort(host: "127.0.0.1", port: peer.ports.0), identity: frame.identity, bundles: bundle,
        clock: SystemClock(), metrics: PeeringMetrics(.init()))
      var question = PBResolveRequest()
      question.transferID = "t"
      _ = try await client.api.resolveTransfer(question, options: PeerChannels.options(.seconds(10)))
      client.close()
    }
    load.cancel()
    await load.value
    #expect(tally.failed == 0)
    #expect(await a.writer.book.types.count { $0 == "PeerBundleRotated" } == 3)
    await a.stop()
    await b.stop()
  }

  private func moves(_ frame: TestFrame, to peer: TestFrame, _ result: String = "done") -> Double {
    frame.sample("frame_peer_channel_moves_total", ["peer": peer.id.name, "result": result]) ?? 0
  }

  @Test("S8: a frame that signs with an authority its peer does not know yet goes on over the connection it has")
  func forced() async throws {
    let (a, b) = try await TestFrame.federated()
    _ = try await b.channels.credit(a.id, terms("t1"), timeout: .seconds(30))
    let stream = Task { try await b.channels.subscribe(a.id, after: 0) { _ in } }
    try await eventually("the stream flows") { a.verbs.seen.withLock { $0.streams } == 1 }
    let next = try FrameAuthority.ephemeral(frame: b.id)
    try await b.sign(with: next)
    try await eventually("the new connection is refused") { moves(b, to: a, "failed") >= 2 }
    _ = try await b.channels.credit(a.id, terms("t2"), timeout: .seconds(30))
    #expect(a.verbs.seen.withLock { $0.ended } == 0)
    #expect(
      (a.sample("frame_peer_mtls_failures_total", ["peer": b.id.name, "reason": "untrusted_authority"]) ?? 0) >= 2)
    // Once the peer knows, the channel goes over by itself, and its stream is told to be opened again.
    let both = bundle(of: b, adding: next, sequence: sequence(b) + 1)
    try await a.federation.rotate(b.id, to: PinnedBundle(both, document: try both.serialized()))
    try await eventually("the channel goes over") { moves(b, to: a) >= 1 }
    await #expect(throws: PeerCallError.moved(peer: a.id)) { try await stream.value }
    try await eventually("the old connection is closed") { a.server.connectionCount(of: b.id) == 1 }
    _ = try await b.channels.credit(a.id, terms("t3"), timeout: .seconds(30))
    await a.stop()
    await b.stop()
  }

  @Test("S8: when an authority is gone, connections that rest on it end, and new ones with the new authority work")
  func retired() async throws {
    let (a, b) = try await TestFrame.federated()
    _ = try await b.channels.credit(a.id, terms("t1"), timeout: .seconds(30))
    try await eventually("only the channel is left") { a.server.connectionCount(of: b.id) == 1 }
    let next = try FrameAuthority.ephemeral(frame: b.id)
    b.publish(bundle(of: b, adding: next, sequence: sequence(b) + 1))
    try await a.refresher.refresh(b.id)
    try await b.sign(with: next)
    // Both authorities stand: the channel goes over to a connection that shows the new one.
    try await eventually("the channel has gone over") {
      moves(b, to: a) >= 1 && a.server.connectionCount(of: b.id) == 1
    }
    b.publish(
      SPIFFEBundle(
        trustDomain: b.id, x509Authorities: next.bundle.x509Authorities, jwtAuthorities: [], sequence: sequence(b) + 2,
        refreshHint: nil))
    try await a.refresher.refresh(b.id)
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 1)
    try await eventually("calls work both ways with the new authority") {
      let out = try? await a.channels.credit(b.id, terms("t2"), timeout: .seconds(2))
      let back = try? await b.channels.credit(a.id, terms("t3"), timeout: .seconds(2))
      return out != nil && back != nil
    }
    // The retired authority opens nothing any more.
    let retired = try SVIDSource(authority: b.authority, id: .node(of: b.id))
    let client = try PeerClient(
      a.id, at: HostPort(host: "127.0.0.1", port: a.ports.0), identity: retired, bundles: a.authority.bundle,
      clock: SystemClock(), metrics: PeeringMetrics(.init()))
    await #expect(throws: (any Error).self) {
      _ = try await client.api.resolveTransfer(PBResolveRequest(), options: PeerChannels.options(.seconds(2)))
    }
    client.close()
    await a.stop()
    await b.stop()
  }

  @Test("S7: an endpoint that the pin does not vouch for changes nothing but what is observed")
  func mismatch() async throws {
    let (a, b) = try await TestFrame.federated()
    let (ports, book) = (b.ports, await b.writer.book)
    let pinned = try #require(a.directory.treaty(b.id)).fingerprint
    await b.stop()
    let thief = try await TestFrame(b.id, book: book, ports: ports)
    await #expect(throws: FetchError.self) { try await a.refresher.refresh(b.id) }
    #expect(a.directory.treaty(b.id)?.fingerprint == pinned)
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 0)
    let observed = thief.authority.bundle.fingerprint.description
    #expect(a.sample("frame_peer_bundle_fingerprint_info", ["expected": pinned, "observed": observed]) == 1)
    #expect(a.sample("frame_peer_bundle_refresh_failures_total", ["reason": "untrusted_authority"]) == 1)
    await #expect(throws: PeerCallError.self) {
      _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(2))
    }
    #expect(thief.verbs.seen.withLock { $0.credits.isEmpty })
    await a.stop()
    await thief.stop()
  }

  @Test("S12: a lower sequence is refused and counted; content changed under the same one is taken and reported")
  func sequences() async throws {
    let (a, b) = try await TestFrame.federated()
    let other = try FrameAuthority.ephemeral(frame: b.id)
    b.publish(bundle(of: b, adding: other, sequence: sequence(b) + 5))
    try await a.refresher.refresh(b.id)
    let pinned = try #require(a.directory.treaty(b.id)).fingerprint
    b.publish(b.authority.bundle)
    await #expect(throws: BundleError.self) { try await a.refresher.refresh(b.id) }
    #expect(a.directory.treaty(b.id)?.fingerprint == pinned)
    #expect(a.sample("frame_peer_bundle_refresh_failures_total", ["reason": "bundle_rollback"]) == 1)
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 0)
    b.publish(bundle(of: b, adding: try .ephemeral(frame: b.id), sequence: sequence(b) + 5))
    try await a.refresher.refresh(b.id)
    #expect(a.sample("frame_peer_bundle_reports_total", ["reason": "changed_under_same_sequence"]) == 1)
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == 1)
    await a.stop()
    await b.stop()
  }

  @Test(
    "S11: a peer that publishes no keys at all, vouched for by those it had, is shut out at once; its treaty stands")
  func emptied() async throws {
    let (a, b) = try await TestFrame.federated()
    _ = try await b.channels.credit(a.id, terms("t1"), timeout: .seconds(30))
    b.publish(
      SPIFFEBundle(
        trustDomain: b.id, x509Authorities: [], jwtAuthorities: [], sequence: sequence(b) + 1, refreshHint: nil))
    try await a.refresher.refresh(b.id)
    #expect(a.directory.bundle(for: b.id)?.isEmpty == true)
    try await eventually("its connections are closed") { a.server.connectionCount(of: b.id) == 0 }
    await #expect(throws: (any Error).self) {
      _ = try await a.channels.credit(b.id, terms("t2"), timeout: .seconds(2))
    }
    await #expect(throws: (any Error).self) {
      _ = try await b.channels.credit(a.id, terms("t3"), timeout: .seconds(2))
    }
    #expect(a.directory.treaty(b.id)?.state == .established)
    #expect(
      (a.sample("frame_peer_mtls_failures_total", ["peer": b.id.name, "reason": "untrusted_authority"]) ?? 0) >= 1)
    await a.stop()
    await b.stop()
  }

  @Test("S13: a silent peer does not delay another's refresh; a failed refresh keeps the bundle and is visible")
  func silent() async throws {
    let (a, b) = try await TestFrame.federated()
    let c = try await TestFrame(Names.c)
    try await TestFrame.federate(a, c)
    await b.stop()
    let loop = Task { try await a.refresher.run() }
    try await eventually("the other is refreshed") {
      a.sample("frame_peer_bundle_refreshes_total", ["peer": c.id.name]) ?? 0 >= 1
    }
    try await eventually("the failure is counted") {
      a.sample("frame_peer_bundle_refresh_failures_total", ["peer": b.id.name, "reason": "endpoint_unreachable"]) ?? 0
        >= 1
    }
    #expect(a.directory.bundle(for: b.id) != nil)
    #expect(a.sample("frame_peer_bundle_refresh_timestamp_seconds", ["peer": b.id.name]) != nil)
    loop.cancel()
    try? await loop.value
    await a.stop()
    await c.stop()
  }

  @Test("S13: an endpoint that takes connections and says nothing delays neither another's refresh nor a revoke")
  func mute() async throws {
    let (a, b) = try await TestFrame.federated()
    let c = try await TestFrame(Names.c)
    try await TestFrame.federate(a, c)
    let port = b.ports.1
    await b.stop()
    let mute = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .bind(host: "127.0.0.1", port: port).get()
    // Longer than this test may take.
    let hanging = Task { try await a.refresher.refresh(b.id) }
    let loop = Task { try await a.refresher.run() }
    try await eventually("the other is refreshed") {
      (a.sample("frame_peer_bundle_refreshes_total", ["peer": c.id.name]) ?? 0) >= 1
    }
    let began = ContinuousClock.now
    _ = try await a.federation.revoke(b.id, reason: "mute", actor: .authority(of: a.id), key: try a.key())
    #expect(ContinuousClock.now - began < .seconds(20))
    #expect(a.directory.treaty(b.id)?.state == .revoked)
    #expect(a.sample("frame_peer_bundle_fingerprint_match", ["peer": b.id.name]) == nil)
    hanging.cancel()
    loop.cancel()
    await #expect(throws: CancellationError.self) { try await hanging.value }
    try? await loop.value
    try await mute.close()
    await a.stop()
    await c.stop()
  }

  @Test("S14: a relationship shows when it was refreshed, its sequence, its earliest end, its failures and its number")
  func relationshipMetrics() async throws {
    let (a, b) = try await TestFrame.federated()
    let labels = ["peer": b.id.name]
    let started = try #require(a.directory.treaty(b.id)).since
    try await a.refresher.refresh(b.id)
    #expect((a.sample("frame_peer_bundle_refresh_timestamp_seconds", labels) ?? 0) >= started.seconds)
    #expect(a.sample("frame_peer_bundle_refreshes_total", labels) == 1)
    #expect(a.sample("frame_peer_bundle_sequence", labels) == Double(sequence(b)))
    #expect(
      a.sample("frame_peer_bundle_expiry_timestamp_seconds", labels)
        == b.authority.bundle.earliestExpiry.map(\.seconds))
    #expect(a.sample("frame_peers", ["state": "established"]) == 1)
    let failures = ["peer": b.id.name, "reason": "endpoint_unreachable"]
    #expect(a.sample("frame_peer_bundle_refresh_failures_total", failures) == 0)
    #expect((b.sample("frame_bundle_endpoint_requests_total", ["code": "200"]) ?? 0) >= 1)
    await b.stop()
    await #expect(throws: FetchError.self) { try await a.refresher.refresh(b.id) }
    #expect(a.sample("frame_peer_bundle_refresh_failures_total", failures) == 1)
    // What is pinned stays, and so does what is said of it.
    #expect(a.sample("frame_peer_bundle_sequence", labels) == Double(sequence(b)))
    #expect(a.sample("frame_peer_bundle_refreshes_total", labels) == 1)
    await a.stop()
  }

  @Test("invitations that are forged, altered, for somebody else or too many are refused")
  func invitations() async throws {
    let a = try await TestFrame(Names.a)
    let b = try await TestFrame(Names.b)
    let client = EndpointClient(timeout: .seconds(30))
    let url = try EndpointURL(b.endpoint).at(SignedInvitation.path)
    func post(_ data: Data) async throws -> (Int, String) {
      let answer = try await client.post(
        url, json: data, profile: .spiffe(b.authority.bundle, expecting: .node(of: b.id)))
      return (answer.status, (try? JSONDecoder().decode(EndpointProblem.self, from: answer.body))?.code ?? "")
    }
    func invitation(to invitee: FrameID, with svid: X509SVID? = nil) throws -> SignedInvitation {
      try SignedInvitation.sign(
        "i1", to: invitee,
        inviter: describe(a.id, fingerprint: a.authority.bundle.fingerprint.description),
        bundle: a.authority.bundle.serialized(), expires: SystemClock().now() + .seconds(60),
        with: svid ?? a.identity.current)
    }
    #expect(try await post(Data("{}".utf8)) == (400, "invitation_invalid"))
    #expect(try await post(JSONEncoder().encode(invitation(to: Names.c))) == (400, "invitation_invalid"))
    let forger = try FrameAuthority.ephemeral(frame: a.id).issueX509SVID(for: .node(of: a.id))
    #expect(try await post(JSONEncoder().encode(invitation(to: b.id, with: forger))).0 == 401)
    let other = try a.authority.issueX509SVID(for: SPIFFEID(trustDomain: a.id, path: "/agent/alice"))
    #expect(try await post(JSONEncoder().encode(invitation(to: b.id, with: other))).0 == 401)
    var good = try JSONSerialization.jsonObject(with: JSONEncoder().encode(invitation(to: b.id))) as? [String: Any]
    good?["payload"] = try invitation(to: b.id).payload.dropLast().base64EncodedString()
    #expect(try await post(JSONSerialization.data(withJSONObject: good ?? [:])).0 >= 400)
    #expect(try await post(Data(repeating: 65, count: SignedInvitation.bytesMax + 1)).0 == 413)
    #expect(await b.writer.book.events.isEmpty)
    #expect(try await post(JSONEncoder().encode(invitation(to: b.id))).0 == 202)
    #expect(try await b.state(of: a.id) == .requested)
    var last = 0
    for _ in 0..<10 where last != 429 { last = try await post(Data("{}".utf8)).0 }
    #expect(last == 429)
    await a.stop()
    await b.stop()
  }

  @Test("a source gets its share each minute and no more, and forgetting quiet sources costs nothing")
  func limiter() {
    let limiter = RateLimiter(perSource: 3, overall: 5, sourcesMax: 2)
    #expect((0..<4).map { _ in limiter.allow("x", at: start) } == [true, true, true, false])
    #expect((0..<3).map { _ in limiter.allow("y", at: start) } == [true, true, false])
    #expect(!limiter.allow("z", at: start))
    #expect(limiter.allow("z", at: start + .seconds(120)))
    #expect(limiter.allow("x", at: start + .seconds(120)))
  }
}

enum SignedInvitationProbe {
  /// A frame's bundle as it would be pinned.
  static func bundle(_ frame: TestFrame) throws -> PinnedBundle {
    PinnedBundle(frame.authority.bundle, document: try frame.authority.bundle.serialized())
  }
}

/// Calls that worked, and those that did not.
private final class Tally: Sendable {
  private let counts = Mutex((done: 0, failed: 0))
  var done: Int { counts.withLock { $0.done } }
  var failed: Int { counts.withLock { $0.failed } }
  func count(_ worked: Bool) { counts.withLock { if worked { $0.done += 1 } else { $0.failed += 1 } } }
}
