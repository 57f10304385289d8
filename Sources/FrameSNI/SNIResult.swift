/// How a connection to the SNI router went; the metric's `result`.
enum SNIResult: String, CaseIterable, Sendable {
  case joined
  case unknownName = "unknown_name"
  case missingName = "missing_name"
  case notTLS = "not_tls"
  case malformed
  case tooLarge = "too_large"
  case timedOut = "timed_out"
  case closedEarly = "closed_early"
  case upstreamUnreachable = "upstream_unreachable"
  case overLimit = "over_limit"
  /// It came from the router itself: a route leads back to it.
  case loop
  /// Too many connections under its name wait for the upstream's first word.
  case upstreamSilent = "upstream_silent"
  /// Waited longest with its hello when too many did.
  case crowdedOut = "crowded_out"
}

/// Why a hello is not passed on.
struct SNIRefusal: Error, Equatable {
  let result: SNIResult
}
