import Foundation
import Testing

/// The rules of the source tree that a reader should never have to check.
struct SourceTreeTests {
  private static let linesMax = 600

  private static var swiftFiles: [Repository.File] {
    ["Sources", "Tests"].flatMap { Repository.files(under: $0, suffixes: [".swift"]) }.filter { !$0.isGenerated }
  }

  @Test("no file is longer than 600 lines")
  func length() throws {
    for file in Self.swiftFiles {
      let lines = try file.text().split(separator: "\n", omittingEmptySubsequences: false).count
      #expect(lines <= Self.linesMax, "\(file) has \(lines) lines")
    }
  }

  @Test("no file puts work off with a marker")
  func markers() throws {
    // Spelt in halves, so that this file does not find itself.
    let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    let files =
      Self.swiftFiles
      + ["Protos", "scripts", "alerts", "runbooks", "docs"].flatMap { Repository.files(under: $0) }
      + ["Makefile", "Package.swift"].map(Repository.File.init(path:))
    for file in files {
      let text = try file.text()
      for word in words {
        let found = try text.firstMatch(of: Regex("\\b\(word)\\b"))
        #expect(found == nil, "\(file) contains \(word)")
      }
    }
  }

  @Test("one reader of JSON and one of YAML read everything from outside; nothing else in the sources does")
  func readers() throws {
    // Spelt in halves, so that this file does not find itself.
    let words = [
      "JSON" + "Decoder", "JSONSerialization." + "jsonObject", "YAML" + "Decoder", "Yams." + "load",
      "Yams." + "compose",
      "PropertyList" + "Decoder", "uri." + "queryParameters",
    ]
    // Protobuf's reader of JSON, where ours has read the same before.
    let after = ["Sources/FramePeering/Bundles/Invitation.swift", "Sources/FrameWorkload/WorkloadService.swift"]
    for file in Self.swiftFiles where file.path.hasPrefix("Sources/") {
      let text = try file.text()
      #expect(
        !text.contains("jsonUTF8" + "Data:") || after.contains(file.path), "\(file) reads JSON with protobuf's reader")
      for word in words {
        #expect(!text.contains(word), "\(file) contains \(word): use TextDecoding, YAMLDocument or RequestQuery")
      }
    }
  }

  @Test("metrics are declared in one file a room, named after it")
  func metricsFiles() throws {
    for room in Repository.folders(in: "Sources") where room.hasPrefix("Frame") && room != "FrameMetrics" {
      let expected = "\(room.dropFirst("Frame".count))Metrics.swift"
      for file in Repository.files(under: "Sources/\(room)", suffixes: [".swift"]) where file.name != expected {
        let declared = MetricCatalog.declarations(in: try file.text(), of: file).map(\.name)
        #expect(declared.isEmpty, "\(file) declares \(declared); they belong in \(expected)")
      }
    }
  }

  @Test("no metric is declared twice")
  func uniqueMetrics() throws {
    var seen: [String: Repository.File] = [:]
    for file in Repository.files(under: "Sources", suffixes: ["Metrics.swift"]) {
      for declaration in MetricCatalog.declarations(in: try file.text(), of: file) {
        let other = seen.updateValue(file, forKey: declaration.name)
        #expect(other == nil, "\(declaration.name) is declared in \(file) and in \(other?.path ?? "")")
      }
    }
  }

  @Test("metric names follow the conventions of their kind")
  func metricNames() throws {
    for declaration in try MetricCatalog().declarations.values {
      let name = declaration.name
      switch declaration.kind {
      case .counter: #expect(name.hasSuffix("_total"), "\(name) (\(declaration.file))")
      case .info: #expect(name.hasSuffix("_info"), "\(name) (\(declaration.file))")
      case .gauge, .histogram, .stateSet:
        #expect(!name.hasSuffix("_total") && !name.hasSuffix("_info"), "\(name) (\(declaration.file))")
      case nil: break
      }
    }
  }
}
