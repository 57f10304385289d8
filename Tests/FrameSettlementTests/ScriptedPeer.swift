import Foundation
import FrameCore
import FrameTreaty
import FrameEvents
import FrameProjection
import FrameProtos
import Synchronization

/// A peer with valid keys that says what the test wants: its stream is a script, its statements are its own.
final class ScriptedPeer: PeerCalling {
  typealias Send = @Sendable (PBProjectionMessage) async throws -> Void

  private let base: LoopbackPeers
  private let script: @Sendable (_ after: UInt64, Send) async throws -> Void
  private let statement: @Sendable (PBSignedReserveStatement) -> PBSignedReserveStatement
  private let proof: @Sendable ([Data]) -> [Data]

  /// - Parameters:
  ///   - base: the honest peer, for what is not scripted.
  ///   - script: what each of its streams brings.
  init(
    _ base: LoopbackPeers,
    statement: @escaping @Sendable (PBSignedReserveStatement) -> PBSignedReserveStatement = { $0 },
    proof: @escaping @Sendable ([Data]) -> [Data] = { $0 },
    script: @escaping @Sendable (_ after: UInt64, Send) async throws -> Void = { _, _ in }
  ) {
    self.base = base
    self.script = script
    self.statement = statement
    self.proof = proof
  }

  func subscribe(
    _ peer: FrameID, after sequence: UInt64, of log: PeerLog?,
    onMessage: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws { try await script(sequence, onMessage) }

  func reserveStatement(_ peer: FrameID, timeout: Duration) async throws -> PBSignedReserveStatement {
    statement(try await base.reserveStatement(peer, timeout: timeout))
  }

  func consistencyProof(
    _ peer: FrameID, from first: UInt64, to second: UInt64, timeout: Duration
  ) async throws -> [Data] {
    proof(try await base.consistencyProof(peer, from: first, to: second, timeout: timeout))
  }

  func credit(
    _ peer: FrameID, _ terms: PBTransferTerms, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision {
    try await base.credit(peer, terms, of: log, timeout: timeout)
  }

  func resolve(
    _ peer: FrameID, transferID: String, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision {
    try await base.resolve(peer, transferID: transferID, of: log, timeout: timeout)
  }

  func addCheckpoint(_ peer: FrameID, body: Data, timeout: Duration) async throws -> WitnessAnswer {
    try await base.addCheckpoint(peer, body: body, timeout: timeout)
  }

  /// A note of `signer`'s log: any size, any root.
  static func note(_ signer: LogSigner, size: UInt64, root: UInt8, padding: Int = 0) -> Data {
    let extra = padding > 0 ? String(repeating: "x", count: padding) + "\n" : ""
    let text =
      "\(signer.verifierKey.name)\n\(size)\n\(Data(repeating: root, count: 32).base64EncodedString())\n\(extra)"
    return Data(signer.sign(note: text).utf8)
  }

  static func head(_ sequence: UInt64, _ note: Data) -> PBProjectionMessage {
    var message = PBProjectionMessage()
    message.head.sequence = sequence
    message.head.checkpoint = note
    return message
  }

  static func item(_ sequence: UInt64, _ attestation: PBAttestation) -> PBProjectionMessage {
    var message = PBProjectionMessage()
    message.item.sequence = sequence
    message.item.attestation = attestation
    return message
  }
}
