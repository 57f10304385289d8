import FrameCore

/// A name or an upstream that the router cannot have.
package enum SNIError: FrameError, Equatable {
  /// Not a host name, or there twice.
  case nameInvalid(String)
  /// A route that would lead back to the router: the name and the upstream.
  case routeLoop(String, String)

  package var code: String {
    switch self {
    case .nameInvalid: "endpoint_invalid"
    case .routeLoop: "sni_route_loop"
    }
  }
  package var kind: FrameErrorKind { .invalid }
  package var message: String {
    switch self {
    case .nameInvalid(let text): EndpointInvalid(text).message
    case .routeLoop(let name, let upstream):
      "The route of '\(name.prefix(300))' to \(upstream.prefix(300)) leads back to the SNI router itself."
    }
  }
  package var remedy: String {
    switch self {
    case .nameInvalid: "Use a host name, once."
    case .routeLoop: "Name the address where the service itself listens, not the router's."
    }
  }
}
