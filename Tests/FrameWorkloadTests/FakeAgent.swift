import Foundation
import FrameCore
import FrameIdentity
import GRPCCore
import SPIFFEWorkloadAPI
import Synchronization

@testable import FrameWorkload

/// An agent in memory: says its greeting to each connection, then what a test has it say.
final class FakeAgent: UpstreamAgent {
  private struct State {
    var greeting: [UpstreamMessage]
    var refusals: [any Error] = []
    var connections = 0
    var current: AsyncThrowingStream<UpstreamMessage, any Error>.Continuation?
  }
  private let held: Mutex<State>

  init(_ greeting: UpstreamMessage..., refusing refusals: [any Error] = []) {
    held = Mutex(State(greeting: greeting, refusals: refusals))
  }

  var connections: Int { held.withLock { $0.connections } }

  func listen(_ receive: @escaping @Sendable (UpstreamMessage) -> Void) async throws {
    let (messages, continuation) = AsyncThrowingStream.makeStream(of: UpstreamMessage.self)
    let greeting = try held.withLock { held in
      held.connections += 1
      if !held.refusals.isEmpty { throw held.refusals.removeFirst() }
      held.current = continuation
      return held.greeting
    }
    greeting.forEach(receive)
    for try await message in messages { receive(message) }
    try Task.checkCancellation()
  }

  /// To the present connection, and as the greeting of later ones when it is one.
  func say(_ message: UpstreamMessage, greeting: [UpstreamMessage]? = nil) {
    held.withLock { held in
      if let greeting { held.greeting = greeting }
      held.current?.yield(message)
    }
  }

  /// Breaks the connection; the next attempts fail with these.
  func breakOff(_ error: any Error, refusing refusals: [any Error] = []) {
    held.withLock { held in
      held.refusals = refusals
      held.current?.finish(throwing: error)
      held.current = nil
    }
  }
}

/// A clock on which only chosen pauses pass, and they at once; all others last until they are cancelled.
final class ScriptClock: FrameClock {
  private struct State {
    var now = FrameTime(unixNanoseconds: 1_767_225_600_000_000_000)
    var slept: [Duration] = []
    var endless: [AsyncStream<Never>.Continuation] = []
  }
  private let state = Mutex(State())
  private let passes: @Sendable (Duration) async -> Bool

  /// - Parameter passes: whether a pause passes; it may take its time to say so.
  init(_ passes: @escaping @Sendable (Duration) async -> Bool) { self.passes = passes }

  /// Two days before the others.
  static let past: ScriptClock = {
    let clock = ScriptClock { _ in false }
    clock.advance(by: .seconds(-2 * 86_400))
    return clock
  }()

  func now() -> FrameTime { state.withLock { $0.now } }
  func advance(by duration: Duration) { state.withLock { $0.now = $0.now + duration } }
  /// The pauses that passed, in order.
  var slept: [Duration] { state.withLock { $0.slept } }

  func sleep(for duration: Duration) async throws {
    try Task.checkCancellation()
    if await passes(duration) {
      state.withLock { $0.slept.append(duration) }
      return await Task.yield()
    }
    let (forever, continuation) = AsyncStream.makeStream(of: Never.self)
    state.withLock { $0.endless.append(continuation) }
    for await _ in forever {}
    throw CancellationError()
  }
}
