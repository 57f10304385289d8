/// A growing run of bytes with the few ways of appending that an exposition needs, each checked once and then copied
/// in one go: an `Array` checks every append of every piece for uniqueness, which doubles the time of a scrape.
struct ExpositionBuffer: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var count = 0

  private static let decimalDigitsMax = 20

  init(capacity: Int) {
    self.capacity = max(capacity, 64)
    base = .allocate(capacity: self.capacity)
  }

  deinit {
    base.deallocate()
  }

  /// The bytes so far.
  var bytes: [UInt8] { Array(UnsafeBufferPointer(start: base, count: count)) }

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if count &+ more > capacity { grow(more) }
  }

  @inline(never)
  private mutating func grow(_ more: Int) {
    capacity = max(capacity * 2, count + more)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: base, count: count)
    base.deallocate()
    base = larger
  }

  @inline(__always)
  private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    (base + count).update(from: source, count: bytes.count)
    count &+= bytes.count
  }

  mutating func put(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { put($0) }
  }

  mutating func put(_ text: StaticString) {
    text.withUTF8Buffer { put($0) }
  }

  mutating func put(_ text: String) {
    var text = text
    text.withUTF8 { put($0) }
  }

  mutating func put(_ value: UInt64) {
    reserve(Self.decimalDigitsMax)
    var rest = value
    var digits = 1
    while rest > 9 {
      rest /= 10
      digits &+= 1
    }
    rest = value
    var place = base + (count &+ digits)
    repeat {
      place -= 1
      place.pointee = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    count &+= digits
  }

  mutating func put(_ value: Double) {
    if value.isFinite {
      put(value.description)
    } else if value.isNaN {
      put("NaN" as StaticString)
    } else {
      put((value < 0 ? "-Inf" : "+Inf") as StaticString)
    }
  }

  mutating func put(_ value: MetricNumber) {
    switch value {
    case .unsigned(let value): put(value)
    case .signed(let value):
      if value < 0 { put("-" as StaticString) }
      put(value.magnitude)
    case .double(let value): put(value)
    }
  }
}
