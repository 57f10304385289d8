package import FrameCore

extension Refusal {
  /// The same words whether the size was announced or found out.
  package static func bodyTooLarge(_ limit: Int) -> Refusal {
    Refusal(
      "body_too_large", .tooLarge, "The request body is larger than \(limit) bytes.",
      remedy: "Send at most \(limit / 1024) KiB.")
  }
}

extension BodyGate.Refused {
  /// HTTP status and what to say.
  package var status: Int {
    switch self {
    case .tooLarge: 413
    case .unknownExpectation: 417
    // RFC 6585 §5: all of the head together; which part of it was too much is not known when reading has ended.
    case .head(.tooLarge): 431
    case .head: 400
    }
  }

  package var refusal: Refusal {
    switch self {
    case .tooLarge(let limit): .bodyTooLarge(limit)
    case .unknownExpectation:
      Refusal(
        "unknown_expectation", .invalid, "The only expectation that is met is 100-continue.",
        remedy: "Leave the Expect header out, or send Expect: 100-continue.")
    case .head(let fault): fault.refusal
    }
  }
}

extension HeadFault {
  var refusal: Refusal {
    switch self {
    case .hostMissing:
      Refusal("invalid_host", .invalid, "The request has no Host header.", remedy: "Send one, as HTTP/1.1 has it.")
    case .hostTwice:
      Refusal("invalid_host", .invalid, "The request has more than one Host header.", remedy: "Send one.")
    case .hostInvalid:
      Refusal(
        "invalid_host", .invalid, "The Host header is not a host with or without a port.",
        remedy: "Send the host that the request is for.")
    case .tooLarge:
      Refusal(
        "head_too_large", .tooLarge,
        "The request's URI and header fields together are larger than \(BodyGate.headBytesMax / 1024) KiB.",
        remedy: "Shorten the URI or the header fields; long texts go into a body.")
    case .transferEncoding:
      Refusal(
        "invalid_framing", .invalid, "A request of HTTP/1.0 has no Transfer-Encoding.",
        remedy: "Send the body with a Content-Length, or use HTTP/1.1.")
    }
  }
}
