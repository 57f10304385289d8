import Foundation
import FrameCore
import Synchronization

/// A line a step: on a terminal it lives while the step runs, elsewhere it is written when the step has ended.
final class Progress: Sendable {
  private let live: Bool
  private let started = ContinuousClock.now

  private let output: StandardStream

  /// - Parameters:
  ///   - live: whether the output is a terminal that can redraw a line.
  ///   - output: where the lines go.
  init(live: Bool = isatty(STDOUT_FILENO) == 1, to output: StandardStream = .output) {
    self.live = live
    self.output = output
  }

  /// Runs a step and shows how long it took; what it returns as a note stands behind its title, or below it on a terminal
  /// too narrow for both.
  @discardableResult
  func step<Result: Sendable>(
    _ title: String, note: @escaping @Sendable (Result) -> String? = { _ in nil },
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    let began = ContinuousClock.now
    let ticker = live ? Task { await animate(title, began) } : nil
    do {
      let result = try await body()
      await stop(ticker)
      finish("✓", title, began, note(result))
      return result
    } catch {
      await stop(ticker)
      finish("✗", title, began, nil)
      throw error
    }
  }

  private func stop(_ ticker: Task<Void, Never>?) async {
    ticker?.cancel()
    await ticker?.value
  }

  private func animate(_ title: String, _ began: ContinuousClock.Instant) async {
    let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    var index = 0
    while !Task.isCancelled {
      // A line that wraps could not be redrawn: it is cut to the terminal's width.
      let line = "\(frames[index % frames.count]) \(Shown(title)) \(Self.seconds(since: began))"
      write("\r\u{1b}[K\(line.prefix(Self.width))")
      index += 1
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  private func finish(_ mark: String, _ title: String, _ began: ContinuousClock.Instant, _ note: String?) {
    let time = "(\(Self.seconds(since: began)))"
    let (title, note) = (Shown(title), note.map { Shown($0) })
    var line = "\(mark) \(title)\(note.map { ": " + $0.text } ?? "") \(time)"
    if live, let note, Shown(line).columns > Self.width { line = "\(mark) \(title) \(time)\n  \(note)" }
    write(live ? "\r\u{1b}[K\(line)\n" : line + "\n")
  }

  /// Columns of the terminal.
  private static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 79 }
    return Int(size.ws_col) - 1
  }

  /// Since the first step.
  var total: String { Self.seconds(since: started) }

  private static func seconds(since: ContinuousClock.Instant) -> String {
    let (seconds, attoseconds) = (ContinuousClock.now - since).components
    return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
  }

  private func write(_ text: String) {
    output.write(text)
  }
}
