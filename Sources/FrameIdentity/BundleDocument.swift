import Crypto
import Foundation

/// Our own bundle as the bundle endpoint serves it: fixed bytes and the entity tag that names them (CONFORMANCE S6, S14).
package struct BundleDocument: Sendable, Hashable {
  package static let contentType = "application/json"

  package let body: Data
  /// A strong entity tag with its quotes, derived from the bytes.
  package let etag: String

  package init(_ bundle: SPIFFEBundle) throws {
    self.body = try bundle.serialized()
    self.etag = "\"" + Data(SHA256.hash(data: body).prefix(16)).hex + "\""
  }

  /// Whether a request with this `If-None-Match` header already has these bytes (RFC 9110 §13.1.2): answer 304.
  package func matches(ifNoneMatch header: String?) -> Bool {
    guard let header else { return false }
    return header.split(separator: ",").contains { candidate in
      let tag = candidate.trimmingCharacters(in: .whitespaces)
      return tag == "*" || tag == etag || tag == "W/" + etag
    }
  }
}
