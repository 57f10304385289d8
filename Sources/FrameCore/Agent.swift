/// The name of an agent within its frame: 1 to 64 of `a-z 0-9 . _ -`, starting with a letter or digit.
public struct AgentName: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let text: String

  /// - Throws: ``IdentifierError/agentName(_:)``.
  public init(_ text: String) throws(IdentifierError) {
    guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(FrameID.isAllowed),
      let first = text.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-"), first != UInt8(ascii: "_")
    else { throw .agentName(text) }
    self.text = text
  }

  public var description: String { text }
  public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

/// An agent anywhere in the federation: `alice@frame-a.example`.
public struct AgentAddress: Hashable, Sendable, CustomStringConvertible {
  public let name: AgentName
  public let frame: FrameID

  public init(name: AgentName, frame: FrameID) {
    self.name = name
    self.frame = frame
  }

  /// - Throws: ``IdentifierError/agentAddress(_:)``.
  public init(_ text: String) throws(IdentifierError) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, let name = try? AgentName(String(parts[0])), let frame = try? FrameID(String(parts[1]))
    else { throw .agentAddress(text) }
    self.init(name: name, frame: frame)
  }

  public var description: String { "\(name.text)@\(frame.name)" }
}
