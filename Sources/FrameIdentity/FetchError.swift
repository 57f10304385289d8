import FrameCore

/// Why a peer's HTTPS endpoint gave nothing usable. The code is the metric `reason`.
package enum FetchError: FrameError {
  case url(String, why: String)
  case connect(EndpointURL, String)
  case timeout(EndpointURL, Duration)
  case handshake(EndpointURL, String)
  /// The endpoint's certificate was refused; the refusal's own code is the code.
  case refused(EndpointURL, SPIFFERefusal)
  case closed(EndpointURL, String)
  case bodyTooLarge(EndpointURL, limit: Int)
  case status(EndpointURL, Int)
  case redirect(EndpointURL, Int)
  case contentType(EndpointURL, String)

  package var code: String {
    switch self {
    case .url: "invalid_endpoint_url"
    case .connect: "endpoint_unreachable"
    case .timeout: "endpoint_timeout"
    case .handshake: "endpoint_handshake"
    case .refused(_, let refusal): refusal.code
    case .closed: "endpoint_closed"
    case .bodyTooLarge: "endpoint_body_too_large"
    case .status: "endpoint_status"
    case .redirect: "endpoint_redirect"
    case .contentType: "endpoint_content_type"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .url: .invalid
    case .refused: .refused
    default: .unavailable
    }
  }
  package var message: String {
    switch self {
    case .url(let text, let why): "'\(text.shown(200))' is not an endpoint URL: \(why)."
    case .connect(let url, let why): "Cannot connect to \(url): \(why.shown(300))."
    case .timeout(let url, let after): "\(url) did not answer within \(after)."
    case .handshake(let url, let why): "The TLS handshake with \(url) failed: \(why.shown(300))."
    case .refused(let url, let refusal): "\(url): \(refusal.message)"
    case .closed(let url, let why): "\(url) ended the exchange early: \(why.shown(300))."
    case .bodyTooLarge(let url, let limit): "\(url) sent more than \(limit) bytes."
    case .status(let url, let status): "\(url) answered with status \(status)."
    case .redirect(let url, let status): "\(url) answered with the redirect \(status), which is not followed."
    case .contentType(let url, let type): "\(url) answered with content type '\(type.shown(100))'."
    }
  }
  package var remedy: String {
    switch self {
    case .url: "Write https://host:port, for example https://frame-b.example:9444."
    case .connect, .timeout: "Check the address, the peer's listener and the network between."
    case .handshake: "Check that the address is the peer's bundle endpoint and speaks TLS 1.2 or later."
    case .refused(_, let refusal): refusal.remedy
    case .closed, .status: "Look into the peer's log; the request can be repeated."
    case .bodyTooLarge: "Check that the address is the peer's bundle endpoint."
    case .redirect: "Configure the address that the redirect points to, if it is the peer's."
    case .contentType: "Check that the address is the peer's bundle endpoint; it must answer application/json."
    }
  }
}
