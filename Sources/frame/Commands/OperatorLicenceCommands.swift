import ArgumentParser
import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import FrameEvents

/// `frame operator token`.
struct OperatorTokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "A JWT-SVID with which the operator itself can use the API.",
    discussion: """
      Prints the token alone, so that it can be used directly:
        frame agent create acme.alice --token "$(frame operator token acme)"
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @Option(name: .long, help: "How long the token is valid, in seconds.")
  var ttlSeconds: Int?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = TokenBody(ttlSeconds: ttlSeconds)
    let answer: APIClient.Answer<TokenView> = try await node.client().post("/api/v1/operators/\(name)/token", body)
    output.print(answer) { Output.line($0.token) }
  }
}

/// `frame operator licence`.
struct OperatorLicenceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "licence", abstract: "The operator's licence: a signed note by the frame's log key.",
    discussion: """
      Example:
        frame operator licence acme > acme.licence
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    try output.file(try await node.client().bytes("/api/v1/operators/\(name)/licence"), as: "licence")
  }
}

/// `frame operator verify`.
struct OperatorVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check a licence document offline.",
    discussion: """
      Says whether the frame issued it and whether it is valid now. Whether the operator has been suspended since, only the
      frame can say.

      Example:
        frame operator verify acme.licence --log-key frame-a.example+1f0c2a3b+AY…
      """)

  @Argument(help: "The file with the licence.")
  var file: String

  @Option(name: .customLong("log-key"), help: "The frame's log verifier key, learned from the frame itself.")
  var key: String

  @OptionGroup var output: OutputOptions

  func run() async throws {
    let document = try Files.read(file)
    let licence = try VerifiedLicence(document, key: LogVerifierKey(given: key), at: SystemClock().now())
    if output.json {
      return try Output.json([
        "frame": licence.frame.name, "operator": licence.name.text, "spiffe_id": "\(licence.spiffeID)",
        "licence_id": licence.id, "scopes": licence.scopes.map(\.rawValue).joined(separator: " "),
        "hosts": licence.hosts.joined(separator: " "), "issued_at": licence.issued.toTheSecond,
        "expires_at": licence.expires.toTheSecond,
      ])
    }
    Output.fields([
      ("frame", licence.frame.name), ("operator", licence.name.text), ("spiffe id", "\(licence.spiffeID)"),
      ("licence", licence.id), ("scopes", licence.scopes.map(\.rawValue).joined(separator: " ")),
      ("hosts", licence.hosts.joined(separator: " ")), ("issued", licence.issued.toTheSecond),
      ("expires", licence.expires.toTheSecond),
    ])
  }
}
