import Crypto
import Foundation
import FrameCore
import FrameMetrics
import Synchronization
import Testing
import X509

@testable import FrameIdentity

@Suite("An identity that comes from elsewhere")
struct ReceivedIdentityTests {
  let clock = ManualClock()
  let authority: FrameAuthority

  init() throws { authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock) }

  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? any FrameError)?.code ?? "\(error)" }
  }

  @Test("S9: an SVID and its key are read as the Workload API writes them")
  func read() throws {
    let issued = try authority.issueX509SVID(for: .node(of: Frames.a))
    let leaf = try issued.chainDER()[0]
    let root = try authority.bundle.x509Authorities[0].der()
    let read = try X509SVID(received: leaf + root, key: try issued.pkcs8)
    #expect(read.id == issued.id && read.chain.count == 2 && read.chain[0] == issued.chain[0])
    #expect(read.privateKey.rawRepresentation == issued.privateKey.rawRepresentation)
    #expect(read.notBefore == issued.notBefore && read.notAfter == issued.notAfter && read.authorityID == nil)
  }

  @Test("what does not parse, or does not belong together, is refused by name")
  func refused() throws {
    let issued = try authority.issueX509SVID(for: .node(of: Frames.a))
    let other = try authority.issueX509SVID(for: .node(of: Frames.a))
    let (leaf, key) = (try issued.chainDER()[0], try issued.pkcs8)
    func read(_ chain: Data, _ key: Data) -> String? { code { _ = try X509SVID(received: chain, key: key) } }
    #expect(read(Data(), key) == "received_svid_empty")
    for broken in [leaf.dropLast(), leaf + Data([0x30]), leaf + Data([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), Data([0])] {
      #expect(read(Data(broken), key) == "received_svid_malformed")
    }
    #expect(read((0..<9).reduce(into: Data()) { data, _ in data += leaf }, key) == "received_svid_too_long")
    #expect(read(leaf, try other.pkcs8) == "received_svid_other_key")
    #expect(read(leaf, Data([1, 2, 3])) == "received_svid_key_malformed")
    let nameless = try CertificateForge(root: .leaf([], at: clock.now()))
    #expect(read(try nameless.certificate.der(), key) == "no_uri_san")
    #expect(try SPIFFEBundle(received: Data(), of: Frames.a, max: 4).x509Authorities.isEmpty)
  }

  @Test("S11: JWT keys are read with and without `use`, and what is not one is left out")
  func jwtKeys() throws {
    let document = try authority.bundle.jwtDocument()
    let with = try SPIFFEBundle.jwtAuthorities(parsing: document, of: Frames.a)
    #expect(with == authority.bundle.jwtAuthorities)
    var members = try #require(try JSONSerialization.jsonObject(with: document) as? [String: Any])
    var keys = try #require(members["keys"] as? [[String: Any]])
    keys[0]["use"] = nil
    keys.append(keys[0])
    keys.append(["kty": "EC", "use": "x509-svid", "kid": "x"])
    keys.append(["kty": "EC"])
    members["keys"] = keys
    let bytes = try JSONSerialization.data(withJSONObject: members)
    #expect(try SPIFFEBundle.jwtAuthorities(parsing: Data(#"{"keys":null}"#.utf8), of: Frames.a).isEmpty)
    #expect(try SPIFFEBundle.jwtAuthorities(parsing: bytes, of: Frames.a) == with)
    #expect(code { _ = try SPIFFEBundle.jwtAuthorities(parsing: Data("[]".utf8), of: Frames.a) } == "bundle_malformed")
  }

  @Test("S5: a bundle's number stays while its keys do, grows when they change, and survives a restart")
  func numbering() throws {
    let now = FrameTime(unixNanoseconds: 2_000 * 1_000_000_000)
    func bundle() throws -> SPIFFEBundle {
      try authority.bundle.canonical(jwtAuthorities: authority.bundle.jwtAuthorities, refreshHint: .seconds(300))
    }
    let first = try BundleNumbering(bundle(), after: nil, floor: 7, now: now)
    #expect(first.sequence == 2_000, "time, when that is more than what others may have seen")
    #expect(try BundleNumbering(bundle(), after: first, floor: 7, now: now + .seconds(50)) == first)
    let stored = try #require(BundleNumbering(try first.stored(), of: Frames.a))
    #expect(stored == first)
    #expect(BundleNumbering(try first.stored(), of: Frames.b) == nil && BundleNumbering(Data(), of: Frames.a) == nil)
    try authority.rotate(.x509, .prepare, byOperator: true)
    // A clock that has gone back does not take the number with it.
    let second = try BundleNumbering(bundle(), after: stored, floor: 7, now: now - .seconds(1_000))
    #expect(second.sequence == 2_001)
    try authority.rotate(.jwt, .prepare, byOperator: true)
    #expect(try BundleNumbering(bundle(), after: second, floor: 7, now: now + .seconds(60)).sequence == 2_060)
    // Nor does a lost file, nor an authority that had counted further.
    #expect(try BundleNumbering(bundle(), after: nil, floor: 0, now: now + .seconds(61)).sequence == 2_061)
    #expect(try BundleNumbering(bundle(), after: second, floor: 9_000, now: now).sequence == 9_001)
  }

  @Test("equal keys make equal bytes, in whatever order they come")
  func canonical() throws {
    try authority.rotate(.x509, .prepare, byOperator: true)
    let ders = try authority.bundle.x509Authorities.map { try $0.der() }
    func bytes(_ ders: [Data]) throws -> Data {
      let received = try SPIFFEBundle(received: ders.reduce(into: Data()) { $0 += $1 }, of: Frames.a, max: 8)
      return try received.canonical(jwtAuthorities: [], refreshHint: .seconds(1)).serialized()
    }
    #expect(try bytes(ders) == bytes(ders.reversed()) && bytes(ders) == bytes(ders + ders))
  }

  @Test("an SVID that is sent is taken when it comes, and never asked for")
  func pushed() async throws {
    let latest = Mutex(try authority.issueX509SVID(for: .node(of: Frames.a)))
    let (changes, continuation) = AsyncStream.makeStream(of: SPIFFEBundle.self)
    let registry = MetricRegistry()
    let source = try SVIDSource(
      first: latest.withLock { $0 }, clock: clock, metrics: IdentityMetrics(registry),
      watch: SVIDSource.Watch(
        changes: { changes }, isStale: { held in latest.withLock { $0.chain != held.chain } }),
      renewsByItself: false, issue: { latest.withLock { $0 } })
    let first = source.current
    let renewals = source.renewals()
    let service = Task { try await source.run() }
    continuation.yield(authority.bundle)
    clock.advance(by: .seconds(3000))
    let next = try authority.issueX509SVID(for: .node(of: Frames.a))
    latest.withLock { $0 = next }
    continuation.yield(authority.bundle)
    var iterator = renewals.makeAsyncIterator()
    #expect(await iterator.next()?.chain == next.chain, "half of its life alone has changed nothing")
    #expect(source.current.chain == next.chain && first.chain != next.chain)
    service.cancel()
    try await service.value
  }

  @Test("the key that a token names is read without believing anything")
  func keyID() async throws {
    let token = try await authority.issueJWTSVID(for: .authority(of: Frames.a), audience: ["x"]).token
    #expect(JWTSVIDVerifier.keyID(of: token) == authority.activeID(.jwt))
    for text in ["", "a.b.c", "e30.e30.", String(repeating: "a", count: 9000)] {
      #expect(JWTSVIDVerifier.keyID(of: text) == nil)
    }
  }
}
