import Testing

/// What the process writes and how it ends is in few hands.
struct ProcessTests {
  /// The files that may write to the process's own streams, or end it, by path.
  private static let writers = ["Sources/frame/Support/StandardStream.swift"]

  @Test("nothing but StandardStream writes to stdout or stderr: its neighbours would trap or wait")
  func streams() throws {
    let forbidden = try [
      Regex(#"(?<![\w.])print\("#), Regex(#"\bdebugPrint\(|\bdump\("#), Regex(#"FileHandle\.standard(Output|Error)"#),
      Regex(#"\bfputs\(|\bfwrite\(|\bputs\(|\bperror\("#), Regex(#"\bwrite\(STD(OUT|ERR)_FILENO"#),
    ]
    for file in Repository.files(under: "Sources", suffixes: [".swift"])
    where !file.isGenerated && !Self.writers.contains(file.path) {
      for (number, line) in try file.text().split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      where !line.contains("func print") {
        for word in forbidden {
          #expect(line.firstMatch(of: word) == nil, "\(file):\(number + 1) writes past StandardStream: \(line)")
        }
      }
    }
  }

  @Test("no service group may end in a trap")
  func trap() throws {
    for file in Repository.files(under: "Sources", suffixes: [".swift"]) {
      let found = try file.text().contains("maximumCancellationDuration")
      #expect(
        !found, "\(file): the group's own limit for a cancellation is a fatalError; ShutdownWatch ends the process")
    }
  }
}
