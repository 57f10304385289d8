import Synchronization

/// An unsigned total spread over a few cache lines, so that threads which count at the same time do not fight for one.
///
/// `@unchecked Sendable` is right: the only stored property is the address of memory that this value owns from `init` to
/// `deinit`, and that memory is touched through atomics alone.
struct StripedCount: ~Copyable, @unchecked Sendable {
  static let stripes = 4
  private static let cacheLine = 64
  private let base: UnsafeMutableRawPointer

  init() {
    base = .allocate(byteCount: Self.stripes * Self.cacheLine, alignment: Self.cacheLine)
    for index in 0..<Self.stripes {
      (base + index * Self.cacheLine).initializeMemory(as: Atomic<UInt64>.self, to: Atomic(0))
    }
  }

  deinit {
    base.deallocate()
  }

  @inline(__always)
  private func stripe(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (base + index &* Self.cacheLine).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inline(__always)
  func add(_ amount: UInt64) {
    stripe(currentStripe()).pointee.wrappingAdd(amount, ordering: .relaxed)
  }

  func sum() -> UInt64 {
    var total: UInt64 = 0
    for index in 0..<Self.stripes { total &+= stripe(index).pointee.load(ordering: .relaxed) }
    return total
  }

  func reset() {
    for index in 0..<Self.stripes { stripe(index).pointee.store(0, ordering: .relaxed) }
  }
}

/// A small number that mostly differs between threads: the place of the calling thread's stack, in units of a default
/// stack's size. Any answer is correct, since a stripe may be shared; a good one is only faster.
@inline(__always)
func currentStripe() -> Int {
  let stackShift = 23
  var probe: UInt8 = 0
  let address = withUnsafeMutablePointer(to: &probe) { UInt(bitPattern: $0) }
  return Int(truncatingIfNeeded: address >> stackShift) & (StripedCount.stripes - 1)
}

extension Atomic<UInt64> {
  /// Adds to the Double whose bits this holds.
  func addDouble(_ amount: Double) {
    var current = load(ordering: .relaxed)
    while true {
      let next = (Double(bitPattern: current) + amount).bitPattern
      let (exchanged, original) = weakCompareExchange(expected: current, desired: next, ordering: .relaxed)
      if exchanged { return }
      current = original
    }
  }
}
