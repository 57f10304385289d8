import Crypto
import Foundation
import FrameCore
import Testing
import X509

@testable import FrameIdentity

@Suite("SPIFFE verification of X.509-SVIDs")
struct SPIFFEVerifierTests {
  let clock = ManualClock()
  var now: FrameTime { clock.now() }

  private func root(_ frame: FrameID = Frames.a) throws -> CertificateForge {
    try CertificateForge(root: .authority(["spiffe://\(frame)"], at: now))
  }

  private func verifier(_ bundles: SPIFFEBundle...) -> SPIFFEVerifier {
    SPIFFEVerifier(bundles: BundleSet(bundles), clock: clock)
  }

  /// The reason why a leaf of this form is refused; nil when it is accepted.
  private func refusal(
    of form: CertificateForge.Form, expecting: ExpectedID = .any
  ) async throws -> SPIFFERefusal.Reason? {
    let root = try root()
    let leaf = try CertificateForge(form, by: root)
    do {
      _ = try await verifier(SPIFFEBundle(Frames.a, [root.certificate])).verify(
        [leaf.certificate], expecting: expecting)
      return nil
    } catch { return error.reason }
  }

  private var good: CertificateForge.Form { .leaf(["spiffe://frame-a.example/node"], at: now) }

  @Test("an SVID of the authority is accepted by the authority's bundle, and its chain ends in that authority")
  func acceptsOwnSVID() async throws {
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    let peer = try await verifier(authority.bundle).verify(der: svid.chainDER(), expecting: .anyNode)
    #expect(peer.id == .node(of: Frames.a))
    #expect(peer.chain == [svid.chain[0], authority.x509Authorities[0].certificate])
  }

  @Test("S2: what the authority issues has one URI name, digitalSignature alone, both usages, and starts 10 s back")
  func issuedForm() throws {
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    let leaf = svid.chain[0]
    #expect(try leaf.uriNames() == ["spiffe://frame-a.example/node"])
    let usage = try #require(try leaf.extensions.keyUsage)
    #expect(usage == KeyUsage(digitalSignature: true))
    let extended = try #require(try leaf.extensions.extendedKeyUsage)
    #expect(Set(extended) == [.serverAuth, .clientAuth])
    #expect(try leaf.extensions.basicConstraints == .notCertificateAuthority)
    #expect(svid.notBefore == now - .seconds(10))
    #expect(svid.notAfter == now + .seconds(3600))
    #expect(FrameTime(leaf.notValidBefore) == svid.notBefore && FrameTime(leaf.notValidAfter) == svid.notAfter)
    let root = authority.x509Authorities[0].certificate
    #expect(try SPIFFEID(uriNameOf: root) == .trustDomain(Frames.a))
    #expect(try root.extensions.keyUsage == KeyUsage(keyCertSign: true, cRLSign: true))
  }

