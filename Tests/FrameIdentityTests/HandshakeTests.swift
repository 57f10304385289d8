import Foundation
import FrameCore
import NIOCore
import NIOSSL
import Testing
import X509

@testable import FrameIdentity

@Suite("TLS handshakes between frames")
struct HandshakeTests {
  /// A frame with its SVID and its view of who is trusted.
  struct Side {
    let authority: FrameAuthority
    let source: SVIDSource
    let bundles: BundleSet
    let verifier: SPIFFEVerifier

    init(_ frame: FrameID, id: SPIFFEID? = nil, clock: any FrameClock) throws {
      authority = try FrameAuthority.ephemeral(frame: frame, clock: clock)
      source = try SVIDSource(authority: authority, id: id ?? .node(of: frame), clock: clock)
      bundles = BundleSet([authority.bundle])
      verifier = SPIFFEVerifier(bundles: bundles, clock: clock)
    }
  }

  let clock = ManualClock()
  let a: Side
  let b: Side

  init() throws {
    a = try Side(Frames.a, clock: clock)
    b = try Side(Frames.b, clock: clock)
  }

  private func server(_ side: Side, expecting: ExpectedID = .anyNode) async throws -> EchoServer {
    try await EchoServer(
      FrameTLS.mutualServer(side.source, alpn: ["h2"]), verify: side.verifier, expecting: expecting)
  }

  /// Connects as `side`; the results are those of the client's own verification.
  private func connect(
    _ side: Side, to port: Int, expecting: ExpectedID, anonymous: Bool = false
  ) async throws -> (client: EchoClient, results: Results) {
    let results = Results()
    let configuration =
      try anonymous ? FrameTLS.client(alpn: ["h2"]) : FrameTLS.mutualClient(side.source, alpn: ["h2"])
    let client = try await EchoClient(
      configuration, port: port, callback: side.verifier.nioCallback(expecting: expecting) { results.add($0) })
    return (client, results)
  }

  @Test("two frames that hold each other's bundle connect, and each learns the other's id")
  func mutual() async throws {
    a.bundles.set(b.authority.bundle)
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    let (client, results) = try await connect(a, to: server.port, expecting: .exactly(.node(of: Frames.b)))
    #expect(try await client.echo("hello") == "hello")
    #expect(results.accepted == [.node(of: Frames.b)])
    #expect(server.results.accepted == [.node(of: Frames.a)])
    #expect(try await client.channel.nioSSL_tlsVersion().get() == .tlsv13)
    let chain = try await client.channel.nioSSL_peerValidatedCertificateChain().get()
    let expected = [b.source.current.chain[0], b.authority.x509Authorities[0].certificate]
    #expect(try chain?.map { Data(try $0.toDERBytes()) } == expected.map { try $0.der() })
    await client.stop()
    await server.stop()
  }

  @Test("S3: a server whose bundle is not held is refused by the client before a byte is sent")
  func clientRefuses() async throws {
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    let (client, results) = try await connect(a, to: server.port, expecting: .any)
    await #expect(throws: (any Error).self) { try await client.echo("hello") }
    #expect(results.refused == [.unknownTrustDomain])
    await client.stop()
    await server.stop()
  }

  @Test("S3: a server with another id than the expected one is refused by the client")
  func clientExpectsID() async throws {
    let agent = try Side(Frames.b, id: .agent(try AgentName("mallory"), of: Frames.b), clock: clock)
    a.bundles.set(agent.authority.bundle)
    agent.bundles.set(a.authority.bundle)
    let server = try await server(agent)
    let (client, results) = try await connect(a, to: server.port, expecting: .exactly(.node(of: Frames.b)))
    await #expect(throws: (any Error).self) { try await client.echo("hello") }
    #expect(results.refused == [.unexpectedID])
    await client.stop()
    await server.stop()
  }

  @Test("S3: a client of an unknown frame, a workload that is no node, and nobody at all are refused by the server")
  func serverRefuses() async throws {
    let agent = try Side(Frames.a, id: .agent(try AgentName("alice"), of: Frames.a), clock: clock)
    for side in [a, agent] { side.bundles.set(b.authority.bundle) }
    let server = try await server(b)
    func attempt(_ side: Side, anonymous: Bool = false) async throws {
      let (client, _) = try await connect(side, to: server.port, expecting: .any, anonymous: anonymous)
      await #expect(throws: (any Error).self) { try await client.echo("hello") }
      await client.stop()
    }
    try await attempt(a)
    #expect(server.results.refused == [.unknownTrustDomain])
    b.bundles.set(agent.authority.bundle)
    try await attempt(agent)
    #expect(server.results.refused == [.unknownTrustDomain, .unexpectedID])
    // A real bundle of A, and an SVID of another authority that says it is A.
    try await attempt(a)
    #expect(server.results.refused == [.unknownTrustDomain, .unexpectedID, .untrustedAuthority])
    try await attempt(a, anonymous: true)
    #expect(server.results.accepted.isEmpty)
    await server.stop()
  }

