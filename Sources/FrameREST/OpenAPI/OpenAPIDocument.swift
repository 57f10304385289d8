import Foundation
import FrameAPI
import FrameCore

/// The API's OpenAPI 3.1 document (`Sources/FrameAPI/openapi.yaml`), served completed at `/openapi.yaml` and `/openapi.json`.
///
/// It is the contract: tests compare its paths and methods with the routes that the node registers, and its schemas with the types
/// of FrameAPI.
package enum OpenAPIDocument {
  /// Read once, when the first route is made.
  private static let edition: Result<OpenAPIEdition, any Error> = Result { try OpenAPIEdition(OpenAPISource.yaml) }

  /// - Throws: `YAMLDocument.Failure` when the file is no YAML, which a test would say.
  static func current() throws -> OpenAPIEdition { try edition.get() }

  package static func json() throws -> Data { try current().json }
  package static func yaml() throws -> Data { try current().yaml }

  static var operations: [String: Operation] { (try? current().operations) ?? [:] }
}
