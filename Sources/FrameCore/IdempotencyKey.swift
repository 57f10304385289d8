/// A key that makes a command have one effect. Scoped by caller, so that callers cannot collide or probe each other.
public struct IdempotencyKey: Hashable, Sendable, CustomStringConvertible {
  /// `<caller>/<key>`.
  public let text: String

  public static let maximumLength = 128

  /// - Parameters:
  ///   - key: what the caller chose: 1 to 128 visible ASCII characters.
  ///   - caller: who chose it.
  /// - Throws: ``IdentifierError/idempotencyKey(_:)``.
  public init(_ key: String, caller: SPIFFEID) throws(IdentifierError) {
    guard (1...Self.maximumLength).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else { throw .idempotencyKey(key) }
    self.text = "\(caller)/\(key)"
  }

  /// For keys the node derives itself (e.g. `credit/<origin>/<transfer id>`): always the same words for the same fact.
  public init(derived text: String) { self.text = text }

  /// What the caller chose: ``text`` without the caller.
  public func chosen(by caller: SPIFFEID) -> String {
    let prefix = "\(caller)/"
    return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  }

  public var description: String { text }
}
