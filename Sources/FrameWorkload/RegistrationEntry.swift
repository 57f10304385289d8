import FrameCore

/// Which local processes get which SPIFFE ID over the Workload API: those that have all of the selectors.
package struct RegistrationEntry: Sendable, Hashable {
  package let id: String
  package let spiffeID: SPIFFEID
  /// Sorted, at least one, none twice.
  package let selectors: [Selector]
  /// Nil: what the authority's policy says.
  package let x509Lifetime: Duration?
  /// Nil: the default of JWT-SVIDs.
  package let jwtLifetime: Duration?
  /// Tells a client that gets several SVIDs which is which; may be empty.
  package let hint: String

  package static let selectorsMax = 16
  package static let hintBytesMax = 1024

  /// - Throws: ``EntryError``.
  package init(
    id: String, spiffeID: SPIFFEID, selectors: some Sequence<Selector>, x509Lifetime: Duration? = nil,
    jwtLifetime: Duration? = nil, hint: String = ""
  ) throws(EntryError) {
    let selectors = Set(selectors).sorted()
    guard !selectors.isEmpty else { throw .noSelectors(spiffeID) }
    guard selectors.count <= Self.selectorsMax else { throw .tooManySelectors(selectors.count) }
    guard hint.utf8.count <= Self.hintBytesMax else { throw .hintTooLong(hint.utf8.count) }
    self.id = id
    self.spiffeID = spiffeID
    self.selectors = selectors
    self.x509Lifetime = x509Lifetime
    self.jwtLifetime = jwtLifetime
    self.hint = hint
  }

  /// Whether a process with these selectors gets the SVID.
  package func matches(_ caller: Set<Selector>) -> Bool { selectors.allSatisfy(caller.contains) }
}

/// A fact about a local process, as the kernel tells it: `unix:uid:1000`.
package struct Selector: Sendable, Hashable, Comparable, CustomStringConvertible {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Effective user id when it connected.
    case uid
    /// Effective group id when it connected.
    case gid
    /// The program it runs, an absolute path with links resolved; only for processes that see the node's own files.
    case path
  }

  package let kind: Kind
  package let value: String

  package static let bytesMax = 4096

  package static func uid(_ id: UInt32) -> Selector { Selector(kind: .uid, value: "\(id)") }
  package static func gid(_ id: UInt32) -> Selector { Selector(kind: .gid, value: "\(id)") }
  package static func path(_ path: String) -> Selector { Selector(kind: .path, value: path) }

  private init(kind: Kind, value: String) {
    self.kind = kind
    self.value = value
  }

  /// Parses `unix:<kind>:<value>`; numbers in their one decimal form.
  /// - Throws: ``EntryError/badSelector(_:)``.
  package init(_ text: String) throws(EntryError) {
    let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard text.utf8.count <= Self.bytesMax, parts.count == 3, parts[0] == "unix", let kind = Kind(rawValue: parts[1])
    else { throw .badSelector(text) }
    switch kind {
    case .uid, .gid:
      guard let number = UInt32(parts[2]), "\(number)" == parts[2] else { throw .badSelector(text) }
    case .path:
      guard parts[2].hasPrefix("/"), !parts[2].utf8.contains(where: { $0 < 0x20 }) else { throw .badSelector(text) }
    }
    self.init(kind: kind, value: parts[2])
  }

  package var description: String { "unix:\(kind.rawValue):\(value)" }
  package static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}
