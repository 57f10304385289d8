import Foundation
import Synchronization

/// Ports nobody listens on, below the range that the kernel takes for outgoing connections, so that a node that is
/// restarted finds its port still free.
enum FreePorts {
  private static let given = Mutex<Set<Int>>([])

  struct NoneLeft: Error {}

  static func take(_ count: Int) throws -> [Int] {
    var ports: [Int] = []
    var attempts = 0
    while ports.count < count {
      attempts += 1
      guard attempts < 2000 else { throw NoneLeft() }
      let port = Int.random(in: 20_000...31_999)
      let fresh = given.withLock { $0.insert(port).inserted }
      if fresh, isFree(port) { ports.append(port) }
    }
    return ports
  }

  static func isFree(_ port: Int) -> Bool { Listener(port: port) != nil }

  /// A socket that listens and answers nothing, for tests that need a port to be taken.
  final class Listener {
    private let descriptor: Int32

    init?(port: Int) {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      guard descriptor >= 0 else { return nil }
      // As the listeners of a node do: connections of the past do not count.
      var one: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(UInt16(port).bigEndian)
      address.sin_addr.s_addr = INADDR_ANY
      let bound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard bound == 0, listen(descriptor, 1) == 0 else { return nil }
    }

    deinit { close(descriptor) }
  }
}
