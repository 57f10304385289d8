import FrameCore

/// A path of the REST API, with its query. What is put into the literal is one segment or one value, whatever it holds: a name
/// that a person typed can end neither the segment nor the path.
struct APIPath: ExpressibleByStringInterpolation, CustomStringConvertible, Sendable {
  let description: String

  init(stringLiteral value: String) { description = value }
  init(stringInterpolation: StringInterpolation) { description = stringInterpolation.text }

  /// Of a path below the log's tiles, which is made by us and has several segments.
  init(tile path: String) { description = "/log/\(path)" }

  static func + (a: Self, b: Self) -> Self { "\(a)\(b)" }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ part: APIPath) { text += part.description }
    mutating func appendInterpolation(_ number: some BinaryInteger) { text += String(number) }

    /// All but the unreserved characters of RFC 3986 are percent-encoded.
    mutating func appendInterpolation(_ value: String) {
      for byte in value.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"),
          UInt8(ascii: "."):
          text.unicodeScalars.append(Unicode.Scalar(byte))
        default:
          let hex = String(byte, radix: 16, uppercase: true)
          text += byte < 16 ? "%0\(hex)" : "%\(hex)"
        }
      }
    }
  }
}
