import Crypto
import Foundation
import FrameCore
import Testing
import X509

@testable import FrameIdentity

@Suite("SPIFFE bundles")
struct SPIFFEBundleTests {
  let clock = ManualClock()
  let authority: FrameAuthority

  init() throws { authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock) }

  private func document(_ change: (inout [String: Any]) -> Void = { _ in }) throws -> Data {
    let data = try authority.bundle.serialized()
    var members = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    change(&members)
    return try JSONSerialization.data(withJSONObject: members)
  }

  private func keys(_ change: (inout [[String: Any]]) -> Void) throws -> SPIFFEBundle {
    let data = try document { members in
      var keys = members["keys"] as? [[String: Any]] ?? []
      change(&keys)
      members["keys"] = keys
    }
    return try SPIFFEBundle(parsing: data, of: Frames.a)
  }

  @Test("S5: our document is a JWKS: x509-svid with one x5c and no kid, jwt-svid with kid, sequence, hint in seconds")
  func documentForm() throws {
    let members = try #require(
      try JSONSerialization.jsonObject(with: authority.bundle.serialized()) as? [String: Any])
    #expect(members["spiffe_sequence"] as? Int == 1)
    #expect(members["spiffe_refresh_hint"] as? Int == 300)
    let keys = try #require(members["keys"] as? [[String: Any]])
    #expect(keys.count == 2)
    #expect(keys[0]["use"] as? String == "x509-svid")
    #expect((keys[0]["x5c"] as? [String])?.count == 1)
    #expect(keys[0]["kid"] == nil)
    #expect(keys[0]["kty"] as? String == "EC" && keys[0]["crv"] as? String == "P-256")
    #expect(keys[1]["use"] as? String == "jwt-svid")
    #expect(keys[1]["kid"] as? String == authority.bundle.jwtAuthorities[0].keyID)
    #expect(keys.allSatisfy { $0["d"] == nil })
  }

  @Test("S5: a document parses to the bundle it was made from, and the same bundle has the same bytes")
  func roundTrip() throws {
    let bundle = authority.bundle
    let data = try bundle.serialized()
    let parsed = try SPIFFEBundle(parsing: data, of: Frames.a)
    #expect(parsed == bundle)
    #expect(parsed.ignored.isEmpty)
    #expect(try parsed.serialized() == data)
    #expect(parsed.fingerprint == bundle.fingerprint)
  }

  @Test(
    "S11, S17: one bad key drops that entry only",
    arguments: [
      (["use": "x509-svid"], "kty"), (["use": "x509-svid", "kty": "EC"], "x5c"),
      (["use": "x509-svid", "kty": "EC", "x5c": [String]()], "x5c"),
      (["use": "x509-svid", "kty": "EC", "x5c": ["AAAA"]], "parse"),
      (["use": "x509-svid", "kty": "EC", "x5c": ["%%"]], "parse"),
      (["use": "x509-svid", "kty": "XX", "x5c": ["AAAA"]], "kty"), (["kty": "EC"], "use"),
      (["use": "wit-svid", "kty": "EC", "kid": "k"], "use"), (["use": 7, "kty": "EC"], "use"),
      (["use": "jwt-svid", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"], "kid"),
      (["use": "jwt-svid", "kty": "EC", "kid": "", "crv": "P-256"], "kid"),
      (["use": "jwt-svid", "kty": "EC", "kid": "k", "crv": "P-256", "x": "AA", "y": "AA"], "parse"),
      (["use": "jwt-svid", "kty": "oct", "kid": "k", "k": "AAAA"], "kty"),
      (["use": "jwt-svid", "kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"], "parse"),
      (["use": "jwt-svid", "kty": "OKP", "kid": "k", "crv": "Ed25519", "x": "AA"], "parse"),
      (["use": "jwt-svid", "kty": "EC", "kid": "k", "crv": "P-256", "d": "AA"], "private"),
    ] as [([String: any Sendable], String)])
  func badEntry(_ entry: [String: any Sendable], _ word: String) throws {
    let parsed = try keys { $0.insert(entry as [String: Any], at: 1) }
    #expect(parsed.x509Authorities == authority.bundle.x509Authorities)
    #expect(parsed.jwtAuthorities == authority.bundle.jwtAuthorities)
    #expect(parsed.ignored.count == 1 && parsed.ignored[0].index == 1)
    #expect(parsed.ignored[0].reason.contains(word), "\(parsed.ignored[0])")
  }

  @Test(
    "S11: a key with a member twice is left out alone, a document with one twice is refused; unknown members are allowed"
  )
  func twice() throws {
    let text = String(decoding: try authority.bundle.serialized(), as: UTF8.self)
    let extra = #"{"keys":[{"use":"jwt-svid","kty":"EC","kid":"a","k\u0069d":"b","crv":"P-256"},"#
    let parsed = try SPIFFEBundle(parsing: Data(text.replacing(#"{"keys":["#, with: extra).utf8), of: Frames.a)
    #expect(parsed.x509Authorities == authority.bundle.x509Authorities)
    #expect(parsed.jwtAuthorities == authority.bundle.jwtAuthorities)
    #expect(parsed.ignored.map(\.reason) == ["'kid' is there twice"])
    let open = text.replacing(#"{"keys":["#, with: #"{"more":{"a":[1]},"keys":["#)
    #expect(try SPIFFEBundle(parsing: Data(open.utf8), of: Frames.a).ignored.isEmpty)
    for document in [
      text.replacing(#"{"keys":["#, with: #"{"keys":[],"keys":["#),
      text.replacing(#"{"keys":["#, with: #"{"k\u0065ys":[],"keys":["#),
      "\u{feff}" + text, text.replacing(#"],"#, with: #",],"#), text + "x",
    ] {
      #expect(document != text)
      #expect { try SPIFFEBundle(parsing: Data(document.utf8), of: Frames.a) } throws: {
        ($0 as? BundleError)?.code == "bundle_malformed"
      }
    }
    #expect(throws: BundleError.self) {
      try SPIFFEBundle.jwtAuthorities(parsing: Data(#"{"keys":[],"keys":[]}"#.utf8), of: Frames.a)
    }
  }

  @Test("S11, S17: of several x5c certificates the first is used")
  func severalCertificates() throws {
    let other = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock).x509Authorities[0].certificate
    let parsed = try keys {
      let first = ($0[0]["x5c"] as? [String]) ?? []
      $0[0]["x5c"] = first + [try! other.der().base64EncodedString()]  // It was made a line above.
    }
    #expect(parsed.x509Authorities == authority.bundle.x509Authorities)
  }

  @Test("S11: a document without keys, or that is none, is refused")
  func noKeys() throws {
    for text in ["", "{}", "[]", "null", #"{"keys":{}}"#, #"{"keys":null}"#, "{", "<html>", #"{"spiffe_sequence":1}"#] {
      #expect { try SPIFFEBundle(parsing: Data(text.utf8), of: Frames.a) } throws: {
        ($0 as? BundleError)?.code == "bundle_malformed"
      }
    }
  }

  @Test("S7: a document whose keys are all unusable is refused: it is broken, not a revocation")
  func nothingUsable() throws {
    let text = #"{"keys":[{"use":"x509-svid","kty":"EC"},17]}"#
    #expect { try SPIFFEBundle(parsing: Data(text.utf8), of: Frames.a) } throws: {
      ($0 as? BundleError)?.code == "bundle_without_usable_key"
    }
  }

  @Test(
    "S5: a sequence or hint that is not a whole number refuses the document",
    arguments: [-1, 1.5, "1", true] as [any Sendable])
  func badNumbers(_ value: any Sendable) throws {
    for name in ["spiffe_sequence", "spiffe_refresh_hint"] {
      let data = try document { $0[name] = value }
      #expect(throws: BundleError.malformed(Frames.a, why: "'\(name)' is not a whole number")) {
        try SPIFFEBundle(parsing: data, of: Frames.a)
      }
    }
  }

  @Test("S5: the largest sequence survives, and both numbers may be absent")
  func numbers() throws {
    let text = #"{"keys":[],"spiffe_sequence":18446744073709551615}"#
    #expect(try SPIFFEBundle(parsing: Data(text.utf8), of: Frames.a).sequence == .max)
    let none = try SPIFFEBundle(
      parsing: document {
        $0["spiffe_sequence"] = nil; $0["spiffe_refresh_hint"] = nil
      }, of: Frames.a)
    #expect(none.sequence == nil && none.refreshHint == nil)
  }

  @Test("S13: without a hint a bundle is refreshed every 5 minutes; a hint is bounded to a minute and 24 h")
  func refreshInterval() throws {
    func interval(_ hint: Int?) throws -> Duration {
      try SPIFFEBundle(parsing: document { $0["spiffe_refresh_hint"] = hint }, of: Frames.a).refreshInterval
    }
    #expect(try interval(nil) == .seconds(300))
    #expect(try interval(60) == .seconds(60))
    #expect(try interval(0) == .seconds(60))
    #expect(try interval(1) == .seconds(60))
    #expect(try interval(1_000_000) == .seconds(86_400))
    #expect(try interval(Int.max) == .seconds(86_400))
  }

  @Test("S13: a document over 1 MiB is refused unread")
  func tooLarge() {
    let data = Data(repeating: 0x20, count: SPIFFEBundle.documentLimit + 1)
    #expect(throws: BundleError.tooLarge(Frames.a, data.count)) { try SPIFFEBundle(parsing: data, of: Frames.a) }
  }

  @Test("the fingerprint is that of the sorted authorities: order, JWT keys and sequence do not change it")
  func fingerprint() throws {
    let one = authority.x509Authorities[0].certificate
    let two = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock).x509Authorities[0].certificate
    let forward = SPIFFEBundle(Frames.a, [one, two], sequence: 1)
    let backward = SPIFFEBundle(Frames.a, [two, one], jwt: authority.bundle.jwtAuthorities, sequence: 9)
    #expect(forward.fingerprint == backward.fingerprint)
    #expect(forward.fingerprint != authority.bundle.fingerprint)
    let digests = try [one, two].map { Data(SHA256.hash(data: try $0.der())) }
      .sorted { $0.lexicographicallyPrecedes($1) }
    let expected = SHA256.hash(data: digests[0] + digests[1]).map { String(format: "%02x", $0) }.joined()
    #expect(forward.fingerprint.description == "SHA256:" + expected)
    #expect(try BundleFingerprint(forward.fingerprint.description) == forward.fingerprint)
    #expect(try BundleFingerprint("SHA256:" + expected.uppercased()) == forward.fingerprint)
    for text in [
      "", "SHA256:", expected, "SHA256:" + expected.dropLast(), "sha256:" + expected, "SHA256:" + expected + "0",
    ] {
      #expect(throws: BundleError.fingerprint(text)) { try BundleFingerprint(text) }
    }
  }

  // MARK: Replacement

  private func held(_ sequence: UInt64?) -> SPIFFEBundle {
    SPIFFEBundle(
      Frames.a, authority.bundle.x509Authorities, jwt: authority.bundle.jwtAuthorities, sequence: sequence)
  }

  private func other(_ sequence: UInt64?) throws -> SPIFFEBundle {
    let fresh = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock).bundle
    return SPIFFEBundle(Frames.a, fresh.x509Authorities, jwt: fresh.jwtAuthorities, sequence: sequence)
  }

  @Test("S7, S12: a lower or vanished sequence never replaces a higher one")
  func rollback() throws {
    #expect(throws: BundleError.rollback(Frames.a, held: 5, received: 4)) {
      try held(5).replacement(for: other(4), authenticated: true)
    }
    #expect(throws: BundleError.rollback(Frames.a, held: 5, received: nil)) {
      try held(5).replacement(for: other(nil), authenticated: true)
    }
    #expect(throws: BundleError.rollback(Frames.a, held: 5, received: 4)) {
      try held(5).replacement(for: held(4), authenticated: true)
    }
  }

  @Test("S12: other keys under the same sequence are told apart from nothing new and from an update")
  func sameSequence() throws {
    #expect(try held(5).replacement(for: held(5), authenticated: true) == .unchanged)
    #expect(try held(5).replacement(for: other(5), authenticated: true) == .changedUnderSameSequence)
    #expect(try held(5).replacement(for: other(6), authenticated: true) == .updated)
    #expect(try held(5).replacement(for: held(6), authenticated: true) == .updated)
    #expect(try held(nil).replacement(for: held(nil), authenticated: true) == .unchanged)
    #expect(try held(nil).replacement(for: other(nil), authenticated: true) == .updated)
    #expect(try held(nil).replacement(for: other(1), authenticated: true) == .updated)
  }

  @Test("S7: a bundle of another trust domain never replaces or joins one")
  func otherDomain() throws {
    let foreign = try FrameAuthority.ephemeral(frame: Frames.b, clock: clock).bundle
    #expect(throws: BundleError.otherTrustDomain(held: Frames.a, received: Frames.b)) {
      try held(1).replacement(for: foreign, authenticated: true)
    }
    let set = BundleSet([held(1), foreign])
    #expect(set.bundle(for: Frames.a) == held(1) && set.bundle(for: Frames.b) == foreign)
    #expect(foreign.bundle(for: Frames.a) == nil)
  }

  @Test("S11: no keys at all revokes everything, and only an authenticated fetch may say so")
  func revocation() throws {
    let empty = try SPIFFEBundle(parsing: Data(#"{"keys":[],"spiffe_sequence":6}"#.utf8), of: Frames.a)
    #expect(empty.isEmpty)
    #expect(throws: BundleError.unauthenticatedRevocation(Frames.a)) {
      try held(5).replacement(for: empty, authenticated: false)
    }
    #expect(try held(5).replacement(for: empty, authenticated: true) == .updated)
  }

  @Test("S14: equal bundles have equal entity tags, and If-None-Match is read as RFC 9110 says")
  func entityTag() throws {
    let document = try BundleDocument(authority.bundle)
    #expect(try BundleDocument(authority.bundle) == document)
    #expect(try BundleDocument(held(2)).etag != document.etag)
    #expect(document.etag.hasPrefix("\"") && document.etag.hasSuffix("\""))
    for header in [document.etag, "*", "W/" + document.etag, "\"x\", " + document.etag] {
      #expect(document.matches(ifNoneMatch: header))
    }
    for header in [nil, "", "\"x\"", String(document.etag.dropFirst().dropLast())] {
      #expect(!document.matches(ifNoneMatch: header))
    }
  }
}
