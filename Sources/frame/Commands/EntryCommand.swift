import ArgumentParser
import FrameAPI

/// `frame entry`: which local processes get which SPIFFE ID over the Workload API.
struct EntryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "entry", abstract: "Which local processes get which SPIFFE ID over the Workload API.",
    discussion: """
      Example:
        frame entry create /agent/alice --selector unix:uid:1000
        SPIFFE_ENDPOINT_SOCKET=unix:///path/to/frame-data/workload.sock my-program
      """,
    subcommands: [
      EntryCreateCommand.self, EntryListCommand.self, EntryShowCommand.self, EntryDeleteCommand.self,
    ])

  static func show(_ entry: EntryView) {
    Output.fields([
      ("entry", entry.entryId), ("spiffe id", entry.spiffeId), ("selectors", entry.selectors.joined(separator: ", ")),
      ("x509 svid ttl", entry.x509SvidTtlSeconds.map { "\($0) s" }),
      ("jwt svid ttl", entry.jwtSvidTtlSeconds.map { "\($0) s" }), ("hint", entry.hint.isEmpty ? nil : entry.hint),
    ])
  }
}

/// `frame entry create`.
struct EntryCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Let the processes that have all of the selectors have an SVID.",
    discussion: """
      Selectors: unix:uid:<number>, unix:gid:<number>, unix:path:</absolute/path of the executable>.

      Example:
        frame entry create /agent/alice --selector unix:uid:1000 \\
          --selector unix:path:/usr/bin/python3.11
      """)

  @Argument(help: "A SPIFFE ID of this frame, or its path alone.")
  var spiffeID: String

  @Option(name: .long, help: "A fact about the process; may be repeated, then all of them must hold.")
  var selector: [String] = []

  @Option(name: .long, help: "How long its X.509-SVIDs live, in seconds (default: identity.x509_svid_ttl_seconds).")
  var x509TtlSeconds: Int?

  @Option(name: .long, help: "How long its JWT-SVIDs live, in seconds (default: 300).")
  var jwtTtlSeconds: Int?

  @Option(name: .long, help: "Told to a client that gets several SVIDs.")
  var hint: String?

  @Flag(
    name: .long,
    help: "The id is /node: the processes are the frame's node, which runs elsewhere and takes its identity from here.")
  var forNode = false

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = NewEntryBody(
      spiffeId: spiffeID, selectors: selector, x509SvidTtlSeconds: x509TtlSeconds, jwtSvidTtlSeconds: jwtTtlSeconds,
      hint: hint, forNode: forNode ? true : nil)
    let answer: APIClient.Answer<EntryView> = try await node.client().post("/api/v1/entries", body)
    output.print(answer, text: EntryCommand.show)
  }
}

/// `frame entry list`.
struct EntryListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All registration entries.",
    discussion: """
      Example:
        frame entry list --json
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<EntriesView> = try await node.client().get("/api/v1/entries")
    output.print(answer) { list in
      Output.table(
        ["ENTRY", "SPIFFE ID", "SELECTORS"],
        list.entries.map { [$0.entryId, $0.spiffeId, $0.selectors.joined(separator: ", ")] })
    }
  }
}

/// `frame entry show`.
struct EntryShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "One registration entry.",
    discussion: """
      Example:
        frame entry show 0198f2a0-0000-7000-8000-000000000000
      """)

  @Argument(help: "The entry's id, as frame entry list prints it.")
  var id: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<EntryView> = try await node.client().get("/api/v1/entries/\(id)")
    output.print(answer, text: EntryCommand.show)
  }
}

/// `frame entry delete`.
struct EntryDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "End a registration entry.",
    discussion: """
      No SVID is issued for it any more; those that were issued live out their time.

      Example:
        frame entry delete 0198f2a0-0000-7000-8000-000000000000
      """)

  @Argument(help: "The entry's id, as frame entry list prints it.")
  var id: String

  @Option(name: .long, help: "Kept in the log.")
  var reason: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = ReasonBody(reason: reason)
    let answer: APIClient.Answer<EntryView> = try await node.client().post("/api/v1/entries/\(id)/delete", body)
    output.print(answer, text: EntryCommand.show)
  }
}
