import Foundation
import NIOCore
import Synchronization

/// A local process on the other end of a connection, as the kernel knew it when it connected (`SO_PEERCRED`).
struct LocalCaller: Sendable, Hashable {
  let pid: Int32
  let selectors: Set<Selector>

  /// - Parameter path: the executable of a process; nil when it cannot be told.
  init(pid: Int32, uid: UInt32, gid: UInt32, path: (Int32) -> String? = Self.executable) {
    self.pid = pid
    var selectors: Set<Selector> = [.uid(uid), .gid(gid)]
    if let path = path(pid) { selectors.insert(.path(path)) }
    self.selectors = selectors
  }

  /// Of a connection over a unix socket.
  /// - Throws: when the kernel does not tell.
  static func of(_ channel: any Channel) -> EventLoopFuture<LocalCaller> {
    guard let provider = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
    let credentials: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
      level: .socket, name: .peerCredentials)
    return credentials.map { LocalCaller(pid: $0.pid, uid: $0.uid, gid: $0.gid) }
  }

  /// `struct ucred` of Linux, unix(7).
  private struct Credentials: Sendable {
    var pid: Int32
    var uid: UInt32
    var gid: UInt32
  }

  /// The link that the kernel keeps, not what the process says of itself. Nil for a process that is gone, or that the
  /// node's user may not look at.
  private static func executable(of pid: Int32) -> String? {
    guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"),
      path.hasPrefix("/"), !path.hasSuffix(" (deleted)")
    else { return nil }
    return path
  }
}

extension NIOBSDSocket.Option {
  /// `SO_PEERCRED`, socket(7).
  fileprivate static let peerCredentials = NIOBSDSocket.Option(rawValue: 17)
}

/// The open connections of the Workload API, by the number that their calls carry.
final class LocalConnections: Sendable {
  private struct Held {
    var next: UInt64 = 0
    var listener: (any Channel)?
    var channels: [ObjectIdentifier: any Channel] = [:]
    var numbers: [ObjectIdentifier: UInt64] = [:]
    var callers: [UInt64: LocalCaller] = [:]
  }
  private let held = Mutex(Held())

  /// Connections at once.
  static let max = 512

  /// - Returns: false when there are too many.
  func add(_ channel: any Channel, _ caller: LocalCaller) -> Bool {
    let id = ObjectIdentifier(channel)
    let added = held.withLock { held in
      guard held.channels.count < Self.max else { return false }
      held.next += 1
      held.channels[id] = channel
      held.numbers[id] = held.next
      held.callers[held.next] = caller
      return true
    }
    guard added else { return false }
    channel.closeFuture.whenComplete { [weak self] _ in
      self?.held.withLock { held in
        held.channels[id] = nil
        if let number = held.numbers.removeValue(forKey: id) { held.callers[number] = nil }
      }
    }
    return true
  }

  func number(of channel: any Channel) -> UInt64? { held.withLock { $0.numbers[ObjectIdentifier(channel)] } }
  func caller(_ number: UInt64) -> LocalCaller? { held.withLock { $0.callers[number] } }
  func listen(_ channel: any Channel) { held.withLock { $0.listener = channel } }

  /// From now on the kernel keeps whoever connects waiting.
  func stopAccepting() async {
    guard let listener = held.withLock({ $0.listener }) else { return }
    try? await listener.setOption(.autoRead, value: false).get()
  }

  func closeAll() { for channel in held.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) } }
}
