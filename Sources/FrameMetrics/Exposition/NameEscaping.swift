/// How a name outside Prometheus' legacy character set is written for a scraper that asks by `escaping=` in Accept.
///
/// Our names are legacy-valid, so only `dots` ever changes one: it doubles underscores to stay reversible.
package enum NameEscaping: String, Sendable, CaseIterable {
  case allowUTF8 = "allow-utf-8"
  case underscores
  case dots
  case values

  /// `name` in this scheme (prometheus/common `model.EscapeName`).
  package func escape(_ name: String) -> String {
    switch self {
    case .allowUTF8: name
    case .underscores: Self.isLegacy(name) ? name : Self.map(name) { legal, scalar in legal ? String(scalar) : "_" }
    case .dots:
      Self.map(name) { legal, scalar in
        switch scalar {
        case "_": "__"
        case ".": "_dot_"
        default: legal ? String(scalar) : "__"
        }
      }
    case .values:
      if Self.isLegacy(name) {
        name
      } else {
        "U__"
          + Self.map(name) { legal, scalar in
            if scalar == "_" { return "__" }
            return legal ? String(scalar) : "_\(String(scalar.value, radix: 16))_"
          }
      }
    }
  }

  private static func map(_ name: String, _ escape: (Bool, Unicode.Scalar) -> String) -> String {
    name.unicodeScalars.enumerated().map { escape(isLegal($1, first: $0 == 0), $1) }.joined()
  }

  private static func isLegacy(_ name: String) -> Bool {
    name.unicodeScalars.enumerated().allSatisfy { isLegal($1, first: $0 == 0) }
  }

  private static func isLegal(_ scalar: Unicode.Scalar, first: Bool) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "_", ":": true
    case "0"..."9": !first
    default: false
    }
  }
}
