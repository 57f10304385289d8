import CLibFuzzer
import Foundation

/// `frame-fuzz TARGET [options of libFuzzer] [corpus folders]`: one target until it is stopped or finds something. `--list` prints the
/// names, `--seeds TARGET FOLDER` writes what the target begins with.
@main enum FuzzDriver {
  nonisolated(unsafe) private static var target: FuzzTarget?

  static func main() {
    var arguments = CommandLine.arguments
    if arguments.dropFirst() == ["--list"] { return print(FuzzTargets.all.map(\.name).joined(separator: "\n")) }
    if arguments.count == 4, arguments[1] == "--seeds" { return seeds(arguments[2], arguments[3]) }
    guard arguments.count >= 2, let named = FuzzTargets.named(arguments[1]) else {
      fputs("usage: frame-fuzz --list | --seeds TARGET FOLDER | TARGET [options of libFuzzer] [folders]\n", stderr)
      exit(64)
    }
    // Set once, before the loop that reads it.
    target = named
    arguments.remove(at: 1)
    if let words = try? dictionary(named) { arguments.insert("-dict=\(words)", at: 1) }
    arguments.insert("-max_len=\(named.bytesMax)", at: 1)
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    pointers.withUnsafeMutableBufferPointer { buffer in
      var count = CInt(arguments.count)
      var words = buffer.baseAddress
      let status = LLVMFuzzerRunDriver(&count, &words) { bytes, size in
        let input = bytes.map { Data(bytes: $0, count: size) } ?? Data()
        guard let target = FuzzDriver.target else { return -1 }
        do { _ = try target.read(input) } catch {
          // What libFuzzer calls a crash: it keeps the input.
          fatalError("\(target.name): \(error)")
        }
        return 0
      }
      exit(status)
    }
  }

  private static func seeds(_ name: String, _ folder: String) {
    guard let target = FuzzTargets.named(name) else { exit(64) }
    for (index, seed) in target.seeds.enumerated() {
      try? seed.write(to: URL(fileURLWithPath: folder).appendingPathComponent("seed-\(index)"))
    }
  }

  /// The target's words as libFuzzer reads them.
  private static func dictionary(_ target: FuzzTarget) throws -> String {
    let lines = target.words.map { word in
      "\"" + word.utf8.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("frame-fuzz-\(target.name).dict")
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    return file.path
  }
}

/// libFuzzer's own `main` asks for it at link time; ours is taken.
@_cdecl("LLVMFuzzerTestOneInput") public func unused(_ bytes: UnsafePointer<UInt8>?, _ size: Int) -> CInt { 0 }
