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
    }
  }

  package var refusal: Refusal {
    switch self {
    case .tooLarge(let limit): .bodyTooLarge(limit)
    case .unknownExpectation:
      Refusal(
        "unknown_expectation", .invalid, "The only expectation that is met is 100-continue.",
        remedy: "Leave the Expect header out, or send Expect: 100-continue.")
    }
  }
}
