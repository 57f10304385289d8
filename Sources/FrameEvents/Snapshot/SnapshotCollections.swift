extension Optional: SnapshotValue where Wrapped: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(self != nil)
    if let self { output.write(self) }
  }
  package init(from input: inout SnapshotInput) throws {
    let isThere: Bool = try input.read()
    self = isThere ? try input.read(Wrapped.self) : nil
  }
}

extension Array: SnapshotValue where Element: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(UInt32(count))
    for element in self { output.write(element) }
  }
  package init(from input: inout SnapshotInput) throws {
    let count = try input.count()
    self.init()
    reserveCapacity(count)
    for _ in 0..<count { append(try input.read()) }
  }
}

/// In the order of the keys' bytes.
extension Dictionary: SnapshotValue where Key: SnapshotValue, Value: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    var sorted = SortedEntries(capacity: count)
    for (key, value) in self {
      sorted.begin(key)
      sorted.end(value)
    }
    output.write(sorted)
  }
  package init(from input: inout SnapshotInput) throws {
    let count = try input.count()
    self.init(minimumCapacity: count)
    for _ in 0..<count {
      let key: Key = try input.read()
      guard updateValue(try input.read(), forKey: key) == nil else {
        throw SnapshotRefusal.damaged("'\(key)' is there twice")
      }
    }
  }
}

/// In the order of the elements' bytes.
extension Set: SnapshotValue where Element: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    var sorted = SortedEntries(capacity: count)
    for element in self {
      sorted.begin(element)
      sorted.end()
    }
    output.write(sorted)
  }
  package init(from input: inout SnapshotInput) throws {
    let count = try input.count()
    self.init(minimumCapacity: count)
    for _ in 0..<count { insert(try input.read()) }
  }
}

extension SnapshotOutput {
  fileprivate mutating func write(_ entries: SortedEntries) {
    write(UInt32(entries.ranges.count))
    entries.forEachInOrder { append(contentsOf: $0) }
  }
}

/// Entries in one buffer, sorted by the bytes of their keys: no allocation an entry.
private struct SortedEntries {
  struct Range {
    let start: Int
    let keyEnd: Int
    var end: Int
  }

  private var buffer = SnapshotOutput()
  private(set) var ranges: [Range] = []

  init(capacity: Int) { ranges.reserveCapacity(capacity) }

  mutating func begin(_ key: some SnapshotValue) {
    let start = buffer.bytes.count
    buffer.write(key)
    ranges.append(Range(start: start, keyEnd: buffer.bytes.count, end: buffer.bytes.count))
  }

  mutating func end() { ranges[ranges.count - 1].end = buffer.bytes.count }

  mutating func end(_ value: some SnapshotValue) {
    buffer.write(value)
    end()
  }

  func forEachInOrder(_ body: (UnsafeRawBufferPointer.SubSequence) -> Void) {
    buffer.bytes.withUnsafeBytes { bytes in
      let sorted = ranges.sorted { a, b in
        bytes[a.start..<a.keyEnd].lexicographicallyPrecedes(bytes[b.start..<b.keyEnd])
      }
      for range in sorted { body(bytes[range.start..<range.end]) }
    }
  }
}
