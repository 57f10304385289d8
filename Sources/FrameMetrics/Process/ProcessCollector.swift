#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The `process_*` metrics of Prometheus' client library guide, read at each scrape. What the system does not tell is
/// left out, never NaN.
package struct ProcessCollector: Sendable {
  private let proc: ProcFS
  private let ticksPerSecond: Double?
  private let pageBytes: Int64?
  private let cpu: Counter
  private let openFDs: Gauge
  private let maxFDs: Gauge
  private let virtualBytes: Gauge
  private let virtualBytesMax: Gauge
  private let residentBytes: Gauge
  private let start: Gauge
  private let threads: Gauge

  /// Declares the metrics and registers the collector `process`.
  ///
  /// - Parameter root: where procfs is mounted.
  package static func register(in registry: MetricRegistry, root: String = "/proc") {
    let collector = ProcessCollector(registry, ProcFS(root: root))
    registry.onCollect("process") { _ in collector.collect() }
  }

  private init(_ registry: MetricRegistry, _ proc: ProcFS) {
    self.proc = proc
    ticksPerSecond = Self.system(Int32(_SC_CLK_TCK)).map { Double($0) }
    pageBytes = Self.system(Int32(_SC_PAGESIZE))
    func gauge(_ name: String, _ help: String) -> Gauge { registry.gauge(name, help: help, absent: true) }
    cpu = registry.counter("process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds.")
    cpu.mirror(nil)
    openFDs = gauge("process_open_fds", "Number of open file descriptors.")
    maxFDs = gauge("process_max_fds", "Maximum number of open file descriptors (soft limit).")
    virtualBytes = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")
    virtualBytesMax = gauge(
      "process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes (soft limit).")
    residentBytes = gauge("process_resident_memory_bytes", "Resident memory size in bytes.")
    start = gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
    threads = gauge("process_threads", "Number of OS threads in the process.")
  }

  private static func system(_ name: Int32) -> Int64? {
    let value = sysconf(name)
    return value > 0 ? Int64(value) : nil
  }

  private func collect() {
    let stat = proc.read("self/stat").flatMap(ProcStat.init)
    cpu.mirror(seconds(stat?.cpuTicks))
    set(threads, stat.map { Double($0.threads) })
    set(virtualBytes, stat.map { Double($0.virtualBytes) })
    if let stat, let pageBytes {
      set(residentBytes, Double(stat.residentPages) * Double(pageBytes))
    } else {
      residentBytes.clear()
    }
    if let since = seconds(stat?.startTicks), let boot = proc.read("stat").flatMap(Self.bootTime) {
      set(start, boot + since)
    } else {
      start.clear()
    }
    set(openFDs, proc.entries("self/fd").map { Double($0) })
    let limits = proc.read("self/limits")
    set(maxFDs, limits.flatMap { Self.softLimit("Max open files", in: $0) })
    set(virtualBytesMax, limits.flatMap { Self.softLimit("Max address space", in: $0) })
  }

  private func seconds(_ ticks: UInt64?) -> Double? {
    guard let ticks, let ticksPerSecond else { return nil }
    return Double(ticks) / ticksPerSecond
  }

  private func set(_ gauge: Gauge, _ value: Double?) {
    if let value { gauge.set(value) } else { gauge.clear() }
  }

  /// `btime` of `/proc/stat`: when the machine started, in seconds since 1970.
  static func bootTime(_ text: String) -> Double? {
    text.split(separator: "\n").first { $0.hasPrefix("btime ") }?.split(separator: " ").last.flatMap { Double($0) }
  }

  /// The first number of a line of `/proc/self/limits`; nil for `unlimited`, which is no number to alert on.
  static func softLimit(_ name: String, in text: String) -> Double? {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    return line.dropFirst(name.count).split(separator: " ").first.flatMap { UInt64($0) }.map { Double($0) }
  }
}

extension MetricRegistry {
  /// `frame_build_info`: what is running, as labels.
  package func buildInfo(_ facts: KeyValuePairs<String, String>) {
    info("frame_build_info", help: "What this node was built from; always 1.", facts)
  }
}
