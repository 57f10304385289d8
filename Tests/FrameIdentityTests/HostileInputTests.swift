import Crypto
import Foundation
import FrameCore
import Testing
import X509

@testable import FrameIdentity

/// What peers send is read before it is trusted: no input may do more than be refused.
@Suite("Hostile input")
struct HostileInputTests {
  let clock = ManualClock()
  let authority: FrameAuthority

  init() throws { authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock) }

  /// SplitMix64: the same changes in every run.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return z ^ z >> 31
    }
  }

  private func mutated(_ data: Data, _ generator: inout Generator) -> Data {
    var bytes = Array(data)
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &generator)
      switch UInt8.random(in: 0..<4, using: &generator) {
      case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[index] = UInt8.random(in: 0...255, using: &generator)
      case 2: bytes.remove(at: index)
      default: bytes.insert(bytes[index], at: index)
      }
    }
    return Data(bytes)
  }

  @Test(
    "a changed bundle document parses or is refused, and never gains an authority that was not in it",
    arguments: [1, 2, 3] as [UInt64])
  func bundles(_ seed: UInt64) throws {
    let document = try authority.bundle.serialized()
    var generator = Generator(state: seed)
    for _ in 0..<400 {
      do { _ = try SPIFFEBundle(parsing: mutated(document, &generator), of: Frames.a) } catch {
        #expect(!error.message.isEmpty)
      }
    }
  }

  @Test("a changed SVID is refused or is still the same id", arguments: [1, 2, 3] as [UInt64])
  func chains(_ seed: UInt64) async throws {
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    let der = try svid.chainDER()[0]
    let verifier = SPIFFEVerifier(bundles: authority.bundle, clock: clock)
    var generator = Generator(state: seed)
    for _ in 0..<300 {
      // Only a change outside the signed part (a signature encoded otherwise) can be accepted.
      if let peer = try? await verifier.verify(der: [mutated(der, &generator)]) { #expect(peer.id == svid.id) }
    }
  }

  @Test("a changed token is refused", arguments: [1, 2, 3] as [UInt64])
  func tokens(_ seed: UInt64) async throws {
    let issued = try await authority.issueJWTSVID(for: .authority(of: Frames.a), audience: ["x"])
    let verifier = JWTSVIDVerifier(bundles: authority.bundle, audiences: ["x"], clock: clock)
    var generator = Generator(state: seed)
    for _ in 0..<300 {
      let token = String(decoding: mutated(Data(issued.token.utf8), &generator), as: UTF8.self)
      guard token != issued.token else { continue }
      await #expect(throws: JWTSVIDRefusal.self) { try await verifier.verify(token) }
    }
  }

  @Test("a certificate until the end of the year 9999 is a certificate like another")
  func farFuture() async throws {
    let end = FrameTime(Date(timeIntervalSince1970: 253_402_300_799))
    #expect(end.unixNanoseconds == .max)
    let root = try Self.eternalRoot()
    let bundle = SPIFFEBundle(Frames.a, [root.certificate])
    #expect(bundle.earliestExpiry == end)
    #expect(try SPIFFEBundle(parsing: bundle.serialized(), of: Frames.a).x509Authorities == [root.certificate])
    let leaf = try CertificateForge(.leaf(["spiffe://frame-a.example/node"], at: clock.now()), by: root)
    _ = try await SPIFFEVerifier(bundles: bundle, clock: clock).verify([leaf.certificate])
  }

  /// RFC 5280 §4.1.2.5: 99991231235959Z says that there is no end.
  private static func eternalRoot() throws -> CertificateForge {
    try CertificateForge(
      root: .authority(["spiffe://frame-a.example"], at: ManualClock().now()), name: "eternal",
      until: Date(timeIntervalSince1970: 253_402_300_799))
  }

  @Test("control characters of a peer do not reach messages")
  func controlCharacters() {
    let refusal = SPIFFERefusal(.invalidID, "a\nb\u{1b}[31mc\u{0}")
    #expect(refusal.detail == #"a\u{A}b\u{1B}[31mc\u{0}"#)
    #expect(!JWTSVIDRefusal.type("x\ny").message.contains("\n"))
    #expect(!JWTSVIDRefusal.audience(["x\ny"]).message.contains("\n"))
  }
}
