import CFrameSystem
import Foundation

/// What the process settles before anything else: it may hold keys, so a crash of it shows and leaves nothing of its memory.
enum ProcessManners {
  static func settle() {
    openStandardDescriptors()
    // A write to what nobody reads fails, and whoever writes says what that means.
    signal(SIGPIPE, SIG_IGN)
    resetCrashHandlers()
    refuseCores()
  }

  /// A process started without stdin, stdout or stderr must not have a database or a socket in their place.
  private static func openStandardDescriptors() {
    for descriptor in [STDIN_FILENO, StandardStream.output.descriptor, StandardStream.errors.descriptor]
    where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one. Writes to it fail, as they should.
      _ = open("/dev/null", O_RDONLY)
    }
  }

  /// The Swift runtime prints registers and stack of a process that crashes, and takes seconds for it. Only the environment
  /// can forbid it that beforehand; from inside, its signal handlers are taken away.
  private static func resetCrashHandlers() {
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGQUIT] { signal(number, SIG_DFL) }
  }

  /// No file and no collector of crashes gets the memory of this process, and no other process of the same user looks into it.
  private static func refuseCores() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(Self.core, &none)
    _ = frame_set_dumpable(0)
  }

  /// A frame whose identity comes from an agent must let that agent see which program it is.
  static func allowAttestation() { _ = frame_set_dumpable(1) }

  #if os(Linux)
    private static let core = __rlimit_resource_t(RLIMIT_CORE.rawValue)
  #else
    private static let core = RLIMIT_CORE
  #endif
}
