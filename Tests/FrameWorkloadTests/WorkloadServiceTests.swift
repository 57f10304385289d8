import Crypto
import Foundation
import FrameCore
import FrameIdentity
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import SPIFFEWorkloadAPI
import Synchronization
import Testing
import X509

@testable import FrameWorkload

@Suite("The SPIFFE Workload API")
struct WorkloadServiceTests {
  static let security: Metadata = ["workload.spiffe.io": "true"]

  /// The API on a socket of its own, and a client that this process is.
  private func serving(
    hubRuns: Bool = true, peers: @escaping @Sendable () -> [SPIFFEBundle] = { [] },
    admits: @escaping @Sendable (SPIFFEID) -> Bool = { _ in true },
    _ body:
      @escaping @Sendable (WorkloadFixture, WorkloadHub, WLSpiffeWorkloadAPI.Client<HTTP2ClientTransport.Posix>)
      async throws -> Void
  ) async throws {
    try await serving(hubRuns: hubRuns, peers: peers, admits: admits) { fixture, hub, client, _ in
      try await body(fixture, hub, WLSpiffeWorkloadAPI.Client(wrapping: client))
    }
  }

  private func serving(
    connectionsMax: Int = 512, hubRuns: Bool = true, peers: @escaping @Sendable () -> [SPIFFEBundle] = { [] },
    admits: @escaping @Sendable (SPIFFEID) -> Bool = { _ in true },
    raw body:
      @escaping @Sendable (WorkloadFixture, WorkloadHub, GRPCClient<HTTP2ClientTransport.Posix>, String) async throws ->
      Void
  ) async throws {
    let fixture = try WorkloadFixture()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wl-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("s").path
    let hub = WorkloadHub(
      authority: fixture.authority, entries: fixture.entries, peers: peers, admits: admits, clock: fixture.clock,
      logger: Logger(label: "test"))
    let server = WorkloadServer(
      path: path, connectionsMax: connectionsMax, hub: hub, clock: fixture.clock, metrics: fixture.metrics,
      logger: Logger(label: "test"))
    let hubTask = hubRuns ? Task { try await hub.run() } : nil
    let serverTask = Task { try await server.run() }
    do {
      try await server.bound()
      while hubRuns, !hub.isReady { await Task.yield() }
      try await withGRPCClient(
        transport: .http2NIOPosix(target: .unixDomainSocket(path: path), transportSecurity: .plaintext)
      ) { client in
        try await body(fixture, hub, client, path)
      }
    } catch {
      hubTask?.cancel()
      serverTask.cancel()
      throw error
    }
    hubTask?.cancel()
    try await hubTask?.value
    serverTask.cancel()
    try await serverTask.value
    #expect(!FileManager.default.fileExists(atPath: path), "the socket goes with the server")
  }

  private func code(_ body: () async throws -> Void) async -> RPCError.Code? {
    do {
      try await body()
      return nil
    } catch { return (error as? RPCError)?.code }
  }

  private func first<Message: Sendable>(_ response: StreamingClientResponse<Message>) async throws -> Message {
    for try await message in response.messages { return message }
    throw RPCError(code: .unknown, message: "no message")
  }

