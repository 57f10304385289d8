import Foundation

/// `openapi.yaml`, as people write it.
package enum OpenAPISource {
  /// Part of the binary: a node needs no file beside it.
  package static var yaml: Data { Data(PackageResources.openapi_yaml) }
}
