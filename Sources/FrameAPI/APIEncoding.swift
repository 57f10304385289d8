import Foundation

/// JSON as the API writes it, bodies and replies: snake_case, sorted keys, so that the same value is the same bytes. It is read by
/// `TextDecoding.request` and `TextDecoding.answer`.
///
/// Foundation's encoder took a twelfth of a node's time under many small requests. This one writes the same bytes (``plain(_:)``, which
/// a test holds it to) in a fraction of it, for types that are made of objects, lists, texts, truth values and numbers.
package enum APIEncoding {
  /// - Throws: what a type's own `encode(to:)` throws; `EncodingError` for a number that JSON does not have.
  package static func encode(_ value: some Encodable) throws -> Data { Data(try bytes(value)) }

  /// The same as bytes.
  package static func bytes(_ value: some Encodable) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(512)
    try JSONNode.of(value).write(to: &bytes)
    return bytes
  }

  /// The plain form of the same.
  package static func plain(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }
}
