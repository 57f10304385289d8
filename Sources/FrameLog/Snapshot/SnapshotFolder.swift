internal import FrameEvents
internal import Foundation
internal import FrameCore
internal import Synchronization

/// The folder of a log's snapshots and of the runs of keys that go with them. All in it is derived from the log: losing it
/// costs a replay, nothing else.
final class SnapshotFolder: Sendable {
  static let name = "snapshots"
  /// Snapshots that stay, newest first: when one is refused there is another.
  static let kept = 2

  let url: URL
  /// Held while files are opened or removed: what is mapped may be removed, what is about to be may not.
  private let access = Mutex(())
  /// The names of those that this process made, or held against the whole log when it started.
  private let trusted = Mutex<Set<String>>([])

  init(of logDirectory: URL) { url = logDirectory.appendingPathComponent(Self.name, isDirectory: true) }

  /// - Throws: `LogError.storage`.
  func create() throws {
    do {
      try FileManager.default.createDirectory(
        at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw LogError.storage("\(url.path) cannot be created: \(error.words)")
    }
  }

  func trust(_ name: String) { trusted.withLock { _ = $0.insert(name) } }

  /// Tries snapshots of at most `limit` events, newest first, until `open` can use one.
  /// - Parameter anyone: also those that are not trusted; `open` must then check them, and what it takes is trusted from then.
  func first<Value>(
    upTo limit: UInt64, evenUntrusted anyone: Bool, _ open: (URL) throws -> Value,
    refused: (String, SnapshotRefusal) -> Void
  ) -> Value? {
    access.withLock { _ in
      let known = trusted.withLock { $0 }
      for name in names().sorted(by: >) {
        guard let size = SnapshotFile.size(name), size <= limit, anyone || known.contains(name) else { continue }
        do {
          let value = try open(url.appendingPathComponent(name))
          trust(name)
          return value
        } catch let refusal as SnapshotRefusal {
          refused(name, refusal)
        } catch {
          refused(name, .unreadable(error.words))
        }
      }
      return nil
    }
  }

  /// Removes all but these files.
  func keep(_ files: Set<String>) {
    access.withLock { _ in
      for name in names() where !files.contains(name) {
        try? FileManager.default.removeItem(at: url.appendingPathComponent(name))
      }
    }
  }

  private func names() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] }
}