  @Test("S9, S15: without the security header, or with it twice or with another value, every method is InvalidArgument")
  func header() async throws {
    try await serving { fixture, _, api in
      try await fixture.enter("/agent/me", .uid(getuid()))
      var doubled = Self.security
      doubled.addString("true", forKey: "workload.spiffe.io")
      for metadata: Metadata in [[:], doubled, ["workload.spiffe.io": "false"], ["workload.spiffe.io": "TRUE"]] {
        #expect(
          await code { try await api.fetchX509SVID(.init(), metadata: metadata) { _ = try await first($0) } }
            == .invalidArgument)
        #expect(
          await code { try await api.fetchX509Bundles(.init(), metadata: metadata) { _ = try await first($0) } }
            == .invalidArgument)
        #expect(
          await code { try await api.fetchJWTBundles(.init(), metadata: metadata) { _ = try await first($0) } }
            == .invalidArgument)
        #expect(
          await code { _ = try await api.fetchJWTSVID(.with { $0.audience = ["x"] }, metadata: metadata) }
            == .invalidArgument)
        #expect(await code { _ = try await api.validateJWTSVID(.init(), metadata: metadata) } == .invalidArgument)
      }
      // The same call with the header is answered.
      try await api.fetchX509SVID(.init(), metadata: Self.security) { _ = try await first($0) }
      #expect(
        fixture.value("frame_workload_api_requests_total", ["method": "FetchX509SVID", "code": "InvalidArgument"]) == 4)
    }
  }

  @Test("S9: a process that no entry is for is PermissionDenied, whatever it claims to be")
  func noIdentity() async throws {
    try await serving { fixture, _, api in
      try await fixture.enter("/agent/other", .uid(getuid() &+ 1))
      var forged = Self.security
      forged.addString("1", forKey: CallTag.name)
      for metadata in [Self.security, forged] {
        #expect(
          await code { try await api.fetchX509SVID(.init(), metadata: metadata) { _ = try await first($0) } }
            == .permissionDenied)
        #expect(
          await code { try await api.fetchX509Bundles(.init(), metadata: metadata) { _ = try await first($0) } }
            == .permissionDenied)
        #expect(
          await code { try await api.fetchJWTBundles(.init(), metadata: metadata) { _ = try await first($0) } }
            == .permissionDenied)
        #expect(
          await code { _ = try await api.fetchJWTSVID(.with { $0.audience = ["x"] }, metadata: metadata) }
            == .permissionDenied)
      }
    }
  }

  @Test("a call with a deadline that is none is served, and the node lives", arguments: ["-1S", "-9999999n", "1", ""])
  func deadline(_ text: String) async throws {
    try await serving { fixture, _, api in
      try await fixture.enter("/agent/me", .uid(getuid()))
      var metadata = Self.security
      metadata.addString(text, forKey: CallHeader.timeout)
      try await api.fetchX509SVID(.init(), metadata: metadata) { _ = try await first($0) }
      try await api.fetchX509SVID(.init(), metadata: Self.security) { _ = try await first($0) }
    }
  }

  /// A message as its bytes, for methods that nobody has code for.
  private struct Bytes: MessageSerializer, MessageDeserializer {
    func serialize<Buffer: GRPCContiguousBytes>(_ message: [UInt8]) -> Buffer { Buffer(message) }
    func deserialize<Buffer: GRPCContiguousBytes>(_ buffer: Buffer) -> [UInt8] {
      buffer.withUnsafeBytes { Array($0) }
    }
  }

  @Test(
    "S15: the methods for WIT-SVIDs, and any other that is not ours, are Unimplemented",
    arguments: ["FetchWITSVID", "FetchWITBundles", "ValidateWITSVID", "FetchEverything"])
  func unimplemented(_ method: String) async throws {
    try await serving(raw: { fixture, _, client, _ in
      try await fixture.enter("/agent/me", .uid(getuid()))
      func call(_ method: String) async -> RPCError.Code? {
        await code {
          try await client.serverStreaming(
            request: ClientRequest(message: [], metadata: Self.security),
            descriptor: MethodDescriptor(fullyQualifiedService: "SpiffeWorkloadAPI", method: method),
            serializer: Bytes(), deserializer: Bytes(), options: .defaults
          ) { _ = try await first($0) }
        }
      }
      #expect(await call(method) == .unimplemented)
      // The same call of a method that is ours is answered.
      #expect(await call("FetchX509Bundles") == nil)
    })
  }

  @Test("S15: before the node is ready it is Unavailable")
  func notReady() async throws {
    try await serving(hubRuns: false) { fixture, _, api in
      try await fixture.enter("/agent/me", .uid(getuid()))
      #expect(
        await code { try await api.fetchX509SVID(.init(), metadata: Self.security) { _ = try await first($0) } }
          == .unavailable)
      #expect(
        await code { _ = try await api.fetchJWTSVID(.with { $0.audience = ["x"] }, metadata: Self.security) }
          == .unavailable)
    }
  }

  @Test(
    "S9: SVIDs come in the order of their entries, as PKCS #8 and concatenated DER, with the bundles of the peers apart"
  )
  func shape() async throws {
    let peer = try FrameAuthority.ephemeral(frame: Frames.b)
    try await serving(peers: { [peer.bundle] }) { fixture, _, api in
      try await fixture.enter("/agent/first", .uid(getuid()), hint: "internal")
      try await fixture.enter("/agent/second", .uid(getuid()), .gid(getgid()))
      try await fixture.enter("/agent/third", .uid(getuid() &+ 1))
      let answer = try await api.fetchX509SVID(.init(), metadata: Self.security) { try await first($0) }
      #expect(
        answer.svids.map(\.spiffeID) == [
          "spiffe://frame-a.example/agent/first", "spiffe://frame-a.example/agent/second",
        ])
      #expect(answer.svids.map(\.hint) == ["internal", ""])
      for svid in answer.svids {
        let leaf = try Certificate(derEncoded: Array(svid.x509Svid))
        let key = try P256.Signing.PrivateKey(derRepresentation: svid.x509SvidKey)
        #expect(leaf.publicKey == Certificate.PublicKey(key.publicKey))
        #expect(Array(svid.bundle) == Array(try fixture.authority.bundle.x509Authorities[0].der()))
      }
      #expect(Array(answer.federatedBundles.keys) == ["spiffe://frame-b.example"])
      #expect(answer.federatedBundles["spiffe://frame-b.example"] == (try peer.bundle.x509Authorities[0].der()))
      let bundles = try await api.fetchX509Bundles(.init(), metadata: Self.security) { try await first($0) }
      #expect(Set(bundles.bundles.keys) == ["spiffe://frame-a.example", "spiffe://frame-b.example"])
    }
  }

  @Test("S9, S15: a stream sends the whole state at once and again when an authority is rotated or an entry is added")
  func rotation() async throws {
    try await serving { fixture, _, api in
      try await fixture.enter("/agent/me", .uid(getuid()))
      try await api.fetchX509SVID(.init(), metadata: Self.security) { response in
        var messages = response.messages.makeAsyncIterator()
        let before = try #require(try await messages.next())
        _ = try await fixture.keeper.rotate(.x509, .prepare)
        let prepared = try #require(try await messages.next())
        #expect(prepared.svids[0].bundle.count > before.svids[0].bundle.count, "the successor is in the bundle")
        #expect(prepared.svids[0].x509Svid == before.svids[0].x509Svid, "and the SVID is the same")
        _ = try await fixture.keeper.rotate(.x509, .activate(force: true))
        let after = try #require(try await messages.next())
        #expect(after.svids.count == 1 && after.svids[0].x509Svid != before.svids[0].x509Svid)
        try await fixture.enter("/agent/too", .uid(getuid()))
        let more = try #require(try await messages.next())
        #expect(more.svids.count == 2 && more.svids[0].x509Svid == after.svids[0].x509Svid)
      }
      #expect((fixture.value("frame_workload_api_updates_total", ["method": "FetchX509SVID"]) ?? 0) >= 4)
    }
  }

  @Test("S9: a stream whose last entry is removed ends with PermissionDenied")
  func removed() async throws {
    try await serving { fixture, _, api in
      let entry = try await fixture.enter("/agent/me", .uid(getuid()))
      let ended = await code {
        try await api.fetchX509SVID(.init(), metadata: Self.security) { response in
          for try await message in response.messages {
            #expect(message.svids.count == 1)
            _ = try await fixture.entries.remove(entry.id, reason: "", actor: .authority(of: Frames.a))
          }
        }
      }
      #expect(ended == .permissionDenied)
    }
  }

  @Test("S9: an id that may not be had any more leaves open streams at once, and comes back when it may")
  func admitted() async throws {
    let barred = Mutex<Set<String>>([])
    try await serving(
      admits: { id in !barred.withLock { $0.contains(id.path) } },
      { fixture, hub, api in
        @Sendable func bar(_ paths: Set<String>) {
          barred.withLock { $0 = paths }
          hub.announce()
        }
        try await fixture.enter("/agent/me", .uid(getuid()))
        try await fixture.enter("/operator/acme", .uid(getuid()))
        let ended = await code {
          try await api.fetchX509SVID(.init(), metadata: Self.security) { response in
            var messages = response.messages.makeAsyncIterator()
            #expect(try await messages.next()?.svids.count == 2)
            bar(["/operator/acme"])
            #expect(try await messages.next()?.svids.map(\.spiffeID) == ["spiffe://frame-a.example/agent/me"])
            let token = await code {
              _ = try await api.fetchJWTSVID(
                .with {
                  $0.audience = ["x"]
                  $0.spiffeID = "spiffe://frame-a.example/operator/acme"
                }, metadata: Self.security)
            }
            #expect(token == .permissionDenied)
            bar([])
            #expect(try await messages.next()?.svids.count == 2)
            bar(["/operator/acme", "/agent/me"])
            _ = try await messages.next()
          }
        }
        #expect(ended == .permissionDenied)
      })
  }

  @Test("S9: an SVID is replaced at half of its life, without being asked for")
  func halfLife() async throws {
    try await serving { fixture, _, api in
      try await fixture.enter("/agent/me", .uid(getuid()))
      try await api.fetchX509SVID(.init(), metadata: Self.security) { response in
        var messages = response.messages.makeAsyncIterator()
        let before = try #require(try await messages.next())
        fixture.clock.advance(by: .seconds(1801))
        let after = try #require(try await messages.next())
        #expect(after.svids[0].x509Svid != before.svids[0].x509Svid)
      }
    }
  }

  @Test("S11: JWT bundles have JWT keys only, each with its key id")
  func jwtBundles() async throws {
    let peer = try FrameAuthority.ephemeral(frame: Frames.b)
    try await serving(peers: { [peer.bundle] }) { fixture, _, api in
      try await fixture.enter("/agent/me", .uid(getuid()))
      let answer = try await api.fetchJWTBundles(.init(), metadata: Self.security) { try await first($0) }
      #expect(Set(answer.bundles.keys) == ["spiffe://frame-a.example", "spiffe://frame-b.example"])
      for document in answer.bundles.values {
        let json = try #require(try JSONSerialization.jsonObject(with: document) as? [String: Any])
        let keys = try #require(json["keys"] as? [[String: Any]])
        #expect(keys.count == 1 && keys[0]["use"] as? String == "jwt-svid" && keys[0]["kid"] != nil)
      }
    }
  }

  @Test(
    "S15: a token is issued for its audience, and validated by signature, audience, expiry and its own domain's bundle")
  func tokens() async throws {
    let peer = try FrameAuthority.ephemeral(frame: Frames.b, clock: SystemClock())
    try await serving { fixture, _, api in
      try await fixture.enter("/agent/me", .uid(getuid()))
      try await fixture.enter("/agent/you", .uid(getuid()))
      let both = try await api.fetchJWTSVID(.with { $0.audience = ["shop"] }, metadata: Self.security)
      #expect(
        both.svids.map(\.spiffeID) == ["spiffe://frame-a.example/agent/me", "spiffe://frame-a.example/agent/you"])
      let mine = try await api.fetchJWTSVID(
        .with {
          $0.audience = ["shop", "bank"]
          $0.spiffeID = "spiffe://frame-a.example/agent/you"
        }, metadata: Self.security)
      #expect(mine.svids.count == 1)
      let token = mine.svids[0].svid
      func validate(_ token: String, _ audience: String) async throws -> WLValidateJWTSVIDResponse {
        try await api.validateJWTSVID(
          .with {
            $0.svid = token
            $0.audience = audience
          }, metadata: Self.security)
      }
      let valid = try await validate(token, "bank")
      #expect(valid.spiffeID == "spiffe://frame-a.example/agent/you")
      #expect(valid.claims.fields["sub"]?.stringValue == valid.spiffeID)
      let foreign = try await peer.issueJWTSVID(for: try SPIFFEID("spiffe://frame-b.example/x"), audience: ["bank"])
      for (token, audience) in [
        (token, "other"), (token, ""), ("", "bank"), (token + "x", "bank"), (foreign.token, "bank"), ("a.b.c", "bank"),
      ] {
        #expect(await code { _ = try await validate(token, audience) } == .invalidArgument, "\(audience)")
      }
      fixture.clock.advance(by: .seconds(301))
      #expect(await code { _ = try await validate(token, "bank") } == .invalidArgument, "it has expired")
      for (audience, id) in [([String](), ""), ([""], ""), (["x"], "frame-a.example")] {
        let refused = await code {
          _ = try await api.fetchJWTSVID(
            .with {
              $0.audience = audience
              $0.spiffeID = id
            }, metadata: Self.security)
        }
        #expect(refused == .invalidArgument)
      }
      let others = await code {
        _ = try await api.fetchJWTSVID(
          .with {
            $0.audience = ["x"]
            $0.spiffeID = "spiffe://frame-a.example/authority"
          }, metadata: Self.security)
      }
      #expect(others == .permissionDenied)
    }
  }

  @Test("this process gets what is entered for its own program, as the kernel names it")
  func program() async throws {
    try await serving { fixture, _, api in
      try await fixture.enter("/agent/other", .path("/bin/sleep".withCString { String(cString: realpath($0, nil)) }))
      #expect(
        await code { try await api.fetchX509SVID(.init(), metadata: Self.security) { _ = try await first($0) } }
          == .permissionDenied)
      let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      try await fixture.enter("/agent/me", .path(own), .uid(getuid()))
      let answer = try await api.fetchX509SVID(.init(), metadata: Self.security) { try await first($0) }
      #expect(answer.svids.map(\.spiffeID) == ["spiffe://frame-a.example/agent/me"])
    }
  }

  @Test("connections that one process holds idle do not keep a caller out: the oldest of them makes room")
  func crowd() async throws {
    try await serving(connectionsMax: 4) { fixture, _, client, path in
      try await fixture.enter("/agent/me", .uid(getuid()))
      let api = WLSpiffeWorkloadAPI.Client(wrapping: client)
      var silent: [FileHandle] = []
      for _ in 0..<8 { silent.append(try Self.connect(path)) }
      // The client's own connection may be the oldest idle one: then it makes room, and the client comes again.
      var svids = 0
      for _ in 0..<20 where svids == 0 {
        do {
          svids = try await api.fetchX509SVID(.init(), metadata: Self.security) { try await first($0) }.svids.count
        } catch let error as RPCError where error.code == .unavailable { continue }
      }
      #expect(svids == 1)
      // The first ones have been closed.
      while let bytes = try silent[0].read(upToCount: 1 << 16), !bytes.isEmpty {}
      withExtendedLifetime(silent) {}
    }
  }

  private static func connect(_ path: String) throws -> FileHandle {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }
}
