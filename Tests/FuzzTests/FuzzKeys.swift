import Crypto
import Foundation
import FrameCore
import FrameEvents

@testable import FrameIdentity

/// Keys and identities that targets sign with, so that mutations get past a signature to what is read behind it. The same in
/// every run: they are public, and worth nothing.
enum FuzzKeys {
  static let frame = id("frame-a.example")
  static let peer = id("frame-b.example")
  static let now = FrameTime(unixNanoseconds: 1_800_000_000_000_000_000)

  static func id(_ name: String) -> FrameID {
    // The names above follow the grammar.
    do { return try FrameID(name) } catch { preconditionFailure("\(error)") }
  }

  /// The log key of a frame, which follows from its name.
  static func signer(_ frame: FrameID) -> LogSigner {
    let seed = Data(SHA256.hash(data: Data("fuzz \(frame.name)".utf8)))
    // Any 32 bytes are an Ed25519 key.
    do { return LogSigner(name: frame.name, privateKey: try .init(rawRepresentation: seed)) } catch {
      preconditionFailure("\(error)")
    }
  }

  struct Clock: FrameClock {
    func now() -> FrameTime { FuzzKeys.now }
    func sleep(for duration: Duration) async throws {}
  }

  private final class Box<T>: @unchecked Sendable {
    // Written before the semaphore is signalled, read after it was waited for.
    var result: Result<T, any Error>?
  }

  /// What a cooperative task gives, waited for on a thread that belongs to nobody else.
  static func wait<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
    let box = Box<T>()
    let done = DispatchSemaphore(value: 0)
    Task.detached {
      do { box.result = .success(try await body()) } catch { box.result = .failure(error) }
      done.signal()
    }
    done.wait()
    guard let result = box.result else { throw FuzzFailure(why: "a task ended without a result") }
    return try result.get()
  }
}
