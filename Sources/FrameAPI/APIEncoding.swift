import Foundation

/// JSON as the API writes it, bodies and replies: snake_case, sorted keys, so that the same value is the same bytes. It is read by
/// `TextDecoding.request` and `TextDecoding.answer`.
package enum APIEncoding {
  package static func encode(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }
}
