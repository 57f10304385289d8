import Foundation

/// Runs a program and waits without holding a thread of the cooperative pool.
enum Tool {
  struct Result: Sendable {
    let status: Int32
    /// Standard output and standard error, as they came.
    let output: String
    var succeeded: Bool { status == 0 }
  }

  /// - Throws: when the program is not on PATH; `make test` installs promtool and amtool.
  static func run(_ program: String, _ arguments: [String]) async throws -> Result {
    try await withTemporaryFolder { folder in
      let log = folder.appendingPathComponent("output")
      try Data().write(to: log)
      let handle = try FileHandle(forWritingTo: log)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [program] + arguments
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = handle
      process.standardError = handle
      let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
        process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
        do {
          try process.run()
        } catch {
          process.terminationHandler = nil
          done.resume(throwing: error)
        }
      }
      try handle.close()
      return Result(status: status, output: try String(contentsOf: log, encoding: .utf8))
    }
  }

  static func withTemporaryFolder<T>(_ body: (URL) async throws -> T) async throws -> T {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-tidy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
  }

  /// Lets promtool parse expressions, as the rules of one file.
  ///
  /// - Returns: what promtool says when one does not parse, else nil.
  static func problem(withPromQL expressions: [String]) async throws -> String? {
    try await withTemporaryFolder { folder in
      var rules = "groups:\n  - name: check\n    rules:\n"
      for (index, expression) in expressions.enumerated() {
        rules += "      - record: check:\(index)\n        expr: |\n"
        for line in expression.split(separator: "\n") { rules += "          \(line)\n" }
      }
      let file = folder.appendingPathComponent("check.yaml")
      try Data(rules.utf8).write(to: file)
      let result = try await run("promtool", ["check", "rules", file.path])
      return result.succeeded ? nil : result.output + "\n" + rules
    }
  }
}
