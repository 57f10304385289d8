import ArgumentParser
import FrameAPI
import FrameCore

/// `frame authority`: the frame's own keys.
struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority", abstract: "The frame's own keys: look at them, rotate them, seal them on the disk.",
    discussion: """
      The node rotates its keys by itself. By hand, for example when a key may be known to others:
        # a successor, in the bundle from now on
        frame authority prepare --kind x509
        # once every peer has had time to see it
        frame authority activate --kind x509
        frame authority taint --kind x509 --id ID # the old key
        frame authority revoke --kind x509 --id ID
      """,
    subcommands: [
      AuthorityShowCommand.self, AuthorityPrepareCommand.self, AuthorityActivateCommand.self,
      AuthorityTaintCommand.self, AuthorityRevokeCommand.self, AuthoritySealCommand.self, AuthorityUnsealCommand.self,
    ])

  static func show(_ change: AuthorityChangeView) {
    Output.fields([
      ("kind", change.kind), ("action", change.action), ("authority", change.authorityId),
      ("sequence", "\(change.sequence)"), ("fingerprint", change.fingerprint), ("forced", change.forced ? "yes" : nil),
      ("next step", "\(change.nextStep) at \(change.nextAt)"),
    ])
  }

  static func rotate(
    _ node: NodeOptions, _ kind: KeyKind, _ verb: String, _ body: some Encodable = EmptyBody()
  ) async throws -> APIClient.Answer<AuthorityChangeView> {
    try await node.client().post("/api/v1/authority/\(kind.rawValue)/\(verb)", body)
  }
}

/// Which of the frame's two kinds of key.
enum KeyKind: String, ExpressibleByArgument, CaseIterable {
  case x509, jwt
}

struct KindOption: ParsableArguments {
  @Option(name: .long, help: "x509 (signs SVID certificates) or jwt (signs tokens).")
  var kind: KeyKind
}

/// `frame authority show`.
struct AuthorityShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The keys, where each stands, and what happens to them next.",
    discussion: """
      Example:
        frame authority show
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<AuthorityView> = try await node.client().get("/api/v1/authority")
    output.print(answer) { info in
      Output.fields([
        ("frame", info.frameId), ("identity from", info.source),
        ("agent", info.upstream.map { "\($0.socket), \($0.connected ? "connected" : "not connected")" }),
        ("agent's last word", info.upstream?.updatedAt), ("svid expires", info.upstream?.svidExpiresAt),
        ("sequence", "\(info.sequence)"), ("fingerprint", info.fingerprint),
        ("next x509 step", info.x509.next), ("next jwt step", info.jwt.next),
        ("not on the log", info.unlogged == 0 ? nil : "\(info.unlogged) changes"),
      ])
      let rings = [("x509", info.x509), ("jwt", info.jwt)]
      Output.table(
        ["KIND", "STATE", "PUBLISHED", "EXPIRES", "ID"],
        rings.flatMap { kind, ring in
          ring.keys.map { [kind, $0.state, $0.publishedAt ?? "", $0.expiresAt ?? "", $0.id] }
        })
    }
  }
}

/// `frame authority prepare`.
struct AuthorityPrepareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare", abstract: "Make a successor of the key that signs, and publish it.",
    discussion: """
      Example:
        frame authority prepare --kind x509
      """)

  @OptionGroup var kind: KindOption
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.print(try await AuthorityCommand.rotate(node, kind.kind, "prepare"), text: AuthorityCommand.show)
  }
}

/// `frame authority activate`.
struct AuthorityActivateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activate", abstract: "Let the prepared key sign.",
    discussion: """
      Refused until every peer has had time to see it: one refresh and the life of an SVID. --force does not wait: a peer
      that has not refreshed since it was prepared refuses this frame, does not trust its bundle either, and is paged, until
      its operator repins (frame peer repin).

      Example:
        frame authority activate --kind x509
      """)

  @Flag(name: .long, help: "Also before every peer can know the key.")
  var force = false

  @OptionGroup var kind: KindOption
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.print(
      try await AuthorityCommand.rotate(node, kind.kind, "activate", ActivateKeyBody(force: force)),
      text: AuthorityCommand.show)
  }
}

/// `frame authority taint`.
struct AuthorityTaintCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "taint", abstract: "Mark an old key as not to be relied on.",
    discussion: """
      Example:
        frame authority taint --kind x509 --id 1f2e3d4c5b6a7988
      """)

  @Option(name: .long, parsing: .unconditional, help: "The key, as frame authority show lists it; one that is old.")
  var id: String

  @OptionGroup var kind: KindOption
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.print(
      try await AuthorityCommand.rotate(node, kind.kind, "taint", AuthorityKeyBody(authorityId: id)),
      text: AuthorityCommand.show)
  }
}

/// `frame authority revoke`.
struct AuthorityRevokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Take a tainted key out of the bundle: nothing it signed is accepted any more.",
    discussion: """
      Peers refuse what rests on it from their next refresh on, and close connections that do.

      Example:
        frame authority revoke --kind x509 --id 1f2e3d4c5b6a7988
      """)

  @Option(name: .long, parsing: .unconditional, help: "The key, as frame authority show lists it; one that is tainted.")
  var id: String

  @OptionGroup var kind: KindOption
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.print(
      try await AuthorityCommand.rotate(node, kind.kind, "revoke", AuthorityKeyBody(authorityId: id)),
      text: AuthorityCommand.show)
  }
}

/// `frame authority seal`.
struct AuthoritySealCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "seal", abstract: "Encrypt the private keys of a stopped node with what identity.seal names.",
    discussion: """
      Stop the node, set identity.seal in frame.yaml, and run this: it is refused while the node runs. What is interrupted is
      finished by running it again.

      Example:
        frame authority seal --config ./frame-data/frame.yaml
      """)

  @OptionGroup var location: LocationOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let configuration = try location.configuration()
    try configuration.sealKeys()
    if output.json { return try Output.json(SealedKeys(keys: configuration.keysDirectory.path, sealed: true)) }
    Output.line("The keys in \(configuration.keysDirectory.path) are sealed.")
  }
}

/// What was done to the private keys.
private struct SealedKeys: Encodable {
  let keys: String
  let sealed: Bool
}

/// `frame authority unseal`.
struct AuthorityUnsealCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unseal",
    abstract: "Store the private keys of a stopped node in the clear again, readable by you alone.",
    discussion: """
      Stop the node, run this with identity.seal still in frame.yaml, and then take it out. It is refused while the node runs.

      Example:
        frame authority unseal --config ./frame-data/frame.yaml
      """)

  @OptionGroup var location: LocationOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let configuration = try location.configuration()
    try configuration.unsealKeys()
    if output.json { return try Output.json(SealedKeys(keys: configuration.keysDirectory.path, sealed: false)) }
    Output.line("The keys in \(configuration.keysDirectory.path) are not sealed any more.")
  }
}
