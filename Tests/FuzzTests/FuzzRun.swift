import Foundation

/// Runs a target without a coverage-guided engine: seeds, saved corpus, then mutations of both and of whatever had a result that
/// none before it had. The same inputs for the same seed.
struct FuzzRun {
  struct Report: CustomStringConvertible {
    let target: String
    var inputs = 0
    var accepted = 0
    var refused: [String: Int] = [:]
    /// Processor time of the slowest input.
    var slowest = 0.0

    var description: String {
      let codes = refused.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      return "\(target): \(inputs) inputs, \(accepted) accepted, slowest \(Int(slowest * 1000)) ms; refused: "
        + (codes.isEmpty ? "none" : codes)
    }
  }

  /// No input may take longer, on a slow machine and without optimisation.
  static let secondsMax = 3.0

  let target: FuzzTarget
  let seed: UInt64
  /// Mutated inputs.
  let count: Int
  /// Processor time after which there are no more inputs; of the clock's, eight times as much, for what waits for a disk.
  let seconds: Double

  /// - Throws: ``FuzzFailure`` with the input.
  func run() throws -> Report {
    var report = Report(target: target.name)
    var mutator = Mutator(seed: seed, words: target.words, bytesMax: target.bytesMax)
    var random = SeededGenerator(state: seed ^ 0x5eed)
    var pool = target.seeds + (try FuzzCorpus.load(target.name))
    var verdicts: Set<FuzzTarget.Verdict> = []
    for input in pool { verdicts.insert(try one(input, &report)) }
    let (began, start) = (Self.cpu(), ContinuousClock.now)
    for _ in 0..<count {
      if Self.cpu() - began > seconds || ContinuousClock.now - start > .seconds(seconds * 8) { break }
      func pick() -> Data { pool.isEmpty ? Data() : pool[Int(random.next() >> 33) % pool.count] }
      let input = mutator.mutate(pick(), with: pick())
      if verdicts.insert(try one(input, &report)).inserted { pool.append(input) }
    }
    return report
  }

  private func one(_ input: Data, _ report: inout Report) throws -> FuzzTarget.Verdict {
    FuzzCorpus.remember(input, of: target.name)
    let began = Self.cpu()
    let verdict: FuzzTarget.Verdict
    do { verdict = try target.read(input) } catch {
      throw FuzzFailure(why: "\(target.name): \(error); input in base64: \(input.base64EncodedString())")
    }
    let taken = Self.cpu() - began
    guard taken < Self.secondsMax else {
      throw FuzzFailure(
        why: "\(target.name): one input took \(taken) s; in base64: \(input.base64EncodedString().prefix(20_000))")
    }
    report.inputs += 1
    report.slowest = max(report.slowest, taken)
    switch verdict {
    case .accepted: report.accepted += 1
    case .refused(let code): report.refused[code, default: 0] += 1
    }
    return verdict
  }

  /// Of this thread, so that what else runs does not count.
  private static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// The saved inputs of a target, and the one that is being read.
enum FuzzCorpus {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/fuzz")

  /// In the order of their names.
  static func load(_ target: String) throws -> [Data] {
    let own = folder.appendingPathComponent(target)
    guard FileManager.default.fileExists(atPath: own.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: own.path).sorted().map { name in
      try Data(contentsOf: own.appendingPathComponent(name))
    }
  }

  /// When an input ends the process, the file of its target has it: in a mapped file, it outlives the process.
  static func remember(_ input: Data, of target: String) {
    guard let page = Pages.shared.page(of: target) else { return }
    let length = min(input.count, Pages.bytesMax - 8)
    withUnsafeBytes(of: UInt64(length).littleEndian) {
      page.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(page), byteCount: 8)
    }
    input.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { (page + 8).copyMemory(from: base, byteCount: length) }
    }
  }

  /// One mapped file a target, in the temporary folder: `frame-fuzz/NAME.last`; its length, then the input.
  private final class Pages: @unchecked Sendable {
    static let shared = Pages()
    static let bytesMax = 1 << 21
    private let lock = NSLock()
    private var pages: [String: UnsafeMutableRawPointer] = [:]

    func page(of target: String) -> UnsafeMutableRawPointer? {
      lock.withLock {
        if let page = pages[target] { return page }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-fuzz")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = open(folder.appendingPathComponent("\(target).last").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard ftruncate(file, off_t(Self.bytesMax)) == 0 else { return nil }
        let address = mmap(nil, Self.bytesMax, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let address, address != MAP_FAILED else { return nil }
        pages[target] = address
        return address
      }
    }
  }
}
