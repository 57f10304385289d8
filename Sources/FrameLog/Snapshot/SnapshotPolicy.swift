internal import Foundation

/// Whether and when the state is kept beside the log, so that a start does not replay all of it.
package struct SnapshotPolicy: Sendable {
  /// A snapshot is due when the log has grown by so many events since the last one; 0: none is made or used.
  package let everyEvents: UInt64
  /// What replays the log: a snapshot that another program made is not used, because it may have understood an event
  /// differently.
  package let program: String
  /// How many times as long as the last snapshot took, beside replaying what was new, the next one waits at least. Each event
  /// is replayed once, but each snapshot reads and writes the whole state: at 9 that takes a tenth of one processor at most.
  package let restFactor: Int

  package static let defaultEveryEvents: UInt64 = 50_000
  package static let none = SnapshotPolicy(everyEvents: 0, program: "")

  /// - Parameter version: of the program.
  package init(everyEvents: UInt64, program version: String, restFactor: Int = 9) {
    self.everyEvents = everyEvents
    self.restFactor = restFactor
    #if DEBUG
      // While it is being worked on, a program changes without its version: there the file itself is asked.
      var status = stat()
      program =
        stat("/proc/self/exe", &status) == 0
        ? "\(version)-debug.\(status.st_size).\(status.st_mtim.tv_sec)" : "\(version)-debug"
    #else
      program = version
    #endif
  }

  var isOn: Bool { everyEvents > 0 }
}
