import Crypto
import Foundation
import FrameCore
import NIOCore
import NIOSSL
import Testing
import X509

@testable import FrameIdentity

@Suite("Fetching bundles")
struct BundleClientTests {
  let clock = ManualClock()
  let authority: FrameAuthority
  let source: SVIDSource
  let client: EndpointClient
  let bundles: BundleClient

  init() throws {
    authority = try FrameAuthority.ephemeral(frame: Frames.b, clock: clock)
    source = try SVIDSource(authority: authority, id: .node(of: Frames.b), clock: clock)
    client = EndpointClient(clock: clock, timeout: .seconds(600))
    bundles = BundleClient(client: client, clock: clock)
  }

  private func serve(
    _ source: SVIDSource? = nil, answer: @escaping @Sendable (CannedServer.Request) -> CannedServer.Answer
  ) async throws -> CannedServer {
    try await CannedServer(FrameTLS.server(source ?? self.source, alpn: ["http/1.1"]), answer: answer)
  }

  private func serveBundle() async throws -> CannedServer {
    let document = try BundleDocument(authority.bundle)
    return try await serve { request in
      document.matches(ifNoneMatch: request.headers["if-none-match"])
        ? .response(status: 304, headers: [("etag", document.etag)], body: Data())
        : .response(
          status: 200, headers: [("content-type", "application/json"), ("etag", document.etag)], body: document.body)
    }
  }

  private func url(_ server: CannedServer, _ path: String = "/") throws -> EndpointURL {
    try EndpointURL("https://127.0.0.1:\(server.port)\(path)")
  }

  private var pinned: EndpointProfile { .spiffe(authority.bundle, expecting: .node(of: Frames.b)) }

  private func code(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch { return (error as? any FrameError)?.code ?? "\(error)" }
  }

  @Test("S6: https_spiffe fetches the bundle from an endpoint that the held bundle vouches for")
  func spiffe() async throws {
    let server = try await serveBundle()
    let fetched = try #require(try await bundles.fetch(Frames.b, from: url(server), profile: pinned))
    #expect(fetched.bundle == authority.bundle)
    #expect(fetched.document == (try BundleDocument(authority.bundle).body))
    #expect(fetched.presentedChain == (try source.current.chainDER()))
    #expect(server.received.count == 1)
    #expect(server.received[0].method == .GET && server.received[0].headers["accept"] == "application/json")
    #expect(server.received[0].headers["host"] == "127.0.0.1:\(server.port)")
    await server.stop()
  }

  @Test("S14: a document that is still current is not sent again")
  func notModified() async throws {
    let server = try await serveBundle()
    let etag = try BundleDocument(authority.bundle).etag
    #expect(try await bundles.fetch(Frames.b, from: url(server), profile: pinned, etag: etag) == nil)
    #expect(try await bundles.fetch(Frames.b, from: url(server), profile: pinned, etag: "\"old\"") != nil)
    await server.stop()
  }

