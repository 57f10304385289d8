package import FrameCore

/// Real time whose waits are short, so that retries take no time to speak of.
package struct HastyClock: FrameClock {
  package init() {}
  package func now() -> FrameTime { SystemClock().now() }
  package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration / 100) }
}