  @Test("after the bundle is removed the next handshake is refused")
  func revoked() async throws {
    a.bundles.set(b.authority.bundle)
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    let (first, _) = try await connect(a, to: server.port, expecting: .anyNode)
    #expect(try await first.echo("one") == "one")
    b.bundles.remove(Frames.a)
    let (second, _) = try await connect(a, to: server.port, expecting: .anyNode)
    await #expect(throws: (any Error).self) { try await second.echo("two") }
    #expect(server.results.refused == [.unknownTrustDomain])
    await first.stop()
    await second.stop()
    await server.stop()
  }

  @Test("an SVID that has expired is refused by the injected clock")
  func expired() async throws {
    a.bundles.set(b.authority.bundle)
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    clock.advance(by: .seconds(3700))
    let (client, results) = try await connect(a, to: server.port, expecting: .anyNode)
    await #expect(throws: (any Error).self) { try await client.echo("hello") }
    #expect(results.refused == [.expired])
    await client.stop()
    await server.stop()
  }

  @Test("S6: a client that speaks at most TLS 1.1 is turned away")
  func oldTLS() async throws {
    a.bundles.set(b.authority.bundle)
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    var configuration = try FrameTLS.mutualClient(a.source, alpn: ["h2"])
    configuration.minimumTLSVersion = .tlsv1
    configuration.maximumTLSVersion = .tlsv11
    let client = try await EchoClient(
      configuration, port: server.port, callback: a.verifier.nioCallback(expecting: .anyNode))
    await #expect(throws: (any Error).self) { try await client.echo("hello") }
    await client.stop()
    // The same client with TLS 1.2 is served.
    configuration.minimumTLSVersion = .tlsv12
    configuration.maximumTLSVersion = .tlsv12
    let newer = try await EchoClient(
      configuration, port: server.port, callback: a.verifier.nioCallback(expecting: .anyNode))
    #expect(try await newer.echo("hello") == "hello")
    await newer.stop()
    await server.stop()
  }

  @Test(
    "S6: with TLS 1.2 a client without a suite of Mozilla's intermediate profile is turned away",
    arguments: [
      ([.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA], false), ([.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA], false),
      ([.TLS_RSA_WITH_AES_128_GCM_SHA256], false), ([.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], true),
      ([.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256], true),
    ] as [([NIOTLSCipher], Bool)])
  func suites(_ suites: [NIOTLSCipher], _ isServed: Bool) async throws {
    a.bundles.set(b.authority.bundle)
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    var configuration = try FrameTLS.mutualClient(a.source, alpn: ["h2"])
    configuration.maximumTLSVersion = .tlsv12
    configuration.cipherSuiteValues = suites
    let client = try await EchoClient(
      configuration, port: server.port, callback: a.verifier.nioCallback(expecting: .anyNode))
    #expect(((try? await client.echo("hello")) == "hello") == isServed)
    await client.stop()
    await server.stop()
  }

  @Test("S16: with both authorities gone an open connection goes on, past the end of its SVIDs; a new one is refused")
  func authoritiesGone() async throws {
    a.bundles.set(b.authority.bundle)
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    let (open, _) = try await connect(a, to: server.port, expecting: .anyNode)
    #expect(try await open.echo("one") == "one")
    // Nobody renews, and nobody refreshes.
    clock.advance(by: .seconds(2 * 3600))
    #expect(try await open.echo("two") == "two")
    let (late, results) = try await connect(a, to: server.port, expecting: .anyNode)
    await #expect(throws: (any Error).self) { try await late.echo("three") }
    #expect(results.refused == [.expired])
    #expect(try await open.echo("four") == "four")
    for client in [open, late] { await client.stop() }
    await server.stop()
  }

  @Test("a refused handshake tells which trust domain the certificate claims, and none when it names none")
  func claims() async throws {
    let impostor = try Side(Frames.a, clock: clock)
    impostor.bundles.set(b.authority.bundle)
    b.bundles.set(a.authority.bundle)
    let server = try await server(b)
    let (client, _) = try await connect(impostor, to: server.port, expecting: .any)
    await #expect(throws: (any Error).self) { try await client.echo("hello") }
    #expect(server.results.refused == [.untrustedAuthority] && server.results.claimed == [Frames.a])
    await client.stop()
    await server.stop()
  }

  @Test("a configuration that verifies without its callback trusts nobody")
  func noCallback() async throws {
    let server = try await EchoServer(FrameTLS.mutualServer(b.source, alpn: ["h2"]), verify: nil)
    a.bundles.set(b.authority.bundle)
    let (client, _) = try await connect(a, to: server.port, expecting: .anyNode)
    await #expect(throws: (any Error).self) { try await client.echo("hello") }
    await client.stop()
    await server.stop()
  }
}
