import ArgumentParser
import Foundation

/// `frame log proof`.
struct LogProofCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proof", abstract: "Proof that an event is in the log, or that the log only ever grew.",
    discussion: """
      Examples:
        # inclusion in the newest checkpoint
        frame log proof --position 7
        # inclusion in the log of 100 events
        frame log proof --position 7 --size 100
        # event, proof and checkpoint, for frame audit verify --proof
        frame log proof --position 7 --attestation
        frame log proof --from 100 --to 200             # consistency of two sizes
      """)

  @Option(name: .long, help: "Prove that the event at this position is in the log.")
  var position: UInt64?

  @Option(name: .long, help: "In the log of this size (default: of the newest checkpoint).")
  var size: UInt64?

  @Flag(name: .long, help: "With --position: one attestation that carries all it takes to check it.")
  var attestation = false

  @Option(name: .long, help: "Prove that the log extends that of this size.")
  var from: UInt64?

  @Option(name: .long, help: "As of this size (default: of the newest checkpoint).")
  var to: UInt64?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (position == nil) != (from == nil) else { throw ValidationError("Give either --position or --from.") }
    if position == nil, size != nil || attestation {
      throw ValidationError("--size and --attestation need --position.")
    }
    if from == nil, to != nil { throw ValidationError("--to needs --from.") }
    if attestation, size != nil {
      throw ValidationError("An attestation is of the newest checkpoint: leave --size out.")
    }
  }

  func run() async throws { Output.json(try await node.client().bytes(path)) }

  private var path: APIPath {
    if let position {
      return attestation
        ? "/api/v1/log/attestations/\(position)"
        : "/api/v1/log/proofs/inclusion?position=\(position)" + (size.map { "&size=\($0)" } ?? "")
    }
    return "/api/v1/log/proofs/consistency?from=\(from ?? 0)" + (to.map { "&to=\($0)" } ?? "")
  }
}
