import Foundation
import Testing

/// What people read has one way out, and says nothing in a library's words.
struct PeopleTests {
  private static func sources(except names: Set<String>) -> [Repository.File] {
    Repository.files(under: "Sources", suffixes: [".swift"]).filter { !$0.isGenerated && !names.contains($0.name) }
  }

  @Test("text reaches a terminal through Output and the log handler alone, where it is made fit to be seen")
  func terminal() throws {
    // Beside those two: the line of a demo's step that is drawn again and again, and the files of a child process.
    let writers: Set = [
      "Output.swift", "StandardStream.swift", "Progress.swift", "ChildProcess.swift",
    ]
    let ways = [
      #"FileHandle\.standard(Output|Error)"#, #"\bSTDOUT_FILENO\b"#, #"\bSTDERR_FILENO\b"#,
      #"(?m)^\s*(debugP|p)rint\("#,
      #"\b(f?puts|fputs|fprintf|fwrite|putchar)\("#,
    ]
    for file in Self.sources(except: writers) {
      let text = try file.text()
      for way in ways { #expect(try text.firstMatch(of: Regex(way)) == nil, "\(file) writes past Output (\(way))") }
    }
    for name in ["Output.swift", "LogHandlers.swift", "Progress.swift"] {
      let file = try #require(Repository.files(under: "Sources/frame", suffixes: [name]).first)
      #expect(try file.text().contains("Shown"), "\(file) writes text as it came")
    }
  }

  @Test("the errors of the system and of libraries are told in the words of SystemWords")
  func words() throws {
    let ways = [
      #"localizedDescription"#, #"\bstrerror\("#, #""\\\(error\)"#, #"\\\(error\)""#,
      #"String\((describing|reflecting): error\)"#,
    ]
    for file in Self.sources(except: ["SystemWords.swift"]) {
      let text = try file.text()
      for way in ways {
        #expect(
          try text.firstMatch(of: Regex(way)) == nil,
          "\(file) tells an error in its own words (\(way)); use error.words")
      }
    }
  }
}
