import Foundation
import FrameCore
import FrameIdentity

/// The frame's authority as someone with its keys on disk can exercise it: the CLI mints its own short-lived token, so
/// there is no administrator password to keep or to steal.
package struct LocalAuthority: Sendable {
  private let authority: FrameAuthority

  /// - Throws: `KeyFileError` when the keys cannot be read: missing, damaged, or another user's.
  package init(configuration: NodeConfiguration, clock: any FrameClock = SystemClock()) throws {
    do {
      authority = try configuration.loadAuthority(clock: clock)
    } catch KeyFileError.missing {
      // The node may have been rotating: a key that the manifest named is gone, and the manifest of now names others.
      authority = try configuration.loadAuthority(clock: clock)
    }
  }

  /// A bearer token with the authority's rights, for five minutes unless said otherwise.
  package func token(lifetime: Duration = .seconds(300)) async throws -> String {
    let frame = authority.frame
    return try await authority.issueJWTSVID(
      for: .authority(of: frame), audience: [SPIFFEID.api(of: frame).description], lifetime: lifetime
    ).token
  }
}
