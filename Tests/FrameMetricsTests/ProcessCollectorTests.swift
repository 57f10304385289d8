import Foundation
import Testing

@testable import FrameMetrics

@Suite("Process metrics")
struct ProcessCollectorTests {
  private func parse(_ registry: MetricRegistry) throws -> ExpositionParser {
    try ExpositionParser(ExpositionWriter.write(registry.collect(), .text), openMetrics: false)
  }

  #if os(Linux)
    @Test("O7: the process_* metrics of this process are plausible")
    func live() throws {
      let registry = MetricRegistry()
      ProcessCollector.register(in: registry)
      try registry.validate()
      let parsed = try parse(registry)
      func value(_ name: String) throws -> Double { try #require(parsed.value(name).flatMap(Double.init)) }
      #expect(parsed.types["process_cpu_seconds_total"] == "counter")
      #expect(try value("process_cpu_seconds_total") > 0)
      #expect(try value("process_open_fds") >= 3)
      #expect(try value("process_max_fds") >= value("process_open_fds"))
      #expect(try value("process_resident_memory_bytes") > 1_048_576)
      #expect(try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
      #expect(try value("process_threads") >= 1)
      let age = Date().timeIntervalSince1970 - (try value("process_start_time_seconds"))
      #expect(age > -2 && age < 86_400)
    }
  #endif

  @Test("O7: what cannot be read is left out, never NaN")
  func missing() throws {
    let registry = MetricRegistry()
    ProcessCollector.register(in: registry, root: "/nonexistent")
    #expect(try parse(registry).samples.filter { $0.name.hasPrefix("process_") }.isEmpty)
  }

  @Test("O7: the stat line is parsed after the last parenthesis of the command name")
  func statLine() throws {
    let fields = "S 1 2 3 0 -1 4194560 10 0 0 0 250 150 0 0 20 0 7 0 5000 104857600 2560 18446744073709551615"
    for name in ["frame", "fra me", "a) R 1 (b", "))) 9 9"] {
      let stat = try #require(ProcStat("42 (\(name)) \(fields)\n"))
      #expect(stat.cpuTicks == 400)
      #expect(stat.threads == 7)
      #expect(stat.startTicks == 5_000)
      #expect(stat.virtualBytes == 104_857_600)
      #expect(stat.residentPages == 2_560)
    }
    #expect(ProcStat("") == nil)
    #expect(ProcStat("42 (frame) S 1") == nil)
  }

  @Test("O7: the file limit is the soft one, and unlimited is no number")
  func limits() {
    let text = """
      Limit                     Soft Limit           Hard Limit           Units
      Max open files            1024                 524288               files
      Max address space         unlimited            unlimited            bytes
      """
    #expect(ProcessCollector.softLimit("Max open files", in: text) == 1_024)
    #expect(ProcessCollector.softLimit("Max address space", in: text) == nil)
    #expect(ProcessCollector.softLimit("Max no such", in: text) == nil)
    #expect(ProcessCollector.bootTime("cpu 1 2\nbtime 1700000000\nprocesses 9\n") == 1_700_000_000)
  }

  @Test("build info carries the facts as labels")
  func buildInfo() throws {
    let registry = MetricRegistry()
    registry.buildInfo(["version": "0.1.0", "swift": "6.3"])
    #expect(try parse(registry).value("frame_build_info", ["version": "0.1.0", "swift": "6.3"]) == "1")
  }
}
