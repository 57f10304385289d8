import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import FrameLog
import FrameConfiguration
import FrameWorkload

/// Whether a folder's keys are those of a log: another frame's, or none, would only be found out by the node that is to use them.
package enum KeysFit {
  /// How much could be said.
  package enum Verdict: Sendable, Equatable {
    case compared
    /// They are sealed, and what opens them is not here: they are the frame's by their own words, and the log's key was not compared.
    case sealed
  }

  /// Blocks on the disk.
  /// - Parameters:
  ///   - folder: keys as they are kept, whatever their modes.
  ///   - frame: whose log it is.
  ///   - logKey: the verifier key of the log that they are to speak for.
  ///   - seal: what the frame's configuration says that they are sealed with.
  /// - Throws: `BackupError.otherKeys`, saying what does not fit; `KeySealError` when they are sealed with another secret than `seal` says:
  ///   it is the secret then that is to be put right, not the folder.
  static func check(_ folder: URL, frame: FrameID, logKey: String, seal: KeySeal?) throws -> Verdict {
    func unfit(_ why: String) -> BackupError { .otherKeys(folder.path, why: why, frame: frame.name, logKey: logKey) }
    do {
      let directory = KeyDirectory.kept(at: folder.path)
      guard let key = try FrameAuthority.inspect(frame: frame, in: directory, sealer: try sealer(of: seal)) else {
        return .sealed
      }
      let found = try LogVerifierKey(name: frame.name, publicKey: key.rawRepresentation)
      guard found.text == logKey else { throw unfit("their log key is \(found.text).") }
      return .compared
    } catch let error as BackupError { throw error } catch let error as KeySealError { throw error } catch {
      throw unfit(error.words)
    }
  }

  /// Whether a folder's keys are as new as the log that they are to speak for: of those from before a rotation peers take nothing. Reads
  /// the whole log; blocks.
  /// - Parameter log: the folder of the log, which holds as whole.
  /// - Throws: `KeysNotInForce`, `KeyFileError`, `LogError`.
  static func requireInForce(_ folder: URL, frame: FrameID, log: URL) throws {
    let reader = try LogReader(directory: log)
    defer { reader.close() }
    let logged = try LoggedAuthority(reading: reader)
    let standing = try FrameAuthority.standing(frame: frame, in: .kept(at: folder.path))
    if let why = logged.mismatch(standing) { throw KeysNotInForce(folder.path, why: why) }
  }

  /// Nil when the secret is not on this machine, as when a frame moves to another.
  private static func sealer(of seal: KeySeal?) throws -> KeySealer? {
    do { return try seal?.sealer() } catch KeySealError.environmentUnset, KeySealError.secretFileMissing { return nil }
  }
}
