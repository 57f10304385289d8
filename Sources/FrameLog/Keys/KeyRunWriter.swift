internal import FrameEvents
internal import Foundation

/// Makes a run of keys: sequential writes only, one bit array in memory.
struct KeyRunWriter: ~Copyable {
  private let layout: KeyRunLayout
  private let url: URL
  private var file: NewFile
  private var filter: [UInt8]
  private var added: UInt64 = 0

  private init(_ layout: KeyRunLayout, _ url: URL, _ file: consuming NewFile) {
    self.layout = layout
    self.url = url
    self.file = file
    filter = Array(repeating: 0, count: layout.filterBytes)
  }

  /// - Parameters:
  ///   - positions: the events whose keys the run is to hold.
  ///   - count: how many keys will be added.
  /// - Throws: `LogError.storage`.
  private static func begun(in folder: URL, positions: Range<UInt64>, count: UInt64) throws -> KeyRunWriter {
    guard let layout = KeyRunLayout(count: count) else { throw LogError.storage("a run of \(count) keys is too long") }
    let url = folder.appendingPathComponent(name(positions))
    var writer = KeyRunWriter(layout, url, try NewFile(url))
    try writer.begin(positions)
    return writer
  }

  private mutating func begin(_ positions: Range<UInt64>) throws {
    var header = KeyRunLayout.magic
    for number in [positions.lowerBound, positions.upperBound, layout.count, layout.blocks] {
      withUnsafeBytes(of: number.littleEndian) { header.append(contentsOf: $0) }
    }
    header += Array(repeating: 0, count: KeyRunLayout.headerBytes - header.count)
    try file.append(header)
  }

  static func name(_ positions: Range<UInt64>) -> String { "\(positions.lowerBound)-\(positions.upperBound).keys" }

  private mutating func append(_ entry: KeyEntry) throws {
    try file.append(entry.first)
    try file.append(entry.second)
    try file.append(entry.position)
    let block = KeyRunLayout.filterBlockBytes * KeyRunLayout.block(of: entry.second, blocks: layout.blocks)
    for probe in KeyRunLayout.probes(of: entry.first) { filter[block + probe >> 3] |= 1 << UInt8(probe & 7) }
    added += 1
  }

  /// Makes the file durable under its name, and maps it.
  private consuming func finish() throws -> KeyRun {
    precondition(added == layout.count, "a run gets as many keys as were announced")
    try file.append(filter)
    try file.finish(withDigest: true)
    return try KeyRun(url)
  }

  // MARK: Whole runs

  /// - Parameter entries: in any order; sorted here.
  /// - Throws: `LogError.storage`.
  static func write(_ entries: inout [KeyEntry], positions: Range<UInt64>, in folder: URL) throws -> KeyRun {
    entries.sort()
    var writer = try begun(in: folder, positions: positions, count: UInt64(entries.count))
    for entry in entries { try writer.append(entry) }
    return try writer.finish()
  }

  /// One run of what adjoining runs hold.
  /// - Precondition: `runs` is not empty, and in order of position.
  /// - Throws: `LogError.storage`.
  static func merge(_ runs: [KeyRun], in folder: URL) throws -> KeyRun {
    let positions = runs[0].positions.lowerBound..<runs[runs.count - 1].positions.upperBound
    var writer = try begun(in: folder, positions: positions, count: runs.reduce(0) { $0 + UInt64($1.count) })
    var next = Array(repeating: 0, count: runs.count)
    while true {
      var least: (run: Int, entry: KeyEntry)?
      for (index, run) in runs.enumerated() where next[index] < run.count {
        let entry = run.entry(next[index])
        if let present = least, !(entry < present.entry) { continue }
        least = (index, entry)
      }
      guard let least else { return try writer.finish() }
      try writer.append(least.entry)
      next[least.run] += 1
    }
  }

  /// Which of the newest runs to merge when one more of `added` keys comes: all that are not at least twice as long as what
  /// follows them. So the runs' lengths at least double from each to the one before it, there are never more than about
  /// log2(keys) of them, and a key is written that many times at most.
  static func merging(_ counts: [Int], added: Int) -> Int {
    var total = added
    var merged = 0
    for count in counts.reversed() {
      guard count < 2 * total else { break }
      total += count
      merged += 1
    }
    return merged
  }
}
