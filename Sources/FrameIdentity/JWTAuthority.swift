import Crypto
import Foundation
import FrameCore
import JWTKit

/// A public key that verifies JWT-SVIDs: a JWK of a bundle with `use: jwt-svid`.
package struct JWTAuthority: Sendable, Hashable {
  /// `kid`, never empty.
  package let keyID: String
  /// The public members of the JWK (`kty`, `crv`, `x`, `y`, `n`, `e`, `alg`).
  let members: [String: String]

  static let publicMembers = ["kty", "crv", "x", "y", "n", "e", "alg"]

  init(keyID: String, members: [String: String]) {
    self.keyID = keyID
    self.members = members
  }

  /// Names a P-256 key by its RFC 7638 thumbprint.
  init(_ key: P256.Signing.PublicKey) {
    let point = key.x963Representation  // 04 || x || y
    let x = Base64URL.encode(point[point.startIndex + 1..<point.startIndex + 33])
    let y = Base64URL.encode(point[(point.startIndex + 33)...])
    let canonical = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
    self.init(
      keyID: Base64URL.encode(Data(SHA256.hash(data: Data(canonical.utf8)))),
      members: ["kty": "EC", "crv": "P-256", "x": x, "y": y])
  }

  /// Whether the members are those of a key that an allowed algorithm can use.
  var hasKeyMaterial: Bool {
    switch members["kty"] {
    case "EC":
      switch members["crv"] {
      case "P-256": (try? P256.Signing.PublicKey(x963Representation: point)) != nil
      case "P-384": (try? P384.Signing.PublicKey(x963Representation: point)) != nil
      case "P-521": (try? P521.Signing.PublicKey(x963Representation: point)) != nil
      default: false
      }
    case "RSA": bytes("n").count >= 256 && !bytes("e").isEmpty
    // OKP and the rest: no algorithm that a JWT-SVID may use.
    default: false
    }
  }

  /// Whether `signature` is this key's over `message`.
  /// - Parameter algorithm: the token's `alg`, already known to be one that a JWT-SVID may use.
  /// - Throws: ``JWTSVIDRefusal/algorithm(_:)`` when the algorithm does not fit the key, whatever is thrown for a signature
  ///   of the wrong form.
  func verifies(_ signature: Data, over message: Data, algorithm: String) async throws -> Bool {
    guard members["alg"].map({ $0 == algorithm }) ?? true else { throw JWTSVIDRefusal.algorithm(algorithm) }
    // Elliptic curves, our own tokens among them, without detour: this runs for every API request.
    switch (algorithm, members["kty"], members["crv"]) {
    case ("ES256", "EC", "P-256"):
      let key = try P256.Signing.PublicKey(x963Representation: point)
      return key.isValidSignature(try .init(rawRepresentation: signature), for: SHA256.hash(data: message))
    case ("ES384", "EC", "P-384"):
      let key = try P384.Signing.PublicKey(x963Representation: point)
      return key.isValidSignature(try .init(rawRepresentation: signature), for: SHA384.hash(data: message))
    case ("ES512", "EC", "P-521"):
      let key = try P521.Signing.PublicKey(x963Representation: point)
      return key.isValidSignature(try .init(rawRepresentation: signature), for: SHA512.hash(data: message))
    case (_, "RSA", nil) where algorithm.hasPrefix("RS") || algorithm.hasPrefix("PS"):
      return try await rsa(algorithm).verify(signature, signs: message)
    default: throw JWTSVIDRefusal.algorithm(algorithm)
    }
  }

  private func rsa(_ algorithm: String) async throws -> any JWTAlgorithm {
    var jwk = members
    jwk["kid"] = keyID
    jwk["alg"] = algorithm
    let keys = JWTKeyCollection()
    let key = try TextDecoding.extensible.decode(
      JWK.self, json: JSONEncoder().encode(jwk), JSONReader.Limits(bytes: 1 << 16))
    try await keys.add(jwk: key)
    return try await keys.getKey(for: JWKIdentifier(string: keyID), alg: algorithm)
  }

  private func bytes(_ name: String) -> Data { members[name].flatMap { Base64URL.decode($0) } ?? Data() }

  /// The point of an elliptic curve key, uncompressed.
  private var point: Data { Data([4]) + bytes("x") + bytes("y") }
}
