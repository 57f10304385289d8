import Foundation
import FrameCore
import FrameMetrics
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import FrameIdentity

@Suite("The node's own SVID")
struct SVIDSourceTests {
  let clock = ManualClock()
  let registry = MetricRegistry()
  let authority: FrameAuthority

  init() throws { authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock) }

  private func value(_ name: String) -> Double? {
    let family = registry.collect().first { $0.descriptor.name == name }
    guard let metric = family?.metrics.first else { return nil }
    return switch metric.value {
    case .counter(let number, _): number.doubleValue
    case .gauge(let number): number.doubleValue
    default: nil
    }
  }

  @Test("at half of its life the SVID is renewed, with a new key, and metrics say so")
  func halfLife() async throws {
    let source = try SVIDSource(
      authority: authority, id: .node(of: Frames.a), clock: clock, metrics: IdentityMetrics(registry))
    let first = source.current
    #expect(value("frame_svid_rotations_total") == 1)
    let service = Task { try await source.run() }
    await clock.sleepers(1)
    // Valid from 10 s ago to in an hour: half of that life is 1,795 s from now.
    #expect(first.renewAt == clock.now() + .seconds(1795))
    clock.advance(by: .seconds(1794))
    await clock.sleepers(1)
    #expect(source.current.notAfter == first.notAfter)
    clock.advance(by: .seconds(1))
    await clock.sleepers(1)
    let second = source.current
    #expect(second.notAfter == clock.now() + .seconds(3600))
    #expect(second.privateKey.rawRepresentation != first.privateKey.rawRepresentation)
    #expect(value("frame_svid_rotations_total") == 2)
    #expect(value("frame_svid_expiry_timestamp_seconds") == second.notAfter.seconds)
    service.cancel()
    try await service.value
  }

  @Test("a failed renewal keeps the current SVID and is tried again")
  func failedRenewal() async throws {
    let failing = Mutex(true)
    let authority = authority
    let source = try SVIDSource(
      first: try authority.issueX509SVID(for: .node(of: Frames.a)), clock: clock, metrics: IdentityMetrics(registry)
    ) {
      if failing.withLock({ $0 }) { throw IssueError.authorityExpired(Frames.a) }
      return try authority.issueX509SVID(for: .node(of: Frames.a))
    }
    let first = source.current
    let service = Task { try await source.run() }
    await clock.sleepers(1)
    clock.advance(by: .seconds(1795))
    await clock.sleepers(1)
    #expect(source.current.notAfter == first.notAfter)
    #expect(value("frame_svid_renewal_failures_total") == 1)
    failing.withLock { $0 = false }
    clock.advance(by: SVIDSource.retryInterval)
    await clock.sleepers(1)
    #expect(source.current.notAfter > first.notAfter)
    service.cancel()
    try await service.value
  }

  @Test("an SVID that is due as soon as it is issued is renewed once a second, not in a spin")
  func tinyLifetime() async throws {
    let source = try SVIDSource(
      authority: authority, id: .node(of: Frames.a), lifetime: .seconds(5), clock: clock,
      metrics: IdentityMetrics(registry))
    let service = Task { try await source.run() }
    for rotations in [2.0, 3, 4] {
      await clock.sleepers(1)
      #expect(value("frame_svid_rotations_total") == rotations)
      clock.advance(by: SVIDSource.shortestInterval)
    }
    await clock.sleepers(1)
    service.cancel()
    try await service.value
  }

  @Test("a new handshake presents the renewed SVID, while a connection opened before goes on")
  func newHandshake() async throws {
    let source = try SVIDSource(authority: authority, id: .node(of: Frames.a), clock: clock)
    let verifier = SPIFFEVerifier(bundles: authority.bundle, clock: clock)
    let server = try await EchoServer(FrameTLS.mutualServer(source, alpn: []), verify: verifier)
    func connect() async throws -> EchoClient {
      try await EchoClient(
        FrameTLS.mutualClient(source, alpn: []), port: server.port, callback: verifier.nioCallback(expecting: .anyNode))
    }
    let before = try await connect()
    #expect(try await before.echo("one") == "one")
    let service = Task { try await source.run() }
    await clock.sleepers(1)
    clock.advance(by: .seconds(1795))
    await clock.sleepers(1)
    let after = try await connect()
    #expect(try await after.echo("two") == "two")
    #expect(try await after.serverSerial() == Array(source.current.chain[0].serialNumber.bytes))
    #expect(try await before.serverSerial() != after.serverSerial())
    // Even past the end of the SVID it was opened with, the old connection still carries data.
    clock.advance(by: .seconds(1900))
    #expect(try await before.echo("three") == "three")
    service.cancel()
    try await service.value
    await before.stop()
    await after.stop()
    await server.stop()
  }

  @Test("the metrics of this room are declared without a clash and start at zero")
  func metrics() async throws {
    let metrics = IdentityMetrics(registry)
    try registry.validate()
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock, metrics: metrics)
    #expect(value("frame_ca_expiry_timestamp_seconds") == authority.x509Authorities[0].notAfter.seconds)
    #expect(value("frame_ca_lifetime_seconds") == FrameAuthority.authorityLifetime.inSeconds)
    #expect(value("frame_jwt_svids_issued_total") == 0)
    let verifications = registry.collect().first { $0.descriptor.name == "frame_jwt_svid_verifications_total" }
    #expect(verifications?.metrics.count == JWTSVIDRefusal.codes.count + 1)
    let token = try await authority.issueJWTSVID(for: .authority(of: Frames.a), audience: ["x"]).token
    #expect(value("frame_jwt_svids_issued_total") == 1)
    let verifier = JWTSVIDVerifier(bundles: authority.bundle, audiences: ["x"], clock: clock, metrics: metrics)
    _ = try await verifier.verify(token)
    await #expect(throws: JWTSVIDRefusal.self) { try await verifier.verify("x") }
    let after = registry.collect().first { $0.descriptor.name == "frame_jwt_svid_verifications_total" }
    func count(_ result: String) -> Double? {
      guard let metric = after?.metrics.first(where: { $0.labels["result"] == result }),
        case .counter(let number, _) = metric.value
      else { return nil }
      return number.doubleValue
    }
    #expect(count("accepted") == 1 && count("token_malformed") == 1)
  }
}
