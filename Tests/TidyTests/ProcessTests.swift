import Testing

/// What the process writes and how it ends is in few hands.
struct ProcessTests {
  @Test("nothing but StandardStream writes to stdout or stderr: Foundation's and C's own ways trap, or wait")
  func streams() throws {
    let forbidden = try [
      Regex(#"FileHandle\.standard(Output|Error)|FileHandle\(fileDescriptor: *[12]\b"#),
      Regex(#"(^|[^\w.])(print|debugPrint|dump|fputs|fwrite|puts|perror)\("#),
      Regex(#"\bwrite\( *(STD(OUT|ERR)_FILENO|[12] *,)"#),
    ]
    for file in Repository.files(under: "Sources", suffixes: [".swift"]) where !file.isGenerated {
      for (index, line) in try file.text().split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      where !line.contains("func ") && !line.contains("//") {
        for way in forbidden {
          #expect(line.firstMatch(of: way) == nil, "\(file):\(index + 1) writes past StandardStream: \(line)")
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
