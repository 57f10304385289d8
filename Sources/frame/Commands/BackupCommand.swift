import ArgumentParser
import Foundation
import FrameCore
import FrameNode

/// `frame backup`.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy a node's log and state, while it runs, and audit the copy.",
    discussion: """
      Run it on the node's own machine: it reads the data folder. Without --with-keys the backup holds no secret, and the keys
      have to be kept elsewhere.

      Examples:
        frame backup --to /backup/frame-a --data ./frame-data
        frame backup --to /safe/frame-a --with-keys --data ./frame-data
      """)

  @Option(name: .long, help: "The folder to make; it must not exist or be empty.")
  var to: String

  @Flag(name: .long, help: "The frame's private keys too: whoever has this backup is then the frame.")
  var withKeys = false

  @OptionGroup var location: LocationOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let configuration = try location.configuration()
    let target = URL(fileURLWithPath: to, isDirectory: true)
    let withKeys = withKeys
    let manifest = try await OfflineAudit.offPool {
      try NodeBackup.make(of: configuration, to: target, keys: withKeys)
    }
    try RestoreCommand.show(manifest, at: to, output)
  }
}

/// `frame restore`.
struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Make a node's data folder of a backup, and audit it.",
    discussion: """
      A node that is started on a restored log first asks its witnesses whether they have seen more of it: an older copy that goes on
      would be a second history. Checkpoints of the log that were kept elsewhere can be given here already.

      Examples:
        frame restore --from /backup/frame-a --data ./frame-data --keys /safe/keys
        frame restore --from /backup/frame-a --data ./frame-data \\
          --keys /safe/keys --published ./checkpoint
      """)

  @Option(name: .long, help: "What frame backup made.")
  var from: String

  @Option(name: .long, help: "The data folder to make; it must not exist or be empty.")
  var data: String

  @Option(name: .long, help: "The folder with the frame's keys, when the backup has none.")
  var keys: String?

  @Option(
    name: .long, help: "A checkpoint of the log that was seen elsewhere; the backup must reach it. May be repeated.")
  var published: [String] = []

  @Flag(name: .long, help: "Restore although a published checkpoint is beyond the backup.")
  var acceptFork = false

  @Flag(name: .long, help: "Restore although the keys are from before a rotation that the log knows.")
  var acceptOldKeys = false

  @OptionGroup var output: OutputOptions

  func run() async throws {
    let backup = URL(fileURLWithPath: from, isDirectory: true)
    let target = URL(fileURLWithPath: data, isDirectory: true)
    let keys = keys.map { URL(fileURLWithPath: $0, isDirectory: true) }
    let notes = try published.map(Files.read)
    let (acceptFork, acceptOldKeys) = (acceptFork, acceptOldKeys)
    let restored = try await OfflineAudit.offPool {
      try NodeBackup.restore(
        backup, to: target, keys: keys, published: notes, acceptsFork: acceptFork, acceptsOldKeys: acceptOldKeys)
    }
    try Self.show(restored.manifest, at: data, output, keys: restored.keys)
  }

  /// - Parameter keys: of a restore, how far its keys were compared.
  static func show(
    _ manifest: NodeBackup.Manifest, at path: String, _ output: OutputOptions, keys: KeysFit.Verdict? = nil
  ) throws {
    if output.json {
      var members = try TextTree(json: try manifest.json(), APIClient.answerLimits).members ?? []
      if let keys { members.append(.init("keys_compared", .boolean(keys == .compared))) }
      return Output.json(Data(TextTree.object(members).json().utf8))
    }
    let words =
      switch keys {
      case nil: manifest.hasKeys ? "in the backup" : "not in the backup"
      case .compared: "the frame's, of this log"
      case .sealed: "the frame's; they are sealed and the secret is not here: their log key was not compared"
      }
    Output.fields([
      ("frame", manifest.frame), ("folder", path), ("events", "\(manifest.size)"), ("root", manifest.root),
      ("made", manifest.createdAt), ("keys", words), ("files", "\(manifest.files.count)"), ("audit", "clean"),
    ])
  }
}
