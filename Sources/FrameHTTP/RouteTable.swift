package import HTTPTypes
internal import Synchronization

/// The routes of an API by method and path template, for documents, tests and the `Allow` header.
package final class RouteTable: Sendable {
  package struct Route: Hashable, Sendable {
    package let method: HTTPRequest.Method
    /// As in the OpenAPI document: `/api/v1/agents/{name}`.
    package let path: String
    /// The last parameter takes one or more segments.
    package let tail: Bool
    /// The largest body that it takes, in bytes.
    package let bodyLimit: Int
  }

  private let routes = Mutex<[Route]>([])

  /// In order of registration.
  package var all: [Route] { routes.withLock { $0 } }

  package init() {}

  package func add(_ method: HTTPRequest.Method, _ path: String, tail: Bool = false, bodyLimit: Int = 0) {
    routes.withLock { $0.append(Route(method: method, path: path, tail: tail, bodyLimit: bodyLimit)) }
  }

  /// The largest body that a request may have, whoever sends it; of a path that does not exist: none.
  package func bodyLimit(of request: HTTPRequest) -> Int {
    let path = (request.path ?? "/").prefix { $0 != "?" && $0 != "#" }
    let segments = path.split(separator: "/")
    return all.first {
      $0.method == request.method && Self.matches(segments, $0.path.split(separator: "/"), tail: $0.tail)
    }?.bodyLimit ?? 0
  }

  /// The methods that `path` takes; empty when there is no such path.
  package func methods(of path: String) -> [HTTPRequest.Method] {
    let segments = path.split(separator: "/")
    let methods = all.filter { Self.matches(segments, $0.path.split(separator: "/"), tail: $0.tail) }.map(\.method)
    return methods.contains(.get) ? methods + [.head] : methods
  }

  private static func matches(_ segments: [Substring], _ template: [Substring], tail: Bool) -> Bool {
    (tail ? segments.count >= template.count : segments.count == template.count)
      && zip(segments, template).allSatisfy { $0 == $1 || $1.hasPrefix("{") }
  }
}
