/// The upper bounds of a histogram's buckets, ascending; `+Inf` follows by itself.
package struct Buckets: Sendable, Hashable, ExpressibleByArrayLiteral {
  package static let countMax = 200

  package let bounds: [Double]
  /// `le` values as exposed, `+Inf` last.
  let labels: [[UInt8]]

  package init(_ bounds: [Double]) {
    self.bounds = bounds
    labels = bounds.map { Array($0.description.utf8) } + [Array("+Inf".utf8)]
  }

  package init(arrayLiteral bounds: Double...) {
    self.init(bounds)
  }

  /// Seconds, from 100 µs to 30 s: a durable append, a request between frames, a slow peer.
  package static let latency = Buckets([
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ])

  /// Counts of things, from 1 to about a million.
  package static let count = Buckets.exponential(from: 1, factor: 4, count: 11)

  /// `count` bounds, each `factor` times the one before.
  package static func exponential(from first: Double, factor: Double, count: Int) -> Buckets {
    var bounds: [Double] = []
    var bound = first
    for _ in 0..<max(0, count) {
      bounds.append(bound)
      bound *= factor
    }
    return Buckets(bounds)
  }

  /// `count` bounds, each `width` above the one before.
  package static func linear(from first: Double, width: Double, count: Int) -> Buckets {
    Buckets((0..<max(0, count)).map { first + Double($0) * width })
  }

  /// Why these cannot be a histogram's buckets, or nil.
  var problem: String? {
    if bounds.isEmpty { return "are empty" }
    if bounds.count > Self.countMax { return "are more than \(Self.countMax)" }
    if !bounds.allSatisfy(\.isFinite) { return "contain a bound that is not finite" }
    if zip(bounds, bounds.dropFirst()).contains(where: { $0 >= $1 }) { return "are not ascending" }
    return nil
  }
}
