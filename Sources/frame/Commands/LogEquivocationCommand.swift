import ArgumentParser
import FrameCore
import Foundation
import FrameEvents
import FrameLog

/// `frame log equivocation`: proof that a log has two histories.
struct LogEquivocationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "equivocation", abstract: "Proof that a peer's log has two histories: fetch it, or check one.",
    subcommands: [LogEquivocationShowCommand.self, LogEquivocationVerifyCommand.self])
}

/// `frame log equivocation show`.
struct LogEquivocationShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print the proof that the node holds against a peer, as JSON.",
    discussion: """
      Example:
        frame log equivocation show frame-b.example > proof.json
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    Output.json(try await node.client().bytes("/api/v1/peers/\(frame)/equivocation"))
  }
}

/// `frame log equivocation verify`.
struct LogEquivocationVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check such a proof, offline; exits 1 unless it holds.",
    discussion: """
      No node is asked. Take the key from the treaty, never from the proof. A proof of kind same_size holds by itself. One of
      kind inconsistent decides nothing alone (exit 1): download the log (frame log download) and give it with --log; it holds
      when the copy is not what one of the notes says.

      Examples:
        frame log equivocation verify proof.json --key KEY
        frame log equivocation verify proof.json --key KEY --log ./log-copy
      """)

  @Argument(help: "The proof: what frame log equivocation show prints.")
  var file: String

  @Option(name: .long, help: "The log's verifier key: name+id+base64.")
  var key: String

  @Option(name: .long, help: "A downloaded copy of the log, to see which of the two notes it denies.")
  var log: String?

  @OptionGroup var output: OutputOptions

  private struct Result: Encodable {
    let result: String
    let kind: String
    let log: String
    let first_size: UInt64
    let first_root: String
    let second_size: UInt64
    let second_root: String
    let conclusive: Bool
  }

  func run() async throws {
    let data = try Files.read(file)
    guard let proof = try? TextDecoding.extensible.decode(EquivocationProof.self, json: data, APIClient.answerLimits)
    else {
      throw LogError.badProof("\(file) is not a proof of two histories")
    }
    let key = try LogVerifierKey(given: key)
    let verdict = try proof.verify(key: key)
    var isConclusive = proof.kind == .sameSize
    if let log {
      let copy = TileDirectory(URL(fileURLWithPath: log))
      try await OfflineAudit.offPool { try copy.requireDenial(of: proof, key: key) }
      isConclusive = true
    }
    let result = Result(
      result: isConclusive ? "two histories" : "undecided", kind: proof.kind.rawValue, log: verdict.origin,
      first_size: verdict.firstSize,
      first_root: verdict.firstRoot.base64EncodedString(), second_size: verdict.secondSize,
      second_root: verdict.secondRoot.base64EncodedString(), conclusive: isConclusive)
    if output.json { Output.json(try JSONEncoder().encode(result)) } else { Self.show(result) }
    if !isConclusive { throw ExitCode(1) }
  }

  private static func show(_ result: Result) {
    Output.fields([
      ("result", result.result), ("kind", result.kind), ("log", result.log),
      ("first", "size \(result.first_size), root \(result.first_root)"),
      ("second", "size \(result.second_size), root \(result.second_root)"),
      (
        "conclusive",
        result.conclusive
          ? "yes"
          : "no: anybody can put two honest notes beside a proof that does not hold; compare a copy of the log (--log)"
      ),
    ])
  }
}
