/// What a scrape asks, free of any HTTP framework.
package struct ExpositionRequest: Sendable {
  package var method: String
  package var accept: String?
  package var acceptEncoding: String?
  /// Values of the `name[]` query parameter: only families that have one of these names are answered.
  package var names: [String]
  /// Value of `X-Prometheus-Scrape-Timeout-Seconds`.
  package var scrapeTimeout: String?

  package init(
    method: String = "GET", accept: String? = nil, acceptEncoding: String? = nil, names: [String] = [],
    scrapeTimeout: String? = nil
  ) {
    self.method = method
    self.accept = accept
    self.acceptEncoding = acceptEncoding
    self.names = names
    self.scrapeTimeout = scrapeTimeout
  }

  /// The name of the header that carries `scrapeTimeout`.
  package static let scrapeTimeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

  /// The values of `name[]` in a raw query string, `name%5B%5D` included.
  package static func names(inQuery query: String?) -> [String] {
    (query ?? "").split(separator: "&").compactMap { part in
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, decode(pair[0]) == "name[]" else { return nil }
      return decode(pair[1])
    }
  }

  /// Percent-decoding as in forms; what is malformed stays as it is.
  private static func decode(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// What a scrape is answered. Content-Length is left to the server: it is `contentLength`, also for HEAD.
package struct ExpositionResponse: Sendable {
  package let status: Int
  /// Content-Type, Vary, and where they apply Content-Encoding, Allow, Retry-After.
  package let headers: [(name: String, value: String)]
  /// Empty for HEAD.
  package let body: [UInt8]
  /// The length that a GET's body has.
  package let contentLength: Int

  package subscript(header name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}
