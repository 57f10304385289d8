package import Foundation

/// Processor time that a process has taken so far, user and system, all of its threads: what a benchmark can compare between
/// machines whose disks differ.
package enum ProcessCPU {
  /// - Parameter pid: nil for this process.
  /// - Returns: seconds; nil when there is no such process.
  package static func seconds(of pid: pid_t? = nil) -> Double? {
    var clock = CLOCK_PROCESS_CPUTIME_ID
    if let pid, clock_getcpuclockid(pid, &clock) != 0 { return nil }
    var time = timespec()
    guard clock_gettime(clock, &time) == 0 else { return nil }
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Of this process, which always has a clock.
  package static func own() -> Double { seconds() ?? 0 }
}
