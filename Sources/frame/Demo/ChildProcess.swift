import Foundation
import Synchronization

/// A child process whose stdin is ours to hold open, whose output goes to a file, and which is in a process group of its
/// own, so that a terminal's Ctrl-C reaches only its supervisor.
final class ChildProcess: Sendable {
  /// How a child ended.
  enum Ending: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    var description: String {
      switch self {
      case .exited(let code): "exit code \(code)"
      case .signalled(let signal): "signal \(signal)"
      }
    }
  }

  let pid: pid_t
  private let stdin: Int32
  private let ending = Mutex<Ending?>(nil)
  private let waiters = Mutex<[CheckedContinuation<Ending, Never>]>([])

  /// - Throws: `POSIXError`.
  init(_ executable: String, _ arguments: [String], output: String) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Self.error(errno) }
    // Neither end may leak into another child: it would keep this one's stdin open.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigfillset(&defaults)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid = pid_t()
    let status = posix_spawn(&pid, executable, &actions, &attributes, &words, environ)
    close(ends[0])
    guard status == 0 else {
      close(ends[1])
      throw Self.error(status)
    }
    self.pid = pid
    stdin = ends[1]
    // waitpid(2) blocks: its own thread.
    Thread.detachNewThread { self.reap() }
  }

  private static func error(_ code: Int32) -> POSIXError { POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }

  private func reap() {
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    close(stdin)
    // In this order: whoever finds no ending yet is on the list before it is emptied.
    let waiting = waiters.withLock { waiters -> (Ending, [CheckedContinuation<Ending, Never>]) in
      // The number is free for another process only once it is reaped, and then nobody signals it any more.
      let how = ending.withLock { ending -> Ending in
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        let how: Ending = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
        ending = how
        return how
      }
      defer { waiters = [] }
      return (how, waiters)
    }
    for waiter in waiting.1 { waiter.resume(returning: waiting.0) }
  }

  /// How it ended, or nil while it runs.
  var ended: Ending? { ending.withLock { $0 } }

  /// Waits for the end; not cancellable, the end always comes.
  func waitUntilEnd() async -> Ending {
    await withCheckedContinuation { continuation in
      let already = waiters.withLock { waiters -> Ending? in
        if let how = ended { return how }
        waiters.append(continuation)
        return nil
      }
      if let already { continuation.resume(returning: already) }
    }
  }

  func send(_ signal: Int32) {
    ending.withLock { ending in
      if ending == nil { _ = kill(pid, signal) }
    }
  }

  /// SIGTERM, then SIGKILL when it has not ended within `patience`.
  @discardableResult
  func stop(patience: Duration) async -> Ending {
    send(SIGTERM)
    return await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        try? await Task.sleep(for: patience)
        if !Task.isCancelled { send(SIGKILL) }
      }
      let how = await waitUntilEnd()
      group.cancelAll()
      return how
    }
  }
}
