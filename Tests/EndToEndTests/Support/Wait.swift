import Testing

/// Waiting for the outside world: asks again and again until there is an answer or the deadline has passed.
struct Wait: Sendable {
  /// A deadline that passed; says what was waited for and what was seen last.
  struct TimedOut: Error, CustomStringConvertible {
    let what: String
    let limit: Duration
    let last: String
    var description: String { "\(what) did not happen within \(limit); last seen: \(last)" }
  }

  /// Pauses between two questions.
  let pause: @Sendable () async throws -> Void

  static let polling = Wait { try await Task.sleep(for: .milliseconds(50)) }

  /// - Parameter body: returns what was waited for, or nil to be asked again; an error counts as nil and is remembered.
  /// - Throws: ``TimedOut``.
  @discardableResult
  func eventually<Result>(
    _ what: String, within limit: Duration = .seconds(60), _ body: () async throws -> Result?
  ) async throws -> Result {
    let deadline = ContinuousClock.now + limit
    var last = "nothing"
    while true {
      do {
        if let result = try await body() { return result }
        last = "not yet"
      } catch {
        last = "\(error)"
      }
      guard ContinuousClock.now < deadline else { throw TimedOut(what: what, limit: limit, last: last) }
      try await pause()
    }
  }

  func until(_ what: String, within limit: Duration = .seconds(60), _ condition: () async throws -> Bool) async throws {
    _ = try await eventually(what, within: limit) { try await condition() ? true : nil }
  }
}
