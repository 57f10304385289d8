package import FrameCore
package import FrameTreaty
package import FrameProtos
package import Foundation

/// Reserve statements: what a frame says, signed, of both directions of a bridge at a position of its log (DESIGN §8).
package enum ReserveStatements {
  private static let domain = "frame/reserve-statement/v1\n"

  /// What is signed: the statement's bytes, apart from everything else the log key signs.
  package static func signedBytes(_ statement: Data) -> Data { Data(domain.utf8) + statement }

  /// This frame's statement for `peer`.
  static func make(
    for peer: FrameID, frame: FrameID, figures: BridgeFigures, logSize: UInt64, now: FrameTime
  ) -> PBReserveStatement {
    var statement = PBReserveStatement()
    statement.frameID = frame.name
    statement.peer = peer.name
    statement.asOrigin = figures.asOrigin
    statement.asDestination = figures.asDestination
    statement.logSize = logSize
    statement.peerSequence = figures.sequence
    statement.timeUnixNs = now.unixNanoseconds
    return statement
  }

  /// Verifies that `peer` made the statement for `frame`.
  /// - Parameter witnessed: the statement's own checkpoint, after the witness has seen it.
  /// - Throws: ``BridgeError/statementInvalid(peer:why:)``, `LogError.badNote`.
  package static func verify(
    _ signed: PBSignedReserveStatement, from peer: FrameID, for frame: FrameID, by witnessed: WitnessedCheckpoint
  ) throws -> PBReserveStatement {
    func invalid(_ why: String) -> BridgeError { .statementInvalid(peer: peer, why: why) }
    guard witnessed.peer == peer, witnessed.key.name == peer.name,
      witnessed.key.isValid(signed.signature, over: signedBytes(signed.statement))
    else { throw invalid("the signature is not by the pinned log key") }
    guard let statement = try? PBReserveStatement(serializedBytes: signed.statement) else {
      throw invalid("it cannot be read")
    }
    guard statement.frameID == peer.name, statement.peer == frame.name else {
      throw invalid("it is not by this peer for this frame")
    }
    guard signed.checkpoint == witnessed.checkpoint.note else { throw invalid("its checkpoint is another one") }
    guard statement.logSize <= witnessed.checkpoint.size else { throw invalid("its checkpoint is older than it") }
    let numbers = [statement.asOrigin, statement.asDestination].flatMap {
      [$0.locked, $0.unlocked, $0.issued, $0.redeemed]
    }
    guard numbers.allSatisfy((0...BridgeLimits.totalMax).contains) else { throw invalid("a total is out of range") }
    return statement
  }

  /// In what way a peer's statement contradicts what we know, or nil.
  ///
  /// - Parameters:
  ///   - before: our state before the statement was asked for: nothing it attested then can be less in the statement.
  ///   - after: our state after it came: nothing the statement counts of ours can be more than we did.
  static func contradiction(
    _ statement: PBReserveStatement, before: BridgeFigures, after: BridgeFigures
  ) -> (reason: String, detail: String)? {
    let destination = statement.asDestination
    let origin = statement.asOrigin
    let rules: [(String, String, Int64, Int64)] = [
      ("issued_over_locked", "issued there, locked here", destination.issued, after.asOrigin.locked),
      ("unlocked_over_redeemed", "unlocked here, redeemed there", before.asOrigin.unlocked, destination.redeemed),
      ("issued_over_locked", "issued here, locked there", before.asDestination.issued, origin.locked),
      ("unlocked_over_redeemed", "unlocked there, redeemed here", origin.unlocked, after.asDestination.redeemed),
      ("statement_went_back", "issued there: attested, stated", before.asOrigin.issued, destination.issued),
      ("statement_went_back", "redeemed there: attested, stated", before.asOrigin.redeemed, destination.redeemed),
      ("statement_went_back", "locked there: attested, stated", before.asDestination.locked, origin.locked),
      ("statement_went_back", "unlocked there: attested, stated", before.asDestination.unlocked, origin.unlocked),
    ]
    for (reason, what, least, most) in rules where least > most { return (reason, "\(what): \(least) > \(most)") }
    return nil
  }
}
