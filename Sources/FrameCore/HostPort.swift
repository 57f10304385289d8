/// A host and a port; the host may be a name, an IPv4 address or an IPv6 address in brackets.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
  package let host: String
  package let port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `host:port`.
  /// - Throws: ``EndpointInvalid``.
  package init(_ text: String) throws(EndpointInvalid) {
    guard text.utf8.count <= 300, let colon = text.lastIndex(of: ":"),
      let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port)
    else { throw EndpointInvalid(text) }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      throw EndpointInvalid(text)
    }
    let allowed = host.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":")
    }
    guard !host.isEmpty, allowed else { throw EndpointInvalid(text) }
    self.init(host: host, port: port)
  }

  /// `https://host:port` or `https://host`, with at most a `/` as path.
  /// - Throws: ``EndpointInvalid``.
  package init(url: String) throws(EndpointInvalid) {
    guard url.hasPrefix("https://") else { throw EndpointInvalid(url) }
    var rest = String(url.dropFirst("https://".count))
    if rest.hasSuffix("/") { rest.removeLast() }
    do {
      try self.init(rest.contains(":") ? rest : "\(rest):443")
    } catch {
      throw EndpointInvalid(url)
    }
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A text that is no address.
package struct EndpointInvalid: FrameError, Equatable {
  package let text: String

  package init(_ text: String) { self.text = text }

  package var code: String { "endpoint_invalid" }
  package var kind: FrameErrorKind { .invalid }
  package var message: String { "'\(text.prefix(300))' is not a usable address." }
  package var remedy: String {
    "Use https://host:port for the bundle endpoint and host:port for the federation listener."
  }
}
