package struct TimedOut: Error, CustomStringConvertible {
  package let what: String

  package init(what: String) { self.what = what }

  package var description: String { "in vain was waited for: \(what)" }
}

/// Waits until `condition` holds.
/// - Throws: ``TimedOut``; what `condition` throws.
package func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ condition: @Sendable () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while ContinuousClock.now < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  throw TimedOut(what: what)
}
