import Crypto
import Foundation
import FrameCore
import Testing

@testable import FrameIdentity

@Suite("Documents signed with an SVID")
struct SVIDSignatureTests {
  let clock = ManualClock()
  let a: FrameAuthority
  let b: FrameAuthority
  let svid: X509SVID
  let document = Data(#"{"trust_domain":"frame-a.example"}"#.utf8)

  init() throws {
    a = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    b = try FrameAuthority.ephemeral(frame: Frames.b, clock: clock)
    svid = try a.issueX509SVID(for: .node(of: Frames.a))
  }

  private func verify(
    _ signature: SVIDSignature, _ document: Data? = nil, purpose: String = "ws3/invitation",
    bundle: SPIFFEBundle? = nil, expecting: ExpectedID = .exactly(.node(of: Frames.a))
  ) async throws -> SPIFFEID {
    let verifier = SPIFFEVerifier(bundles: bundle ?? a.bundle, clock: clock)
    return try await signature.verify(document ?? self.document, purpose: purpose, by: verifier, expecting: expecting)
  }

  @Test("a signature names its signer to whoever holds the signer's bundle, also after a trip through JSON")
  func accepts() async throws {
    let signature = try SVIDSignature.sign(document, purpose: "ws3/invitation", with: svid)
    let copy = try JSONDecoder().decode(SVIDSignature.self, from: JSONEncoder().encode(signature))
    #expect(copy == signature)
    #expect(try await verify(copy) == .node(of: Frames.a))
  }

  @Test("another document, another purpose and a changed signature are refused")
  func forged() async throws {
    let signature = try SVIDSignature.sign(document, purpose: "ws3/invitation", with: svid)
    await #expect(throws: SVIDSignatureError.invalid(svid.id)) { try await verify(signature, document + Data([0])) }
    await #expect(throws: SVIDSignatureError.invalid(svid.id)) {
      try await verify(signature, purpose: "ws3/revocation")
    }
    let bad = SVIDSignature(chain: signature.chain, signature: Data([0x30, 0]))
    await #expect(throws: SVIDSignatureError.invalid(svid.id)) { try await verify(bad) }
    // The boundary between purpose and document cannot be moved.
    let shifted = try SVIDSignature.sign(Data("xy".utf8), purpose: "p", with: svid)
    await #expect(throws: SVIDSignatureError.invalid(svid.id)) {
      try await verify(shifted, Data("y".utf8), purpose: "px")
    }
  }

  @Test("S3: the signer must be vouched for by the bundle of its own trust domain, and be the expected one")
  func signer() async throws {
    let signature = try SVIDSignature.sign(document, purpose: "ws3/invitation", with: svid)
    await #expect { try await verify(signature, bundle: b.bundle) } throws: {
      ($0 as? SPIFFERefusal)?.reason == .unknownTrustDomain
    }
    await #expect { try await verify(signature, expecting: .exactly(.authority(of: Frames.a))) } throws: {
      ($0 as? SPIFFERefusal)?.reason == .unexpectedID
    }
    let other = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock).issueX509SVID(for: .node(of: Frames.a))
    let stolen = SVIDSignature(
      chain: signature.chain,
      signature: try SVIDSignature.sign(document, purpose: "ws3/invitation", with: other).signature)
    await #expect(throws: SVIDSignatureError.invalid(svid.id)) { try await verify(stolen) }
    await #expect { try await verify(SVIDSignature(chain: [], signature: signature.signature)) } throws: {
      ($0 as? SPIFFERefusal)?.reason == .noCertificate
    }
    clock.advance(by: .seconds(3601))
    await #expect { try await verify(signature) } throws: { ($0 as? SPIFFERefusal)?.reason == .expired }
  }
}
