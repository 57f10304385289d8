import ArgumentParser
import FrameCore
import Foundation
import FrameEvents
import FrameLog

/// `frame audit verify`.
struct AuditVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a checkpoint, a proof or a downloaded log, offline; exits 1 unless it holds.",
    discussion: """
      No node is asked. Take the key from the frame's operator or from the treaty, never from where the files came from.

      Examples:
        frame audit verify --checkpoint ./checkpoint --key KEY
        frame audit verify --checkpoint ./checkpoint --key KEY \\
          --proof ./attestation.json
        frame audit verify --checkpoint ./log-copy/checkpoint --key KEY \\
          --log ./log-copy
      """)

  @Option(name: .long, help: "The signed checkpoint.")
  var checkpoint: String

  @Option(name: .long, help: "The log's verifier key: name+id+base64.")
  var key: String

  @Option(name: .long, help: "An attestation: what frame log proof --attestation prints.")
  var proof: String?

  @Option(name: .long, help: "A folder with the log's tiles: what frame log download makes.")
  var log: String?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if proof != nil, log != nil { throw ValidationError("Give --proof or --log, not both.") }
  }

  func run() async throws {
    let key = try LogVerifierKey(given: key)
    let signed = try AttestationVerifier.verify(checkpoint: try Files.read(checkpoint), key: key)
    if let proof { return try verify(proof, signed, key).show(output) }
    guard let log else { return VerifiedLog(signed, key: key).show(output) }
    let report = try await OfflineAudit.offPool { try TileDirectory(URL(fileURLWithPath: log)).verify(signed) }
    VerifiedLog(signed, report, key: key).show(output)
  }

  private func verify(_ file: String, _ signed: SignedCheckpoint, _ key: LogVerifierKey) throws -> VerifiedLog {
    guard
      let text = try? TextDecoding.extensible.decode(
        AttestationFile.self, json: try Files.read(file), APIClient.answerLimits),
      let bytes = Data(base64Encoded: text.proof)
    else { throw LogError.badProof("\(file) is not an attestation") }
    let proven = try AttestationVerifier.verify(serialized: bytes, key: key)
    let its = proven.checkpoint
    // Whoever reads the file reads these too.
    guard text.position ?? proven.position == proven.position, text.eventType ?? proven.eventType == proven.eventType
    else {
      throw LogError.badProof(
        "\(file) says that it is about another event: the proof is of \(proven.eventType) at \(proven.position)")
    }
    // Two checkpoints of one size must be one; those of two sizes can only be joined by a consistency proof or a copy.
    if its.size == signed.size, its.root != signed.root {
      throw LogError.badProof("its checkpoint and yours are of \(its.size) events both and differ: the log has forked")
    }
    if its.size != signed.size {
      Output.note(
        "note: the proof is of the checkpoint of \(its.size) events, yours of \(signed.size); both are signed, "
          + "frame log proof --from \(min(its.size, signed.size)) joins them")
    }
    var verified = VerifiedLog(its, key: key)
    verified.position = proven.position
    verified.event_type = proven.eventType
    return verified
  }

  private struct AttestationFile: Decodable {
    let proof: String
    let position: UInt64?
    let eventType: String?

    enum CodingKeys: String, CodingKey {
      case proof, position
      case eventType = "event_type"
    }
  }
}
