import Foundation

/// The programs under test and beside it.
enum Binary {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// The `frame` binary that was built with this test bundle; FRAME_BINARY names another.
  static func frame() throws -> String {
    if let path = ProcessInfo.processInfo.environment["FRAME_BINARY"], !path.isEmpty { return path }
    // <build>/<configuration>/frame stands beside the test bundle.
    var candidates = [
      Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
    ]
    candidates.append(repository.appendingPathComponent(".build/debug"))
    for folder in candidates {
      let path = folder.appendingPathComponent("frame").path
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw Missing(description: "frame is not built: run swift build, or set FRAME_BINARY")
  }

  static func prometheus() throws -> String {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
    for folder in path.split(separator: ":") {
      let candidate = "\(folder)/prometheus"
      if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
    }
    throw Missing(description: "prometheus is not installed: run scripts/install-deps.sh test")
  }

  /// The repository that this file belongs to.
  static let repository: URL = {
    var folder = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { folder.deleteLastPathComponent() }
    return folder
  }()
}
