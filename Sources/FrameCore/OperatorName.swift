/// The name of an operator within its frame: 1 to 32 of `a-z 0-9 -`, starting with a letter or digit.
///
/// It has no dot, so that the first dot of an agent's name ends the name of the operator that the agent belongs to:
/// `acme.alice` is an agent of `acme`.
public struct OperatorName: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let text: String

  /// - Throws: ``IdentifierError/operatorName(_:)``.
  public init(_ text: String) throws(IdentifierError) {
    guard (1...32).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-"),
      text.utf8.allSatisfy({ FrameID.isAllowed($0) && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "_") })
    else { throw .operatorName(text) }
    self.text = text
  }

  public var description: String { text }
  public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

extension AgentName {
  /// What stands before the first dot, or nil when there is none: the operator, if the frame has one of that name.
  public var prefix: Substring? { text.firstIndex(of: ".").map { text[..<$0] } }
}