  @Test("S6: an endpoint with an SVID of another authority, domain or id is refused and sees no request")
  func refused() async throws {
    func attempt(_ source: SVIDSource, profile: EndpointProfile? = nil) async throws -> String? {
      let server = try await serve(source) { _ in .silence }
      let url = try url(server)
      let code = await code { _ = try await client.get(url, profile: profile ?? pinned) }
      #expect(server.received.isEmpty)
      await server.stop()
      return code
    }
    let impostor = try FrameAuthority.ephemeral(frame: Frames.b, clock: clock)
    #expect(
      try await attempt(SVIDSource(authority: impostor, id: .node(of: Frames.b), clock: clock)) == "untrusted_authority"
    )
    let other = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    #expect(
      try await attempt(SVIDSource(authority: other, id: .node(of: Frames.a), clock: clock)) == "unexpected_spiffe_id")
    let agent = SPIFFEID.agent(try AgentName("mallory"), of: Frames.b)
    #expect(try await attempt(SVIDSource(authority: authority, id: agent, clock: clock)) == "unexpected_spiffe_id")
    let set = BundleSet()
    #expect(
      try await attempt(source, profile: .spiffe(set, expecting: .node(of: Frames.b))) == "unknown_trust_domain")
  }

  @Test(
    "S6: an endpoint in another trust domain than the bundle is refused, also when that domain is trusted for itself")
  func otherDomain() async throws {
    let other = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    let document = try BundleDocument(authority.bundle)
    let server = try await serve(SVIDSource(authority: other, id: .node(of: Frames.a), clock: clock)) { _ in
      .response(status: 200, headers: [("content-type", "application/json")], body: document.body)
    }
    let url = try url(server)
    let both = BundleSet([authority.bundle, other.bundle])
    // The very endpoint is reached by who expects it.
    let expected = try await client.get(url, profile: .spiffe(both, expecting: .node(of: Frames.a)))
    #expect(expected.status == 200 && server.received.count == 1)
    #expect(
      await code {
        _ = try await bundles.fetch(Frames.b, from: url, profile: .spiffe(both, expecting: .node(of: Frames.b)))
      }
        == "unexpected_spiffe_id")
    #expect(await code { _ = try await bundles.firstContact(Frames.b, at: url) } == "unexpected_spiffe_id")
    #expect(server.received.count == 2, "first contact asks before it can judge")
    await server.stop()
  }

  @Test("S6: there is no fall-back: an SVID is not accepted as Web PKI")
  func noFallBack() async throws {
    let server = try await serveBundle()
    let url = try url(server)
    #expect(await code { _ = try await client.get(url, profile: .web()) } == "endpoint_handshake")
    // Even with the frame's authority as an additional root there is no host name in an SVID.
    let root = try NIOSSLCertificate(bytes: Array(authority.x509Authorities[0].certificate.der()), format: .der)
    #expect(
      await code { _ = try await client.get(url, profile: .web(additionalRoots: [root])) } == "endpoint_handshake")
    #expect(server.received.isEmpty)
    await server.stop()
  }

  @Test("S6: https_web accepts a certificate of an additional root for the host that was asked for")
  func web() async throws {
    let (configuration, root) = try webServer()
    let document = try BundleDocument(authority.bundle)
    let server = try await CannedServer(configuration) { _ in
      .response(status: 200, headers: [("content-type", "application/json; charset=utf-8")], body: document.body)
    }
    let fetched = try await bundles.fetch(Frames.b, from: url(server), profile: .web(additionalRoots: [root]))
    #expect(fetched?.bundle == authority.bundle)
    let url = try url(server)
    #expect(await code { _ = try await client.get(url, profile: .web()) } == "endpoint_handshake")
    #expect(await code { _ = try await client.get(url, profile: pinned) } == "no_uri_san")
    await server.stop()
  }

  /// A Web PKI server for 127.0.0.1, and its root.
  private func webServer() throws -> (TLSConfiguration, NIOSSLCertificate) {
    // BoringSSL judges these by the real clock.
    let now = SystemClock().now()
    let root = try CertificateForge(root: .authority([], at: now), name: "web root")
    var form = CertificateForge.Form.leaf([], at: now)
    form.otherNames = [.ipAddress(.init(contentBytes: [127, 0, 0, 1]))]
    let leaf = try CertificateForge(form, by: root)
    let certificate = try NIOSSLCertificate(bytes: Array(leaf.certificate.der()), format: .der)
    let key = try NIOSSLPrivateKey(bytes: Array(leaf.key.derRepresentation), format: .der)
    return (
      .makeServerConfiguration(certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)),
      try NIOSSLCertificate(bytes: Array(root.certificate.der()), format: .der)
    )
  }

  @Test("S6: redirects are not followed with https_spiffe, nor at first contact, nor for a post")
  func noRedirects() async throws {
    let target = try await serveBundle()
    let port = target.port
    for status in [301, 302, 303, 307, 308] {
      let server = try await serve { _ in
        .response(status: status, headers: [("location", "https://127.0.0.1:\(port)/")], body: Data())
      }
      let url = try url(server)
      for profile in [pinned, .firstUse] {
        #expect(await code { _ = try await client.get(url, profile: profile) } == "endpoint_redirect")
      }
      #expect(try await client.post(url, json: Data(), profile: pinned).status == status)
      await server.stop()
    }
    #expect(target.received.isEmpty)
    await target.stop()
  }

  @Test("S13: https_web follows redirects, with the same checks, a few times, and never to plain HTTP")
  func webRedirects() async throws {
    let (configuration, root) = try webServer()
    let server = try await CannedServer(configuration) { request in
      switch request.uri {
      case "/there": .response(status: 200, headers: [], body: Data("found".utf8))
      case "/plain": .response(status: 302, headers: [("location", "http://127.0.0.1/there")], body: Data())
      case "/loop": .response(status: 302, headers: [("location", "/loop")], body: Data())
      default: .response(status: 302, headers: [("location", "/there")], body: Data())
      }
    }
    let profile = EndpointProfile.web(additionalRoots: [root])
    // Never persisted: the second time begins where the first did.
    for _ in 0..<2 {
      #expect(try await client.get(url(server, "/here"), profile: profile).body == Data("found".utf8))
    }
    #expect(server.received.map(\.uri) == ["/here", "/there", "/here", "/there"])
    let plain = try url(server, "/plain")
    #expect(await code { _ = try await client.get(plain, profile: profile) } == "invalid_endpoint_url")
    let loop = try url(server, "/loop")
    #expect(await code { _ = try await client.get(loop, profile: profile) } == "endpoint_redirect")
    await server.stop()
  }

  @Test("S13: a body over the limit is cut off, whether its length is announced or not")
  func bodyLimit() async throws {
    let announced = try await serve { _ in
      .response(status: 200, headers: [], body: Data(repeating: 0x20, count: SPIFFEBundle.documentLimit + 1))
    }
    let endless = try await serve { _ in .endless }
    for server in [announced, endless] {
      let url = try url(server)
      #expect(await code { _ = try await client.get(url, profile: pinned) } == "endpoint_body_too_large")
      await server.stop()
    }
  }

  @Test("S13: a silent endpoint ends in a timeout, and one that hangs up in an error, with the connection closed")
  func timeouts() async throws {
    let silent = try await serve { _ in .silence }
    let hasty = EndpointClient(clock: clock, timeout: .milliseconds(300))
    let silentURL = try url(silent)
    #expect(await code { _ = try await hasty.get(silentURL, profile: pinned) } == "endpoint_timeout")
    let rude = try await serve { _ in .hangUp }
    let rudeURL = try url(rude)
    #expect(await code { _ = try await client.get(rudeURL, profile: pinned) } == "endpoint_closed")
    await silent.stop()
    await rude.stop()
    // Nothing listens there; the port of a server that was stopped may be another test's by now.
    let nobody = try EndpointURL("https://127.0.0.1:1/")
    let unreachable = await code { _ = try await client.get(nobody, profile: pinned) }
    #expect(unreachable == "endpoint_unreachable")
  }

  @Test("S13: a fetch that is cancelled ends at once")
  func cancelled() async throws {
    let (began, signal) = AsyncStream<Void>.makeStream()
    let server = try await serve { _ in
      signal.yield()
      return .silence
    }
    let url = try url(server)
    let profile = pinned
    let fetch = Task { [client] in try await client.get(url, profile: profile) }
    for await _ in began { break }
    fetch.cancel()
    await #expect(throws: CancellationError.self) { try await fetch.value }
    await server.stop()
  }

  @Test("S7: an answer that is no bundle gives an error that says what it is")
  func badAnswers() async throws {
    func attempt(_ status: Int, _ type: String?, _ body: String) async throws -> String? {
      let server = try await serve { _ in
        .response(status: status, headers: type.map { [("content-type", $0)] } ?? [], body: Data(body.utf8))
      }
      let url = try url(server)
      let code = await code { _ = try await bundles.fetch(Frames.b, from: url, profile: pinned) }
      await server.stop()
      return code
    }
    #expect(try await attempt(200, "application/json", #"{"keys":[]}"#) == nil)
    #expect(try await attempt(200, "application/json", "{}") == "bundle_malformed")
    #expect(try await attempt(200, "text/html", #"{"keys":[]}"#) == "endpoint_content_type")
    #expect(try await attempt(200, nil, #"{"keys":[]}"#) == "endpoint_content_type")
    #expect(try await attempt(404, "application/json", #"{"keys":[]}"#) == "endpoint_status")
    #expect(try await attempt(503, "application/json", "") == "endpoint_status")
    #expect(try await attempt(304, "application/json", "") == "endpoint_status")
  }

  @Test("first contact yields the bundle when it vouches for its own endpoint")
  func firstContact() async throws {
    let server = try await serveBundle()
    let fetched = try await bundles.firstContact(Frames.b, at: url(server))
    #expect(fetched.bundle.fingerprint == authority.bundle.fingerprint)
    await server.stop()
  }

  @Test("first contact refuses an endpoint that serves a bundle which does not vouch for it")
  func inconsistentFirstContact() async throws {
    let server = try await serveBundle()
    // The endpoint is B's; asked for A it presents B's SVID.
    let url = try url(server)
    #expect(await code { _ = try await bundles.firstContact(Frames.a, at: url) } == "unexpected_spiffe_id")
    let impostor = try FrameAuthority.ephemeral(frame: Frames.b, clock: clock)
    let document = try BundleDocument(authority.bundle)
    let middle = try await serve(SVIDSource(authority: impostor, id: .node(of: Frames.b), clock: clock)) { _ in
      .response(status: 200, headers: [("content-type", "application/json")], body: document.body)
    }
    let middleURL = try self.url(middle)
    #expect(await code { _ = try await bundles.firstContact(Frames.b, at: middleURL) } == "untrusted_authority")
    await server.stop()
    await middle.stop()
  }

  @Test("a post carries its JSON and brings the answer back")
  func post() async throws {
    let server = try await serve { _ in
      .response(status: 202, headers: [("content-type", "application/json")], body: Data("{}".utf8))
    }
    let response = try await client.post(
      url(server, "/ws3/invitations?x=1"), json: Data(#"{"a":1}"#.utf8), profile: pinned)
    #expect(response.status == 202 && response.body == Data("{}".utf8))
    let request = try #require(server.received.first)
    #expect(request.method == .POST && request.uri == "/ws3/invitations?x=1" && request.body == #"{"a":1}"#)
    #expect(request.headers["content-type"] == "application/json" && request.headers["content-length"] == "7")
    await server.stop()
  }

  @Test("S6: an endpoint URL is https, without credentials or fragment")
  func urls() throws {
    #expect(try EndpointURL("https://frame-b.example").description == "https://frame-b.example/")
    #expect(
      try EndpointURL("https://frame-b.example:9444/a?b=c").at("/ws3").description == "https://frame-b.example:9444/ws3"
    )
    #expect(try EndpointURL("https://[::1]:9444").host == "::1")
    #expect(try EndpointURL("https://[::1]:9444").authority == "[::1]:9444")
    let bad = [
      "", "http://frame-b.example", "HTTP://x", "frame-b.example:9444", "https://", "https:///x", "https://u:p@x",
      "https://u@x",
      "https://x#f", "https://x y", "https://x:0", "https://x:", "https://[::1]:", "https://x:4x4", "https://x:99999",
      "https://x:99999999999999999999",
      "file:///etc/passwd", "https://x/\u{e9}",
      "https://x/" + String(repeating: "a", count: 3000),
    ]
    for text in bad {
      #expect { try EndpointURL(text) } throws: { ($0 as? FetchError)?.code == "invalid_endpoint_url" }
    }
  }
}
