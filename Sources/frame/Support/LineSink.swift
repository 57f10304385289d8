import Foundation
import Synchronization

/// Takes lines without ever waiting, and writes them to a descriptor on a thread of its own. A node must not stand still
/// because nobody reads its stderr: what does not fit into the bounded buffer is dropped and counted, and when the reader is
/// back it is told how much.
final class LineSink: Sendable {
  private enum Item {
    case line([UInt8])
    case flush(DispatchSemaphore)
  }

  private struct State {
    var items: [Item] = []
    var bytes = 0
    var written: UInt64 = 0
    var dropped: UInt64 = 0
    /// Dropped lines that the reader has not been told about.
    var untold: UInt64 = 0
  }

  /// Lines since the start.
  struct Counts: Sendable, Equatable {
    let written: UInt64
    let dropped: UInt64
  }

  private let state = Mutex(State())
  private let work = DispatchSemaphore(value: 0)
  private let descriptor: Int32
  private let bytesMax: Int
  private let tell: @Sendable (UInt64) -> [UInt8]

  /// - Parameters:
  ///   - descriptor: stays the caller's; it may block.
  ///   - bytesMax: what may wait.
  ///   - tell: the line that says how many lines were dropped.
  init(descriptor: Int32, bytesMax: Int = 1 << 20, tell: @escaping @Sendable (UInt64) -> [UInt8]) {
    self.descriptor = descriptor
    self.bytesMax = bytesMax
    self.tell = tell
    // It blocks for as long as the reader likes: its own thread, never one of Swift's pool. It dies with the process.
    Thread.detachNewThread { self.run() }
  }

  var counts: Counts { state.withLock { Counts(written: $0.written, dropped: $0.dropped) } }

  func write(_ line: [UInt8]) {
    let taken = state.withLock { state in
      guard state.bytes + line.count <= bytesMax else {
        state.dropped += 1
        state.untold += 1
        return false
      }
      state.items.append(.line(line))
      state.bytes += line.count
      return true
    }
    if taken { work.signal() }
  }

  /// Returns when everything that was taken so far has been written, or after `limit`.
  func flush(within limit: Duration) {
    let done = DispatchSemaphore(value: 0)
    state.withLock { $0.items.append(.flush(done)) }
    work.signal()
    let nanoseconds = Int(
      clamping: limit.components.seconds * 1_000_000_000 + limit.components.attoseconds / 1_000_000_000)
    _ = done.wait(timeout: .now() + .nanoseconds(nanoseconds))
  }

  private func run() {
    while true {
      work.wait()
      let (items, untold) = state.withLock { state in
        defer {
          state.items.removeAll(keepingCapacity: true)
          state.untold = 0
        }
        return (state.items, state.untold)
      }
      for item in items {
        switch item {
        case .line(let bytes): write(out: bytes)
        case .flush(let done): done.signal()
        }
      }
      if untold > 0 { _ = StandardStream.writeAll(tell(untold), to: descriptor) }
    }
  }

  /// The bytes count as waiting until they are written: what this thread holds is part of the bound.
  private func write(out bytes: [UInt8]) {
    let failure = StandardStream.writeAll(bytes, to: descriptor)
    state.withLock { state in
      state.bytes -= bytes.count
      if failure == 0 { state.written += 1 } else { state.dropped += 1 }
    }
  }
}
