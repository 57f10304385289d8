import Foundation
import FrameCore
import FrameLog

extension NodeParts {
  /// How often the witnesses of a restored log are asked before the node gives up.
  private static let attemptsMax = 30

  /// After a restore: returns once a witness has confirmed that it has seen no more of the log than there is, before anything
  /// listens. A log without witnesses has nobody who could have seen more.
  /// - Throws: ``WitnessError/ownLogBehind(witness:seen:size:)``, ``BackupError/unconfirmed(witnesses:)``.
  func confirmRestored() async throws {
    let data = core.configuration.dataDirectory
    guard RestoredMark.isSet(in: data) else { return }
    if !core.configuration.acceptsFork {
      var (asked, confirmed) = (0, 0)
      for _ in 0..<Self.attemptsMax {
        (asked, confirmed) = try await courier.round()
        if asked == 0 || confirmed > 0 { break }
        try await core.clock.sleep(for: .seconds(1))
      }
      guard asked == 0 || confirmed > 0 else { throw BackupError.unconfirmed(witnesses: asked) }
    }
    RestoredMark.clear(in: data)
  }
}
