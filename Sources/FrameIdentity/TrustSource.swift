import FrameCore

/// Whoever vouches for the ids of the frame's trust domain: the frame's own authority, or one elsewhere that an agent
/// speaks for.
package protocol TrustSource: BundleSource {
  var frame: FrameID { get }

  /// What verifies the frame's ids now; its sequence never goes back.
  var bundle: SPIFFEBundle { get }

  /// The bundle as it is now, then whenever it or what is issued under it may be another. Who is slow gets the latest only.
  /// Ends with the task that reads it.
  func changes() -> AsyncStream<SPIFFEBundle>
}

extension FrameAuthority: TrustSource {}
