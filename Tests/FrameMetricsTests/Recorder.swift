import Synchronization

/// Collects what callbacks saw.
final class Recorder<Value: Sendable>: Sendable {
  private let store = Mutex<[Value]>([])

  func append(_ value: Value) { store.withLock { $0.append(value) } }
  var values: [Value] { store.withLock { $0 } }
}
