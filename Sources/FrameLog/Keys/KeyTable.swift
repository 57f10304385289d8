internal import FrameEvents

/// Fingerprints to positions, in one flat array with open addressing: a key that is not there costs one look at memory that
/// is nowhere near anything else, which with millions of keys is what a look-up costs.
///
/// Fingerprints are hashes already. Callers choose the keys, so the place of one also depends on a number that they do not
/// know: nobody can prepare keys that all fall on the same place.
struct KeyTable: Sendable {
  private struct Slot {
    var first: UInt64 = 0
    var second: UInt64 = 0
    /// The position after the key's own; 0 in an empty slot.
    var mark: UInt64 = 0
  }

  private(set) var count = 0
  private var slots: ContiguousArray<Slot>
  /// 64 less the number of bits that number a slot.
  private var shift: UInt64
  private let secret: UInt64
  /// Of what was touched: so that touching is not for nothing in the eyes of the compiler.
  private var touched: UInt64 = 0

  private static let smallest: UInt64 = 10

  init() {
    secret = UInt64.random(in: 0...UInt64.max) | 1
    shift = 64 - Self.smallest
    slots = ContiguousArray(repeating: Slot(), count: 1 << Int(Self.smallest))
  }

  subscript(_ key: KeyFingerprint) -> UInt64? {
    let slot = slots[place(of: key)]
    return slot.mark == 0 ? nil : slot.mark - 1
  }

  /// A key that is there keeps its place and gets the new position.
  mutating func insert(_ key: KeyFingerprint, at position: UInt64) {
    if count * 2 >= slots.count { grow() }
    let index = place(of: key)
    if slots[index].mark == 0 { count += 1 }
    slots[index] = Slot(first: key.first, second: key.second, mark: position &+ 1)
  }

  /// Lets go of all keys whose positions are below `position`.
  mutating func removeAll(before position: UInt64) {
    rebuild(bits: Self.smallest) { $0.mark > position }
  }

  /// Brings the key's place near.
  mutating func touch(_ key: KeyFingerprint) { touched ^= slots[start(of: key)].mark }

  private func start(of key: KeyFingerprint) -> Int {
    let mixed = (key.first ^ key.second) &* secret
    return Int(truncatingIfNeeded: mixed &>> shift)
  }

  /// The slot that has the key, or the empty one where it belongs.
  private func place(of key: KeyFingerprint) -> Int {
    let mask = slots.count - 1
    var index = start(of: key)
    // Ends: at most half of the slots are in use.
    while slots[index].mark != 0, slots[index].first != key.first || slots[index].second != key.second {
      index = (index + 1) & mask
    }
    return index
  }

  private mutating func grow() { rebuild(bits: 64 - shift + 1) { _ in true } }

  /// Puts the keys that stay into a table of 2^`bits` slots, which grows if they are too many.
  private mutating func rebuild(bits: UInt64, keeping stays: (Slot) -> Bool) {
    let old = slots
    count = 0
    shift = 64 - bits
    slots = ContiguousArray(repeating: Slot(), count: 1 << Int(bits))
    for slot in old where slot.mark != 0 && stays(slot) {
      insert(KeyFingerprint(first: slot.first, second: slot.second), at: slot.mark - 1)
    }
  }
}
