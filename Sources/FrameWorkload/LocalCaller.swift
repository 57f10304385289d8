import CFrameSystem
import Foundation
import NIOCore
import Synchronization

/// A local process on the other end of a connection, as the kernel knows it: user and group as they were when it connected
/// (`SO_PEERCRED`), the program as it is at each question, and only while it is the very program that connected.
final class LocalCaller: Sendable {
  let pid: Int32
  let uid: UInt32
  let gid: UInt32
  private let handle: ProcessHandle?
  private let proc: ProcessFiles
  private let ids: LocalIDs
  /// What it ran when its connection was accepted.
  private let executable: Result<FileIdentity, PathRefusal>

  /// - Parameters:
  ///   - handle: of the process; nil: what it runs cannot be told for certain.
  init(
    pid: Int32, uid: UInt32, gid: UInt32, handle: ProcessHandle?, proc: ProcessFiles = ProcessFiles(),
    ids: LocalIDs = .system
  ) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
    self.handle = handle
    self.proc = proc
    self.ids = ids
    executable = proc.running(pid, handle).map(\.identity)
  }

  /// Why nothing is said of the program that a process runs.
  enum PathRefusal: String, Error, CaseIterable, Sendable {
    /// It has ended, the node may not look at it, or it is of another process namespace.
    case unknown
    /// Its paths are not ours: what lies there is its own choice.
    case otherNamespace = "other_namespace"
    /// What lies at the path is not what it runs: it was replaced, removed, or is covered by a mount.
    case otherFile = "other_file"
    /// It is not the program that connected.
    case changed
  }

  struct Facts: Sendable, Equatable {
    let selectors: Set<Selector>
    /// Nil when the selectors have a path.
    let refusal: PathRefusal?
  }

  /// What is true of it now. Reads `/proc`: on a queue of its own, not on the cooperative pool.
  func facts() async -> Facts {
    await withCheckedContinuation { continuation in
      Self.queue.async { continuation.resume(returning: self.look()) }
    }
  }

  private static let queue = DispatchQueue(label: "frame.workload.callers", attributes: .concurrent)

  func look() -> Facts {
    var selectors: Set<Selector> = []
    // Ids that this user namespace has no number for are all shown as one: it names nobody.
    if uid != ids.unmappedUser { selectors.insert(.uid(uid)) }
    if gid != ids.unmappedGroup { selectors.insert(.gid(gid)) }
    do {
      let before = try executable.get()
      let now = try proc.running(pid, handle).get()
      guard now.identity == before else { throw PathRefusal.changed }
      selectors.insert(.path(now.path))
      return Facts(selectors: selectors, refusal: nil)
    } catch {
      return Facts(selectors: selectors, refusal: error as? PathRefusal ?? .unknown)
    }
  }

  /// Of a connection over a unix socket.
  /// - Throws: when the kernel does not tell.
  static func of(_ channel: any Channel) -> EventLoopFuture<LocalCaller> {
    guard let provider = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
    let credentials: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
      level: .socket, name: .peerCredentials)
    return credentials.flatMap { credentials in
      let handle: EventLoopFuture<Int32> = provider.unsafeGetSocketOption(level: .socket, name: .peerHandle)
      // Before Linux 6.5 the process is looked up by its number, a moment after it connected.
      return handle.flatMapErrorThrowing { _ in frame_pidfd_open(credentials.pid) }.map { descriptor in
        LocalCaller(
          pid: credentials.pid, uid: credentials.uid, gid: credentials.gid,
          handle: ProcessHandle(takingOwnershipOf: descriptor))
      }
    }
  }

  /// `struct ucred` of Linux, unix(7).
  private struct Credentials: Sendable {
    var pid: Int32
    var uid: UInt32
    var gid: UInt32
  }
}

extension NIOBSDSocket.Option {
  /// `SO_PEERCRED`, socket(7).
  fileprivate static let peerCredentials = NIOBSDSocket.Option(rawValue: 17)
  /// `SO_PEERPIDFD`, Linux 6.5: a handle of the process that connected, whatever its number is now.
  fileprivate static let peerHandle = NIOBSDSocket.Option(rawValue: 77)
}
