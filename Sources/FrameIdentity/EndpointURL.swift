import Foundation
import FrameCore

/// An `https` URL of a peer: the only kind that this room ever connects to (CONFORMANCE S6, S13).
package struct EndpointURL: Sendable, Hashable, CustomStringConvertible {
  /// Host name or IP address; an IPv6 address without its brackets.
  package let host: String
  package let port: Int
  /// Starts with `/`; a query belongs to it.
  package let path: String

  package static let lengthLimit = 2048

  /// - Throws: ``FetchError/url(_:why:)`` for anything but `https://host[:port][/path][?query]`.
  package init(_ text: String) throws(FetchError) {
    guard text.utf8.count <= Self.lengthLimit else { throw .url(text, why: "it is too long") }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw .url(text, why: "it has characters that a URL cannot have")
    }
    guard let parts = URLComponents(string: text) else { throw .url(text, why: "it does not parse") }
    guard parts.scheme == "https" else { throw .url(text, why: "its scheme is not https") }
    guard parts.user == nil, parts.password == nil else { throw .url(text, why: "it has credentials in it") }
    guard parts.fragment == nil else { throw .url(text, why: "it has a fragment") }
    guard let host = parts.percentEncodedHost, !host.isEmpty else { throw .url(text, why: "it has no host") }
    guard !host.contains("%") else { throw .url(text, why: "its host is percent-encoded") }
    // URLComponents drops a port that is empty or overflows: the default must not step in for it.
    let authority = text.dropFirst("https://".count).prefix { !"/?#".contains($0) }
    let hasPort = authority.drop { $0 != "]" }.contains(":") || (!authority.contains("]") && authority.contains(":"))
    guard parts.port != nil || !hasPort else { throw .url(text, why: "its port is not one") }
    let port = parts.port ?? 443
    guard (1...65_535).contains(port) else { throw .url(text, why: "its port is not one") }
    self.host = host.trimmingCharacters(in: ["[", "]"])
    self.port = port
    let query = parts.percentEncodedQuery.map { "?" + $0 } ?? ""
    self.path = (parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath) + query
  }

  private init(host: String, port: Int, path: String) {
    self.host = host
    self.port = port
    self.path = path
  }

  /// The same server, another path.
  /// - Parameter path: starts with `/`.
  package func at(_ path: String) -> EndpointURL {
    EndpointURL(host: host, port: port, path: path.hasPrefix("/") ? path : "/" + path)
  }

  /// `host:port`, as in a Host header.
  package var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == 443 ? name : "\(name):\(port)"
  }

  package var description: String { "https://\(authority)\(path)" }
}
