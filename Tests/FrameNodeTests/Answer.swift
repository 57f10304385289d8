import Foundation
import HTTPTypes
import Testing

/// A JSON value that tests can look into.
enum JSON: Hashable, Sendable, Codable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case list([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  init(_ bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSON.self, from: Data(bytes)) }

  func bytes() throws -> [UInt8] { Array(try JSONEncoder().encode(self)) }

  /// `null` for what is not there.
  subscript(_ name: String) -> JSON {
    if case .object(let fields) = self { fields[name] ?? .null } else { .null }
  }
  var string: String? { if case .string(let value) = self { value } else { nil } }
  var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  var array: [JSON] { if case .list(let value) = self { value } else { [] } }
  var fields: [String: JSON] { if case .object(let value) = self { value } else { [:] } }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
  init(stringLiteral value: String) { self = .string(value) }
  init(integerLiteral value: Int64) { self = .integer(value) }
  init(floatLiteral value: Double) { self = .double(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(nilLiteral: ()) { self = .null }
  init(arrayLiteral elements: JSON...) { self = .list(elements) }
  init(dictionaryLiteral elements: (String, JSON)...) { self = .object(Dictionary(uniqueKeysWithValues: elements)) }
}

/// What a route answered.
struct Answer: Sendable {
  let status: Int
  let headers: HTTPFields
  let bytes: [UInt8]

  var text: String { String(decoding: bytes, as: UTF8.self) }
  /// `null` when the body is not JSON.
  var json: JSON { (try? JSON(bytes)) ?? .null }
  var code: String { json["code"].string ?? "" }

  func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

  @discardableResult
  func expect(_ status: Int, sourceLocation: SourceLocation = #_sourceLocation) -> Answer {
    #expect(self.status == status, "\(text)", sourceLocation: sourceLocation)
    return self
  }

  /// Checks that this is an RFC 9457 problem document with that status and code, complete and of the right type.
  @discardableResult
  func expectProblem(_ status: Int, _ code: String, sourceLocation: SourceLocation = #_sourceLocation) -> Answer {
    #expect(self.status == status, "\(text)", sourceLocation: sourceLocation)
    #expect(headers[.contentType] == "application/problem+json", sourceLocation: sourceLocation)
    #expect(json["code"].string == code, "\(text)", sourceLocation: sourceLocation)
    #expect(json["type"].string == "urn:frame:problem:\(code)", sourceLocation: sourceLocation)
    #expect(json["status"].integer == Int64(status), sourceLocation: sourceLocation)
    for member in ["title", "detail", "instance", "remedy"] {
      #expect(json[member].string?.isEmpty == false, "\(member) is missing: \(text)", sourceLocation: sourceLocation)
    }
    return self
  }
}
