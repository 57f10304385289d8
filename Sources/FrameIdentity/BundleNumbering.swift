import Crypto
import Foundation
import FrameCore

/// Numbers the states of a bundle that comes from elsewhere without a `spiffe_sequence`: the Workload API hands out keys alone,
/// while peers refuse a bundle whose number has gone back (CONFORMANCE S5, S12). A pure value, kept with the keys.
///
/// The next number is one more than the last, or the time in seconds if that is more. So it also grows when the file that
/// remembers the last one is lost, as long as the clock is right and the keys change less than once a second.
package struct BundleNumbering: Sendable, Hashable, Codable {
  package static let fileName = "upstream.json"
  private static let format = 1

  private let format: Int
  package let trustDomain: String
  package let sequence: UInt64
  /// Hex SHA-256 over the keys; the number stays while it does.
  package let digest: String

  /// The number of a bundle's keys.
  /// - Parameters:
  ///   - last: what was given before; nil when nothing is known of it.
  ///   - floor: a number that others may have seen already, for example of the authority that the frame had before.
  package init(_ bundle: SPIFFEBundle, after last: BundleNumbering?, floor: UInt64, now: FrameTime) throws {
    let digest = try Self.digest(of: bundle)
    let known = last?.trustDomain == bundle.trustDomain.name ? last : nil
    if let known, known.digest == digest, known.sequence > floor {
      self = known
      return
    }
    format = Self.format
    trustDomain = bundle.trustDomain.name
    sequence = max(max(known?.sequence ?? 0, floor) + 1, UInt64(max(0, now.unixNanoseconds / 1_000_000_000)))
    self.digest = digest
  }

  /// Reads what was stored; nil when nothing was, or it is not readable any more, or of another trust domain.
  package init?(_ data: Data, of frame: FrameID) {
    guard let stored = try? TextDecoding.extensible.decode(Self.self, json: data, JSONReader.Limits(bytes: 1 << 16)),
      stored.format == Self.format,
      stored.trustDomain == frame.name
    else { return nil }
    self = stored
  }

  package func stored() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  private enum CodingKeys: String, CodingKey {
    case format, sequence, digest
    case trustDomain = "trust_domain"
  }

  private static func digest(of bundle: SPIFFEBundle) throws -> String {
    let keys = SPIFFEBundle(
      trustDomain: bundle.trustDomain, x509Authorities: bundle.x509Authorities,
      jwtAuthorities: bundle.jwtAuthorities, sequence: nil, refreshHint: nil)
    return Data(SHA256.hash(data: try keys.serialized())).hex
  }
}
