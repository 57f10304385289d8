/// A SPIFFE ID (SPIFFE-ID specification; CONFORMANCE S1): `spiffe://<trust domain>[/<segment>…]`.
public struct SPIFFEID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let trustDomain: FrameID
  /// `""` for the id of the trust domain itself, else it starts with `/`.
  public let path: String

  public static let maximumLength = 2048

  /// Parses the exact textual form; nothing is normalised.
  /// - Throws: ``IdentifierError/spiffeID(_:why:)`` naming the rule that was broken.
  public init(_ text: String) throws(IdentifierError) {
    guard text.utf8.count <= Self.maximumLength else { throw .spiffeID(text, why: "longer than 2048 bytes") }
    guard text.hasPrefix("spiffe://") else { throw .spiffeID(text, why: "the scheme must be 'spiffe' in lower case") }
    let rest = text.utf8.dropFirst("spiffe://".utf8.count)
    let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
    let domain = String(rest[..<slash]) ?? ""
    let path = String(rest[slash...]) ?? ""
    let id: FrameID
    do { id = try FrameID(domain) } catch { throw .spiffeID(text, why: "'\(domain)' is not a trust domain name") }
    try self.init(trustDomain: id, path: path)
  }

  /// - Parameter path: `""`, or segments each preceded by `/`.
  /// - Throws: ``IdentifierError/spiffeID(_:why:)``.
  public init(trustDomain: FrameID, path: String) throws(IdentifierError) {
    let text = "spiffe://\(trustDomain.name)\(path)"
    guard text.utf8.count <= Self.maximumLength else { throw .spiffeID(text, why: "longer than 2048 bytes") }
    if !path.isEmpty {
      guard path.hasPrefix("/") else { throw .spiffeID(text, why: "the path must start with '/'") }
      for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
        guard !segment.isEmpty else { throw .spiffeID(text, why: "a path segment is empty") }
        guard segment != ".", segment != ".." else { throw .spiffeID(text, why: "a path segment is '.' or '..'") }
        guard segment.utf8.allSatisfy(Self.isAllowed) else {
          throw .spiffeID(text, why: "a path segment may only have letters, digits, '.', '-' and '_'")
        }
      }
    }
    self.trustDomain = trustDomain
    self.path = path
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    FrameID.isAllowed(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }

  public var description: String { "spiffe://\(trustDomain.name)\(path)" }
  public static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}

extension SPIFFEID {
  /// `/authority`: the frame's own authority, the only one that may mint.
  public static func authority(of frame: FrameID) -> SPIFFEID { .init(uncheckedDomain: frame, path: "/authority") }
  /// `/node`: what the node itself presents to peers and at its bundle endpoint.
  public static func node(of frame: FrameID) -> SPIFFEID { .init(uncheckedDomain: frame, path: "/node") }
  /// `/api`: the audience of API bearer tokens.
  public static func api(of frame: FrameID) -> SPIFFEID { .init(uncheckedDomain: frame, path: "/api") }
  /// `/agent/<name>`.
  public static func agent(_ name: AgentName, of frame: FrameID) -> SPIFFEID {
    .init(uncheckedDomain: frame, path: "/agent/\(name.text)")
  }

  /// `/operator/<name>`: a tenant of the frame.
  public static func ofOperator(_ name: OperatorName, in frame: FrameID) -> SPIFFEID {
    .init(uncheckedDomain: frame, path: "/operator/\(name.text)")
  }

  /// The operator this id names, or nil when it is not an operator's.
  public var operatorName: OperatorName? {
    guard path.hasPrefix("/operator/") else { return nil }
    return try? OperatorName(String(path.dropFirst("/operator/".count)))
  }

  /// The agent this id names, or nil when it is not an agent's.
  public var agentName: AgentName? {
    guard path.hasPrefix("/agent/") else { return nil }
    return try? AgentName(String(path.dropFirst("/agent/".count)))
  }

  /// Whether this is the id of the agent of that name in `frame`. Builds nothing, unlike ``agentName``: it is asked for
  /// every transfer.
  public func isAgent(_ name: String, of frame: FrameID) -> Bool {
    let prefix = "/agent/"
    return trustDomain == frame && path.utf8.count == prefix.utf8.count + name.utf8.count && path.hasPrefix(prefix)
      && path.utf8.dropFirst(prefix.utf8.count).elementsEqual(name.utf8)
  }

  /// Only for paths that are valid by construction (constants, and names whose grammar is a subset).
  private init(uncheckedDomain trustDomain: FrameID, path: String) {
    self.trustDomain = trustDomain
    self.path = path
  }
}
