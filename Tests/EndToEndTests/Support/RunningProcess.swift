import Foundation
import Synchronization

/// A long-running child whose output goes to a file; it is killed when the test lets go of it.
final class RunningProcess: Sendable {
  let pid: pid_t
  let output: URL
  private let process: Mutex<Process>

  init(_ executable: String, _ arguments: [String], output: URL, environment: [String: String] = [:]) throws {
    if !FileManager.default.fileExists(atPath: output.path) { try Data().write(to: output) }
    let handle = try FileHandle(forWritingTo: output)
    try handle.seekToEnd()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    // The child has its own; a process object that lives on must not keep ours open.
    try handle.close()
    pid = process.processIdentifier
    self.output = output
    self.process = Mutex(process)
  }

  deinit { if isRunning { kill(pid, SIGKILL) } }

  var isRunning: Bool { process.withLock { $0.isRunning } }

  /// How it ended; negative for a signal. Nil while it runs.
  var status: Int32? {
    process.withLock { process in
      guard !process.isRunning else { return nil }
      return process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
    }
  }

  /// Sends a signal and waits for the end.
  @discardableResult
  func end(_ signal: Int32, within limit: Duration = .seconds(45)) async throws -> Int32 {
    if isRunning { kill(pid, signal) }
    return try await Wait.polling.eventually("process \(pid) ending", within: limit) { status }
  }

  /// The last lines of its output.
  var tail: String {
    let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(25).joined(separator: "\n")
  }
}

/// A program that is run to its end.
struct Finished: Sendable {
  let status: Int32
  let output: String
  let errors: String

  /// Runs `executable`; it is killed when it takes longer than `limit`.
  static func run(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    within limit: Duration = .seconds(60)
  ) async throws -> Finished {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-run-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (out, err) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("err"))
    try Data().write(to: out)
    try Data().write(to: err)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let (output, errors) = (try FileHandle(forWritingTo: out), try FileHandle(forWritingTo: err))
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // The child has its own. Two more for each of a thousand commands are more than select(2) can count.
    try output.close()
    try errors.close()
    do {
      try await Wait.polling.until("\(arguments.first ?? executable) ending", within: limit) { !process.isRunning }
    } catch {
      kill(process.processIdentifier, SIGKILL)
      throw error
    }
    return Finished(
      status: process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus,
      output: try String(contentsOf: out, encoding: .utf8), errors: try String(contentsOf: err, encoding: .utf8))
  }
}