  @Test("S2: the authority issues only ids of its own trust domain, with a path, with a possible lifetime")
  func issueRefusals() async throws {
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    #expect(throws: IssueError.otherTrustDomain(.node(of: Frames.b), Frames.a)) {
      try authority.issueX509SVID(for: .node(of: Frames.b))
    }
    #expect(throws: IssueError.noPath(.trustDomain(Frames.a))) {
      try authority.issueX509SVID(for: .trustDomain(Frames.a))
    }
    #expect(throws: IssueError.lifetime(.zero)) {
      try authority.issueX509SVID(for: .node(of: Frames.a), lifetime: .zero)
    }
    clock.advance(by: FrameAuthority.authorityLifetime)
    #expect(throws: IssueError.authorityExpired(Frames.a)) { try authority.issueX509SVID(for: .node(of: Frames.a)) }
  }

  @Test("S2: an SVID never outlives the authority that signed it")
  func cappedLifetime() throws {
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    clock.advance(by: FrameAuthority.authorityLifetime - .seconds(60))
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    #expect(svid.notAfter == authority.x509Authorities[0].notAfter)
  }

  @Test("S2: a well-formed leaf is accepted, also with a DNS name beside its id and without extended key usage")
  func positiveControl() async throws {
    var form = good
    #expect(try await refusal(of: form) == nil)
    form.otherNames = [.dnsName("frame-a.example")]
    form.extended = nil
    #expect(try await refusal(of: form) == nil)
  }

  @Test("S2, S17: two URI names, or none, are refused")
  func uriNames() async throws {
    var form = good
    form.uris.append("spiffe://frame-a.example/other")
    #expect(try await refusal(of: form) == .severalURINames)
    form.uris = []
    form.otherNames = [.dnsName("frame-a.example")]
    #expect(try await refusal(of: form) == .noURIName)
  }

  @Test(
    "S1: a certificate whose id is not canonical is refused",
    arguments: [
      "SPIFFE://frame-a.example/node", "spiffe://Frame-A.example/node", "https://frame-a.example/node",
      "spiffe://frame-a.example/node/", "spiffe://frame-a.example//node", "spiffe://frame-a.example/../node",
      "spiffe://frame-a.example/./node", "spiffe://frame-a.example/n%6fde", "spiffe://frame-a.example:443/node",
      "spiffe://user@frame-a.example/node", "spiffe://frame-a.example/node?x=1", "spiffe://frame-a.example/node#x",
      "spiffe:///node", "spiffe://frame-a.example/n de", "spiffe://" + String(repeating: "a", count: 256) + "/node",
      "spiffe://frame-a.example/" + String(repeating: "a", count: 2048),
    ])
  func nonCanonicalID(_ uri: String) async throws {
    var form = good
    form.uris = [uri]
    #expect(try await refusal(of: form) == .invalidID)
  }

  @Test("S2, S17: a leaf whose id has no path is refused")
  func noPath() async throws {
    var form = good
    form.uris = ["spiffe://frame-a.example"]
    #expect(try await refusal(of: form) == .leafWithoutPath)
  }

  @Test("S2, S17: a CA presented as a leaf is refused, even the very authority of the bundle")
  func leafIsAuthority() async throws {
    var form = good
    form.isAuthority = true
    #expect(try await refusal(of: form) == .leafIsAuthority)
    let root = try root()
    await #expect {
      try await verifier(SPIFFEBundle(Frames.a, [root.certificate])).verify([root.certificate])
    } throws: {
      ($0 as? SPIFFERefusal)?.reason == .leafIsAuthority
    }
  }

  @Test("S2, S17: a leaf without digitalSignature, or without key usage, is refused")
  func leafKeyUsage() async throws {
    var form = good
    form.usage = KeyUsage(keyEncipherment: true)
    #expect(try await refusal(of: form) == .leafKeyUsage)
    form.usage = nil
    #expect(try await refusal(of: form) == .leafKeyUsage)
  }

  @Test(
    "S2, S17: a leaf that may sign certificates or revocation lists is refused",
    arguments: [
      KeyUsage(digitalSignature: true, keyCertSign: true), KeyUsage(digitalSignature: true, cRLSign: true),
    ])
  func leafMaySign(_ usage: KeyUsage) async throws {
    var form = good
    form.usage = usage
    #expect(try await refusal(of: form) == .leafMaySign)
  }

  @Test(
    "S2: an extended key usage without both server and client authentication is refused",
    arguments: [[ExtendedKeyUsage.Usage.serverAuth], [.clientAuth], [.codeSigning]])
  func extendedKeyUsage(_ usages: [ExtendedKeyUsage.Usage]) async throws {
    var form = good
    form.extended = usages
    #expect(try await refusal(of: form) == .leafExtendedKeyUsage)
  }

  @Test("S2: a critical extension that is not understood is refused")
  func unknownCritical() async throws {
    var form = good
    form.unknownCritical = true
    #expect(try await refusal(of: form) == .unknownCriticalExtension)
  }

  @Test("S2: expired and not yet valid are told apart, and the last second still counts")
  func validity() async throws {
    var form = good
    form.notAfter = now
    #expect(try await refusal(of: form) == nil)
    form.notAfter = now - .seconds(1)
    #expect(try await refusal(of: form) == .expired)
    form = good
    form.notBefore = now
    #expect(try await refusal(of: form) == nil)
    form.notBefore = now + .seconds(1)
    #expect(try await refusal(of: form) == .notYetValid)
  }

  @Test("S2: a leaf under an expired authority is refused, by the injected clock")
  func expiredAuthority() async throws {
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    let verifier = verifier(authority.bundle)
    _ = try await verifier.verify(svid.chain)
    let then = clock.now()
    clock.advance(by: .seconds(3601))
    await #expect { try await verifier.verify(svid.chain) } throws: { ($0 as? SPIFFERefusal)?.reason == .expired }
    // What was accepted then is asked about as of then.
    #expect(try await verifier.verify(svid.chain, at: then).id == svid.id)
  }

  @Test("S2, S17: a signer that is no CA, may not sign, or has an id with a path or of another domain, is refused")
  func signers() async throws {
    func refusal(_ change: (inout CertificateForge.Form) -> Void) async throws -> SPIFFERefusal.Reason? {
      let root = try root()
      var form = CertificateForge.Form.authority(["spiffe://frame-a.example"], at: now)
      change(&form)
      let middle = try CertificateForge(form, by: root, name: "intermediate")
      let leaf = try CertificateForge(good, by: middle)
      do {
        _ = try await verifier(SPIFFEBundle(Frames.a, [root.certificate])).verify([
          leaf.certificate, middle.certificate,
        ])
        return nil
      } catch { return error.reason }
    }
    #expect(try await refusal { _ in } == nil)
    #expect(try await refusal { $0.uris = [] } == nil)
    #expect(try await refusal { $0.isAuthority = false } == .signerNotAuthority)
    #expect(try await refusal { $0.usage = KeyUsage(cRLSign: true) } == .signerKeyUsage)
    #expect(try await refusal { $0.usage = nil } == .signerKeyUsage)
    #expect(try await refusal { $0.uris = ["spiffe://frame-a.example/ca"] } == .signerID)
    #expect(try await refusal { $0.uris = ["spiffe://frame-b.example"] } == .signerID)
    #expect(try await refusal { $0.uris += ["spiffe://frame-a.example"] } == .signerID)
    #expect(try await refusal { $0.notAfter = now - .seconds(1) } == .expired)
  }

  @Test("S2: the authority's own SVIDs cannot sign: a certificate issued under a leaf is refused")
  func leafAsSigner() async throws {
    let root = try root()
    let leaf = try CertificateForge(good, by: root, name: "middle")
    let forged = try CertificateForge(.leaf(["spiffe://frame-a.example/authority"], at: now), by: leaf)
    await #expect {
      try await verifier(SPIFFEBundle(Frames.a, [root.certificate])).verify([forged.certificate, leaf.certificate])
    } throws: { ($0 as? SPIFFERefusal)?.reason == .signerNotAuthority }
  }

  @Test("S3: a chain that ends in another peer's root is refused, though that peer is trusted")
  func crossDomain() async throws {
    let a = try root(Frames.a)
    let b = try root(Frames.b)
    let both = verifier(SPIFFEBundle(Frames.a, [a.certificate]), SPIFFEBundle(Frames.b, [b.certificate]))
    let honest = try CertificateForge(.leaf(["spiffe://frame-b.example/node"], at: now), by: b)
    #expect(try await both.verify([honest.certificate]).id == .node(of: Frames.b))
    // B signs an id of A.
    let forged = try CertificateForge(.leaf(["spiffe://frame-a.example/node"], at: now), by: b)
    for chain in [[forged.certificate], [forged.certificate, b.certificate]] {
      await #expect { try await both.verify(chain) } throws: {
        ($0 as? SPIFFERefusal)?.reason == .untrustedAuthority
      }
    }
  }

  @Test("S3: an id of a trust domain without a bundle is refused, and so is every id once the bundle is removed")
  func unknownDomain() async throws {
    let root = try root()
    let bundles = BundleSet([SPIFFEBundle(Frames.a, [root.certificate])])
    let verifier = SPIFFEVerifier(bundles: bundles, clock: clock)
    let leaf = try CertificateForge(good, by: root).certificate
    _ = try await verifier.verify([leaf])
    bundles.remove(Frames.a)
    await #expect { try await verifier.verify([leaf]) } throws: {
      ($0 as? SPIFFERefusal)?.reason == .unknownTrustDomain
    }
  }

  @Test("S3: an authority of the same name with another key proves nothing, and an empty bundle trusts nobody")
  func samNameOtherKey() async throws {
    let real = try root()
    let impostor = try root()
    let leaf = try CertificateForge(good, by: impostor).certificate
    for authorities in [[real.certificate], []] {
      await #expect {
        try await verifier(SPIFFEBundle(Frames.a, authorities)).verify([leaf, impostor.certificate])
      } throws: { ($0 as? SPIFFERefusal)?.reason == .untrustedAuthority }
    }
  }

  @Test("S3: a leaf that stands in the bundle itself is not trusted for that")
  func pinnedLeaf() async throws {
    let leaf = try CertificateForge(root: good)
    await #expect {
      try await verifier(SPIFFEBundle(Frames.a, [leaf.certificate])).verify([leaf.certificate])
    } throws: { ($0 as? SPIFFERefusal)?.reason == .untrustedAuthority }
  }

  @Test("S3: the id is compared exactly after the chain has been proved")
  func expectedID() async throws {
    #expect(try await refusal(of: good, expecting: .exactly(.node(of: Frames.a))) == nil)
    #expect(try await refusal(of: good, expecting: .exactly(.authority(of: Frames.a))) == .unexpectedID)
    #expect(try await refusal(of: good, expecting: .exactly(.node(of: Frames.b))) == .unexpectedID)
    #expect(try await refusal(of: good, expecting: .anyNode) == nil)
    #expect(try await refusal(of: good, expecting: .matching { _ in false }) == .unexpectedID)
    var agent = good
    agent.uris = ["spiffe://frame-a.example/agent/alice"]
    #expect(try await refusal(of: agent, expecting: .anyNode) == .unexpectedID)
  }

  @Test("no certificate, one that does not parse, and a chain without end are refused")
  func malformed() async throws {
    let root = try root()
    let verifier = verifier(SPIFFEBundle(Frames.a, [root.certificate]))
    let leaf = try CertificateForge(good, by: root).certificate
    await #expect { try await verifier.verify([]) } throws: { ($0 as? SPIFFERefusal)?.reason == .noCertificate }
    await #expect { try await verifier.verify(der: [Data([0x30, 1])]) } throws: {
      ($0 as? SPIFFERefusal)?.reason == .malformedCertificate
    }
    let long = Array(repeating: leaf, count: SPIFFEVerifier.chainLimit + 1)
    await #expect { try await verifier.verify(long) } throws: { ($0 as? SPIFFERefusal)?.reason == .chainTooLong }
  }

  @Test("every refusal has its own code, a message and a remedy")
  func codes() {
    let codes = SPIFFERefusal.Reason.allCases.map(\.rawValue)
    #expect(Set(codes).count == codes.count)
    for reason in SPIFFERefusal.Reason.allCases {
      let refusal = SPIFFERefusal(reason, "the detail")
      #expect(refusal.message.contains("the detail") && !refusal.remedy.isEmpty)
    }
  }
}
