import Foundation
import Testing

extension FuzzTarget: CustomTestStringConvertible {
  var testDescription: String { name }
}

/// Every reader of outside bytes, with fixed seeds and a bounded count. `make fuzz` goes on for as long as one likes, guided by coverage.
@Suite("Fuzzing") struct FuzzTests {
  static let targets = FuzzTargets.all

  @Test("what comes from outside is read or refused, and nothing else happens", arguments: targets)
  func target(_ target: FuzzTarget) async throws {
    let run = FuzzRun(target: target, seed: 1, count: 4_000, seconds: 1.5)
    let report = try await Self.onOwnThread { try run.run() }
    print("fuzz \(report)")
    #expect(report.inputs > target.seeds.count, "\(report)")
    // No folder that a target makes holds a log whose audit is clean: what is asked of a restore is what it leaves.
    #expect(report.accepted > 0 || target.name == "restore", "nothing of it was ever accepted: \(report)")
  }

  @Test("targets have names of their own, and every folder of the corpus is one's, and small")
  func corpus() throws {
    let names = Self.targets.map(\.name)
    #expect(Set(names).count == names.count)
    var bytes = 0
    let manager = FileManager.default
    for folder in try manager.contentsOfDirectory(atPath: FuzzCorpus.folder.path) where folder != "README.md" {
      #expect(names.contains(folder), "\(folder) is no target")
      bytes += try FuzzCorpus.load(folder).reduce(0) { $0 + $1.count }
    }
    #expect(bytes < 1 << 20, "the corpus has \(bytes) bytes")
  }

  /// Signatures of P-256 keys are made with chance, so what is signed with them is a file and the same in every run.
  @Test(
    "write what is signed with chance", .enabled(if: ProcessInfo.processInfo.environment["FRAME_FUZZ_SEEDS"] != nil))
  func write() throws {
    for (target, name, bytes) in try IdentityTargets.signedSeeds() + FederationTargets.signedSeeds() {
      let folder = FuzzCorpus.folder.appendingPathComponent(target)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try bytes.write(to: folder.appendingPathComponent(name))
    }
  }

  @Test("the same seed makes the same inputs")
  func repeatable() {
    var (one, two) = (SeededMutations(seed: 7), SeededMutations(seed: 7))
    var other = SeededMutations(seed: 8)
    let (a, b, c) = (one.next(100), two.next(100), other.next(100))
    #expect(a == b)
    #expect(a != c)
  }

  private struct SeededMutations {
    var mutator: Mutator
    init(seed: UInt64) { mutator = Mutator(seed: seed, words: ["word"], bytesMax: 64) }
    mutating func next(_ count: Int) -> [Data] {
      (0..<count).map { _ in mutator.mutate(Data("input".utf8), with: Data("other".utf8)) }
    }
  }

  /// Targets wait for tasks: never on the cooperative pool.
  private static func onOwnThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: Result { try body() }) }
      thread.stackSize = 8 << 20
      thread.start()
    }
  }
}
