import Foundation
import Testing

/// The clock is set by people and by NTP, and times are written by people: one way to measure, one way to read.
struct TimeTests {
  private static var lines: [(file: Repository.File, number: Int, text: String)] {
    get throws {
      var lines: [(Repository.File, Int, String)] = []
      for file in Repository.files(under: "Sources", suffixes: [".swift"]) where !file.isGenerated {
        for (number, line) in try file.text().split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
          lines.append((file, number + 1, String(line).replacing(#/\/\/.*/#, with: "")))
        }
      }
      return lines
    }
  }

  @Test("a duration is the difference of two steady readings, never of two readings of the wall clock")
  func durations() throws {
    for line in try Self.lines {
      #expect(
        !line.text.contains(#/clock\.now\(\) - /#),
        "\(line.file):\(line.number) measures with the wall clock; use steady()")
    }
  }

  @Test("a time that somebody wrote is read by WrittenTime and nothing else")
  func reading() throws {
    let readers = #/ISO8601|DateFormatter|strategy: \.iso8601|\bstrptime\b|\btimegm\b|\bmktime\b/#
    for line in try Self.lines {
      #expect(!line.text.contains(readers), "\(line.file):\(line.number) reads a time by itself; use WrittenTime")
    }
  }
}
