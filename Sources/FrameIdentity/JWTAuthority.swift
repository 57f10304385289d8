import Crypto
import Foundation
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

  /// The key as an algorithm that can verify signatures made with `name`.
  /// - Throws: when the key's type or curve does not fit the algorithm, or the key is not one.
  func algorithm(named name: String) async throws -> any JWTAlgorithm {
    guard JWTSVIDVerifier.curve[name] == members["crv"], members["alg"].map({ $0 == name }) ?? true else {
      throw JWTSVIDRefusal.algorithm(name)
    }
    var jwk = members
    jwk["kid"] = keyID
    jwk["alg"] = name
    let keys = JWTKeyCollection()
    let decoded = try JSONDecoder().decode(JWK.self, from: JSONEncoder().encode(jwk))
    try await keys.add(jwk: decoded)
    let algorithm = try await keys.getKey(for: JWKIdentifier(string: keyID), alg: name)
    guard algorithm.name == name else { throw JWTSVIDRefusal.algorithm(name) }
    return algorithm
  }
}

extension JWTAuthority {
  /// Whether the members are those of a key that an allowed algorithm can use.
  var hasKeyMaterial: Bool {
    func bytes(_ name: String) -> Data { members[name].flatMap { Base64URL.decode($0) } ?? Data() }
    switch members["kty"] {
    case "EC":
      let point = Data([4]) + bytes("x") + bytes("y")
      return switch members["crv"] {
      case "P-256": (try? P256.Signing.PublicKey(x963Representation: point)) != nil
      case "P-384": (try? P384.Signing.PublicKey(x963Representation: point)) != nil
      case "P-521": (try? P521.Signing.PublicKey(x963Representation: point)) != nil
      default: false
      }
    case "RSA":
      return bytes("n").count >= 256 && !bytes("e").isEmpty
    default:
      // OKP and the rest: no algorithm that a JWT-SVID may use.
      return false
    }
  }
}
