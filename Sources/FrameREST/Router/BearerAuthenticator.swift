import Crypto
import Foundation
import FrameCore
import FrameIdentity
import Synchronization

/// Turns a bearer token into a caller: a JWT-SVID of this frame whose audience is this frame's API.
///
/// A verified token is remembered until it expires or the keys change (bounded), so that a client's second request costs a hash and not a
/// signature check.
package final class BearerAuthenticator: Sendable {
  private struct Entry {
    let caller: Caller
    let expiresAt: FrameTime
    /// Of the bundle that it was verified with: a key that is gone since vouches for nothing.
    let sequence: UInt64?
  }

  private let frame: FrameID
  /// Tokens by the keys in the data folder, and who verifies them.
  private let local: (tokens: LocalTokens, verifier: JWTSVIDVerifier)?
  private let bundles: any BundleSource
  private let verifier: JWTSVIDVerifier
  private let clock: any FrameClock
  private let verified = Mutex<[Data: Entry]>([:])

  /// Remembered tokens at most; when full, all are forgotten and verified anew.
  package static let rememberedMax = 4096

  /// - Parameter local: tokens by the keys in the data folder, when those are not the frame's authority.
  package init(
    frame: FrameID, bundles: any BundleSource, local: LocalTokens? = nil, clock: any FrameClock,
    metrics: IdentityMetrics?
  ) {
    self.frame = frame
    self.clock = clock
    self.bundles = bundles
    func verifier(_ bundles: any BundleSource) -> JWTSVIDVerifier {
      JWTSVIDVerifier(
        bundles: bundles, audiences: [SPIFFEID.api(of: frame).description], clock: clock, metrics: metrics)
    }
    self.verifier = verifier(bundles)
    self.local = local.map { ($0, verifier($0.bundle)) }
  }

  /// - Throws: `JWTSVIDRefusal`, or a refusal when the subject has no role here.
  package func authenticate(_ token: String) async throws -> Caller {
    let digest = Data(SHA256.hash(data: Data(token.utf8)))
    let now = clock.now()
    let bundle = bundles.bundle(for: frame)
    let sequence = bundle?.sequence
    if let known = verified.withLock({ $0[digest] }), known.expiresAt > now, known.sequence == sequence {
      return known.caller
    }
    let svid: JWTSVID
    if let local, local.tokens.signed(token, unless: bundle) {
      svid = try await local.verifier.verify(token)
      try local.tokens.admit(svid.id)
    } else {
      svid = try await verifier.verify(token)
    }
    let caller = try Caller(svid.id, frame: frame)
    verified.withLock { entries in
      if entries.count >= Self.rememberedMax { entries.removeAll(keepingCapacity: true) }
      entries[digest] = Entry(caller: caller, expiresAt: svid.expiresAt, sequence: sequence)
    }
    return caller
  }
}
