import Foundation
import FrameTesting
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct KeyRunTests {
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-keys-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func fingerprint(_ number: UInt64) -> KeyFingerprint { .init("key-\(number)") }

  private func run(_ positions: Range<UInt64>, in folder: URL) throws -> KeyRun {
    var entries = positions.map { KeyEntry(fingerprint($0), at: $0) }
    return try KeyRunWriter.write(&entries, positions: positions, in: folder)
  }

  @Test("every key of a run is found at its position, and no other is", arguments: [1, 2, 63, 64, 65, 1_000, 20_000])
  func lookup(count: UInt64) throws {
    try withFolder { folder in
      let run = try run(0..<count, in: folder)
      #expect(run.count == Int(count))
      for number in 0..<count { #expect(run.position(of: fingerprint(number)) == number) }
      for number in count..<count + 2_000 { #expect(run.position(of: fingerprint(number)) == nil) }
    }
  }

  @Test("keys whose fingerprints are not spread evenly are found all the same")
  func clustered() throws {
    try withFolder { folder in
      var entries = (0..<3_000).map { number -> KeyEntry in
        let first: UInt64 = number % 3 == 0 ? 7 : number % 3 == 1 ? .max : UInt64(number)
        return KeyEntry(first: first, second: UInt64(number), position: UInt64(number))
      }
      let run = try KeyRunWriter.write(&entries, positions: 0..<3_000, in: folder)
      for index in 0..<run.count {
        let entry = run.entry(index)
        #expect(run.position(of: .init(first: entry.first, second: entry.second)) == entry.position)
      }
      #expect(run.position(of: .init(first: 7, second: 1)) == nil)
      #expect(run.position(of: .init(first: .max, second: 2)) == nil)
    }
  }

  @Test("runs that are merged hold what each of them held, in one file that reads back the same")
  func merge() throws {
    try withFolder { folder in
      let parts = try [0..<500, 500..<501, 501..<2_000].map { try run($0, in: folder) }
      let merged = try KeyRunWriter.merge(parts, in: folder)
      #expect(merged.positions == 0..<2_000)
      for number in UInt64(0)..<2_000 { #expect(merged.position(of: fingerprint(number)) == number) }
      let whole = try run(0..<2_000, in: folder.appendingPathComponent("..").standardizedFileURL)
      defer {
        try? FileManager.default.removeItem(
          at: folder.deletingLastPathComponent().appendingPathComponent(whole.fileName))
      }
      #expect(whole.digest == merged.digest)
    }
  }

  @Test("L9: however many runs come, they stay few, and a key is written again only as often as their lengths double")
  func growth() {
    var counts: [Int] = []
    var written = 0
    for round in 1...4_096 {
      let merged = KeyRunWriter.merging(counts, added: 50)
      let total = counts.suffix(merged).reduce(50, +)
      counts = counts.dropLast(merged) + [total]
      written += total
      #expect(counts.count <= 14, "after \(round) rounds")
      #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 >= 2 * $1 })
    }
    #expect(counts.reduce(0, +) == 4_096 * 50)
    #expect(written <= 4_096 * 50 * 13)
  }

  @Test("a run that was cut or changed anywhere is refused")
  func damage() throws {
    try withFolder { folder in
      let run = try run(0..<50, in: folder)
      let url = folder.appendingPathComponent(run.fileName)
      let whole = try Data(contentsOf: url)
      for offset in stride(from: 0, to: whole.count, by: 13) {
        var changed = whole
        changed[offset] ^= 0x10
        try changed.write(to: url)
        #expect(throws: SnapshotRefusal.self, "byte \(offset)") { try KeyRun(url) }
        try whole.prefix(offset).write(to: url)
        #expect(throws: SnapshotRefusal.self, "cut at \(offset)") { try KeyRun(url) }
      }
    }
  }

  @Test("the index finds keys in memory and in runs, and lets go of those that a run holds")
  func index() throws {
    try withFolder { folder in
      let published = PublishedRuns()
      var index = IdempotencyIndex(published)
      for number in UInt64(0)..<100_000 { index.insert(fingerprint(number), at: number) }
      #expect(index.tailCount == 100_000)
      published.publish([try run(0..<70_000, in: folder)], size: 70_000)
      #expect(index.tailCount == 100_000, "nothing changes before it is looked at")
      index.refresh()
      #expect(index.tailCount < 40_000)
      for number in stride(from: UInt64(0), to: 100_000, by: 7) {
        #expect(index.position(of: fingerprint(number)) == number)
      }
      #expect(index.position(of: fingerprint(100_000)) == nil)
      published.publish([try run(0..<100_000, in: folder)], size: 100_000)
      index.refresh()
      #expect(index.tailCount == 0)
      index.insert(fingerprint(100_000), at: 100_000)
      #expect(index.position(of: fingerprint(100_000)) == 100_000)
      #expect(index.position(of: fingerprint(99_999)) == 99_999)
    }
  }
}

@Suite("Keys in memory") struct KeyTableTests {
  @Test("a table says what a dictionary says, through growth, repetition and letting go", arguments: [UInt64(1), 2, 3])
  func model(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var table = KeyTable()
    var model: [KeyFingerprint: UInt64] = [:]
    // Few different halves, so that keys share a half of their fingerprint with others.
    func key() -> KeyFingerprint { KeyFingerprint(first: random.next() % 500, second: random.next() % 20) }
    for step in UInt64(0)..<20_000 {
      let key = key()
      #expect(table[key] == model[key])
      table.insert(key, at: step)
      model[key] = step
      if step % 4_000 == 3_999 {
        let before = step - 1_000
        table.removeAll(before: before)
        model = model.filter { $0.value >= before }
      }
      #expect(table.count == model.count)
    }
    for (key, position) in model { #expect(table[key] == position) }
  }

  @Test("the greatest and the least of everything are kept apart from nothing")
  func edges() {
    var table = KeyTable()
    let zero = KeyFingerprint(first: 0, second: 0)
    #expect(table[zero] == nil)
    table.insert(zero, at: 0)
    #expect(table[zero] == 0)
    let all = KeyFingerprint(first: .max, second: .max)
    #expect(table[all] == nil)
    table.insert(all, at: .max - 1)
    #expect(table[all] == .max - 1 && table[zero] == 0 && table.count == 2)
  }
}
