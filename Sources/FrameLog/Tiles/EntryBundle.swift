package import Foundation

/// The entries of a tile as C2SP tlog-tiles frames them: each with its length before it, 16 bits, big endian (CONFORMANCE L4).
package enum EntryBundle {
  /// - Precondition: `entry` has at most 65,535 bytes, as every stored event has.
  package static func append(_ entry: Data, to bundle: inout Data) {
    precondition(entry.count <= LogLimits.maximumEventBytes, "an entry's length has 16 bits")
    bundle.append(UInt8(entry.count >> 8))
    bundle.append(UInt8(entry.count & 0xff))
    bundle.append(entry)
  }

  /// The entries of `bundle`, which must be all of it.
  /// - Returns: nil when the bytes end within an entry.
  package static func entries(_ bundle: Data) -> [Data]? {
    var entries: [Data] = []
    var rest = bundle[...]
    while !rest.isEmpty {
      guard rest.count >= 2 else { return nil }
      let count = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
      rest = rest.dropFirst(2)
      guard rest.count >= count else { return nil }
      entries.append(Data(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return entries
  }
}
