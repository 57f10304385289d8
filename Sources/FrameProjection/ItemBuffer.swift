import Synchronization

/// A bounded queue between the stream of one peer and our writer: the reader suspends when it is full, so that flow control
/// reaches the peer, and the drain takes all there is, so that many items share one commit.
final class ItemBuffer<Element: Sendable>: Sendable {
  private struct State: Sendable {
    var items: [Element] = []
    var bytes = 0
    var isFinished = false
    var reader: CheckedContinuation<Void, Never>?
    var drain: CheckedContinuation<Void, Never>?
  }

  private let limit: Int
  private let byteLimit: Int
  private let state = Mutex(State())

  init(limit: Int, bytes byteLimit: Int = .max) {
    self.limit = limit
    self.byteLimit = byteLimit
  }

  private func hasRoom(_ state: State) -> Bool { state.items.count < limit && state.bytes < byteLimit }

  /// Adds an item, suspending while the buffer is full. One caller at a time.
  /// - Parameter bytes: what it takes of the buffer's bytes; the last one may go beyond them.
  /// - Returns: false when the buffer was finished and the item was dropped.
  func put(_ item: Element, bytes: Int = 0) async -> Bool {
    while true {
      let (done, drain) = state.withLock { state -> (Bool?, CheckedContinuation<Void, Never>?) in
        if state.isFinished { return (false, nil) }
        guard hasRoom(state) else { return (nil, nil) }
        state.items.append(item)
        state.bytes += bytes
        defer { state.drain = nil }
        return (true, state.drain)
      }
      drain?.resume()
      if let done { return done }
      await withCheckedContinuation { continuation in
        let goOn = state.withLock { state in
          if state.isFinished || hasRoom(state) { return true }
          state.reader = continuation
          return false
        }
        if goOn { continuation.resume() }
      }
    }
  }

  /// Everything that is buffered, suspending while there is nothing. One caller at a time.
  /// - Returns: nil when the buffer was finished and is empty.
  func takeAll() async -> [Element]? {
    while true {
      let (items, reader) = state.withLock { state -> ([Element]?, CheckedContinuation<Void, Never>?) in
        guard !state.items.isEmpty else { return (state.isFinished ? nil : [], nil) }
        let items = state.items
        state.items.removeAll(keepingCapacity: true)
        state.bytes = 0
        defer { state.reader = nil }
        return (items, state.reader)
      }
      reader?.resume()
      guard let items else { return nil }
      if !items.isEmpty { return items }
      await withCheckedContinuation { continuation in
        let goOn = state.withLock { state in
          if state.isFinished || !state.items.isEmpty { return true }
          state.drain = continuation
          return false
        }
        if goOn { continuation.resume() }
      }
    }
  }

  /// No more items; whoever waits goes on. What is buffered can still be taken.
  func finish() {
    let waiting = state.withLock { state in
      state.isFinished = true
      defer {
        state.reader = nil
        state.drain = nil
      }
      return [state.reader, state.drain]
    }
    for continuation in waiting { continuation?.resume() }
  }
}
