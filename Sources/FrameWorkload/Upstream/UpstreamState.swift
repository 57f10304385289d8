import Foundation
import FrameCore
import FrameIdentity
import SPIFFEWorkloadAPI

/// The node's identity as an agent gives it: an SVID and the bundle that vouches for it.
package struct UpstreamSnapshot: Sendable {
  package let svid: X509SVID
  /// Numbered by this node.
  package let bundle: SPIFFEBundle
  /// When the last message of the agent was taken over.
  package let updatedAt: FrameTime
}

/// What was taken from an agent so far, message by message. A pure value: reading a message has no effect but this.
struct UpstreamState: Sendable {
  /// Certificates of authorities at once; more would not fit where peers keep a bundle.
  static let authoritiesMax = 16

  let frame: FrameID
  /// For messages to people.
  let socket: String
  /// The node's SVID, and what vouches for it.
  private(set) var x509: (svid: X509SVID, bundle: SPIFFEBundle)?
  private(set) var keys: [JWTAuthority]?

  init(frame: FrameID, socket: String) {
    self.frame = frame
    self.socket = socket
  }

  /// The only id that this node can be: what peers demand of a frame's node.
  var expected: SPIFFEID { .node(of: frame) }

  /// Reads a message; what is wrong with it leaves the state as it was.
  /// - Throws: ``UpstreamError``.
  mutating func take(_ message: UpstreamMessage) throws(UpstreamError) {
    switch message {
    case .x509(let message): try take(message)
    case .jwt(let message):
      // Without keys of ours nobody can verify a token of ours, which is allowed: a trust domain may have none.
      let document = message.bundles.first { Self.isDomain($0.key, frame) }?.value
      do { keys = try document.map { try SPIFFEBundle.jwtAuthorities(parsing: $0, of: frame) } ?? [] } catch {
        throw .unusable(socket: socket, why: (error as? any FrameError)?.message ?? error.words)
      }
    case .noJWT: keys = []
    }
  }

  private mutating func take(_ message: WLX509SVIDResponse) throws(UpstreamError) {
    // The bundles of other trust domains that may come along are not looked at: a peer is trusted by treaty alone.
    let found = message.svids.map(\.spiffeID)
    guard let item = message.svids.first(where: { $0.spiffeID == expected.description }) else {
      let isForeign = !found.isEmpty && found.allSatisfy { (try? SPIFFEID($0))?.trustDomain != frame }
      throw isForeign
        ? .otherTrustDomain(socket: socket, expected: expected, found: found)
        : .noNodeID(socket: socket, expected: expected, found: found)
    }
    do {
      let bundle = try SPIFFEBundle(received: item.bundle, of: frame, max: Self.authoritiesMax)
      guard !bundle.x509Authorities.isEmpty else { throw UpstreamError.noBundle(socket: socket, frame) }
      x509 = (try X509SVID(received: item.x509Svid, key: item.x509SvidKey), bundle)
    } catch let error as UpstreamError {
      throw error
    } catch {
      throw .unusable(
        socket: socket, why: (error as? any FrameError).map { "\($0.message) \($0.remedy)" } ?? error.words)
    }
  }

  /// What there is once the agent has said everything: SVID and bundle, not yet numbered. Nil before.
  func complete(refreshHint: Duration) throws -> (svid: X509SVID, bundle: SPIFFEBundle)? {
    guard let x509, let keys else { return nil }
    return (x509.svid, try x509.bundle.canonical(jwtAuthorities: keys, refreshHint: refreshHint))
  }

  /// Some agents leave the scheme away.
  private static func isDomain(_ name: String, _ frame: FrameID) -> Bool {
    name == frame.name || name == SPIFFEID.trustDomain(frame).description
  }
}

/// Pauses between two attempts to reach an agent: growing, and never in step with others (jitter).
struct UpstreamPause: Sendable {
  static let first: Duration = .seconds(1)
  static let longest: Duration = .seconds(30)

  private(set) var failures = 0

  mutating func succeeded() { failures = 0 }

  /// - Parameter chance: 0 to 1; the pause is between half of its length and all of it.
  mutating func next(chance: Double) -> Duration {
    let whole = min(Self.first * (1 << min(failures, 10)), Self.longest)
    failures += 1
    return whole / 2 + whole / 2 * min(max(chance, 0), 1)
  }
}
