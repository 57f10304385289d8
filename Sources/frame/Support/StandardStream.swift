import Foundation
import FrameCore
import Synchronization

/// Where every byte that a command prints goes. Nothing here traps: a reader that has gone ends the command quietly, as it
/// ends every other tool of a pipe; a disk that is full is an error with a reason.
enum StandardStream: Sendable {
  case output
  case errors

  /// Takes over what goes to stderr while a node runs, so that nobody who does not read it keeps the node waiting.
  private static let sink = Mutex<LineSink?>(nil)

  static func send(errorsTo sink: LineSink) { self.sink.withLock { $0 = sink } }

  /// What waits for stderr is written, or given up after `limit`.
  static func flush(within limit: Duration = .seconds(1)) { sink.withLock { $0 }?.flush(within: limit) }

  var descriptor: Int32 { self == .output ? STDOUT_FILENO : STDERR_FILENO }

  func write(_ text: String) { write(Data(text.utf8)) }

  func write(_ data: Data) {
    switch self {
    case .errors:
      if let sink = Self.sink.withLock({ $0 }) { return sink.write(Array(data)) }
      // There is nobody left to be told that stderr cannot be written.
      _ = Self.writeAll(data, to: descriptor)
    case .output:
      switch Self.writeAll(data, to: descriptor) {
      case 0: break
      case EPIPE: Self.endByPipe()
      case let code:
        let failure = CLIError.outputFailed(why: SystemWords.of(errno: code))
        let status = ExitStatus(failure)
        Output.error(failure, status: status)
        Self.flush()
        Foundation.exit(status.rawValue)
      }
    }
  }

  /// Writes all of it, however little the descriptor takes at once.
  /// - Returns: 0, or the `errno` of the write that failed.
  static func writeAll(_ data: some ContiguousBytes, to descriptor: Int32) -> Int32 {
    data.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN || errno == EWOULDBLOCK {
          // A terminal that another program has made non-blocking.
          var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = poll(&waiting, 1, -1)
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }

  /// As a tool ends that has not ignored SIGPIPE: the shell sees 141, nobody sees a message.
  private static func endByPipe() -> Never {
    signal(SIGPIPE, SIG_DFL)
    var pipe = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_UNBLOCK, &pipe, nil)
    raise(SIGPIPE)
    _exit(128 + SIGPIPE)
  }
}
