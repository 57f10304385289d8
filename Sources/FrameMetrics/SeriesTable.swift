/// One series of a family.
final class Series: Sendable {
  let hash: UInt64
  /// In the order of the family's declared labels.
  let values: [String]
  let labels: LabelSet
  let instrument: any Instrument

  init(hash: UInt64, values: [String], labels: LabelSet, instrument: any Instrument) {
    self.hash = hash
    self.values = values
    self.labels = labels
    self.instrument = instrument
  }
}

/// Open addressing from a 64-bit hash of the label values: a lookup compares one number, then the values.
struct SeriesTable {
  private var slots: [Series?] = Array(repeating: nil, count: 8)
  private(set) var count = 0

  var all: [Series] { slots.compactMap { $0 } }

  @inline(__always)
  func find(_ hash: UInt64, where matches: ([String]) -> Bool) -> Series? {
    let mask = slots.count &- 1
    var index = Int(truncatingIfNeeded: hash) & mask
    // Ends because the table is never more than half full.
    while let series = slots[index] {
      if series.hash == hash, matches(series.values) { return series }
      index = (index &+ 1) & mask
    }
    return nil
  }

  mutating func insert(_ series: Series) {
    if (count + 1) * 2 > slots.count { rebuild(all, capacity: slots.count * 2) }
    place(series)
  }

  /// True when something was removed.
  mutating func remove(where matches: (Series) -> Bool) -> Bool {
    let kept = all.filter { !matches($0) }
    guard kept.count < count else { return false }
    rebuild(kept, capacity: slots.count)
    return true
  }

  private mutating func rebuild(_ series: [Series], capacity: Int) {
    slots = Array(repeating: nil, count: capacity)
    count = 0
    for each in series { place(each) }
  }

  private mutating func place(_ series: Series) {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: series.hash) & mask
    while slots[index] != nil { index = (index + 1) & mask }
    slots[index] = series
    count += 1
  }
}

/// A fast hash of label values, seeded per process so that label values chosen by a peer cannot be made to collide.
enum SeriesHash {
  private static let seed = UInt64.random(in: .min ... .max)
  private static let multiplier: UInt64 = 0x9e37_79b9_7f4a_7c15

  static func of(_ first: String) -> UInt64 { mix(seed, first) }
  static func of(_ first: String, _ second: String) -> UInt64 { mix(mix(seed, first), second) }
  static func of(_ first: String, _ second: String, _ third: String) -> UInt64 {
    mix(mix(mix(seed, first), second), third)
  }
  static func of(_ values: [String]) -> UInt64 { values.reduce(seed, mix) }

  @inline(__always)
  private static func mix(_ hash: UInt64, _ text: String) -> UInt64 {
    let mixed = text.utf8.withContiguousStorageIfAvailable { bytes in
      let raw = UnsafeRawBufferPointer(bytes)
      var hash = fold(hash ^ UInt64(truncatingIfNeeded: raw.count))
      var offset = 0
      while offset &+ 8 <= raw.count {
        hash = fold(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset &+= 8
      }
      var tail: UInt64 = 0
      while offset < raw.count {
        tail = tail << 8 | UInt64(raw[offset])
        offset &+= 1
      }
      return fold(hash ^ tail)
    }
    return mixed ?? text.utf8.reduce(hash) { fold($0 ^ UInt64($1)) }
  }

  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt64 {
    let (high, low) = value.multipliedFullWidth(by: multiplier)
    return high ^ low
  }
}
