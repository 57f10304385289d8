/// A SPIFFE ID (SPIFFE-ID specification; CONFORMANCE S1): `spiffe://<trust domain>[/<segment>…]`.
public struct SPIFFEID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// What the path says the id is of, in this project's scheme of paths.
  public enum Subject: UInt8, Sendable {
    case authority, node, agent, `operator`, other
  }

  public let trustDomain: FrameID
  /// `""` for the id of the trust domain itself, else it starts with `/`.
  public let path: String
  /// The exact text. Kept, as is the subject: both are asked for with every command.
  public let description: String
  /// ``Subject/agent`` and ``Subject/operator`` only for paths that have a well-formed name.
  public let subject: Subject

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
    self.init(uncheckedDomain: trustDomain, path: path, Self.subject(path), text)
  }

  private static func subject(_ path: String) -> Subject {
    switch path {
    case "/authority": .authority
    case "/node": .node
    default:
      if let name = name(in: path, after: agents) {
        (try? AgentName(name)) == nil ? .other : .agent
      } else if let name = name(in: path, after: operators) {
        (try? OperatorName(name)) == nil ? .other : .operator
      } else {
        .other
      }
    }
  }

  private static let agents = "/agent/"
  private static let operators = "/operator/"

  private static func name(in path: String, after prefix: String) -> String? {
    path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : nil
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    FrameID.isAllowed(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }

  // The text says all there is.
  public static func == (a: Self, b: Self) -> Bool { a.description == b.description }
  public static func < (a: Self, b: Self) -> Bool { a.description < b.description }
  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

extension SPIFFEID {
  /// `/authority`: the frame's own authority, the only one that may mint.
  public static func authority(of frame: FrameID) -> SPIFFEID {
    .init(uncheckedDomain: frame, path: "/authority", .authority)
  }
  /// `/node`: what the node itself presents to peers and at its bundle endpoint.
  public static func node(of frame: FrameID) -> SPIFFEID { .init(uncheckedDomain: frame, path: "/node", .node) }
  /// `/api`: the audience of API bearer tokens.
  public static func api(of frame: FrameID) -> SPIFFEID { .init(uncheckedDomain: frame, path: "/api", .other) }
  /// `/agent/<name>`.
  public static func agent(_ name: AgentName, of frame: FrameID) -> SPIFFEID {
    .init(uncheckedDomain: frame, path: agents + name.text, .agent)
  }

  /// `/operator/<name>`: a tenant of the frame.
  public static func ofOperator(_ name: OperatorName, in frame: FrameID) -> SPIFFEID {
    .init(uncheckedDomain: frame, path: operators + name.text, .operator)
  }

  /// The operator this id names, or nil when it is not an operator's.
  public var operatorName: OperatorName? {
    guard subject == .operator else { return nil }
    return Self.name(in: path, after: Self.operators).flatMap { try? OperatorName($0) }
  }

  /// The agent this id names, or nil when it is not an agent's.
  public var agentName: AgentName? {
    guard subject == .agent else { return nil }
    return Self.name(in: path, after: Self.agents).flatMap { try? AgentName($0) }
  }

  /// Whether this is the id of the agent of that name in `frame`. Builds nothing, unlike ``agentName``: it is asked for
  /// every transfer.
  public func isAgent(_ name: String, of frame: FrameID) -> Bool {
    guard subject == .agent, trustDomain == frame else { return false }
    let prefix = Self.agents.utf8.count
    return path.utf8.count == prefix + name.utf8.count && path.hasSuffix(name)
  }

  /// Only for paths that are valid by construction (constants, and names whose grammar is a subset).
  private init(uncheckedDomain trustDomain: FrameID, path: String, _ subject: Subject, _ text: String? = nil) {
    self.trustDomain = trustDomain
    self.path = path
    self.subject = subject
    description = text ?? "spiffe://\(trustDomain.name)\(path)"
  }
}
