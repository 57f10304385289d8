import ArgumentParser

/// `frame log`: the log as its readers and auditors see it.
struct LogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Read the log: checkpoint, tiles, proofs, events; or download a copy to audit.",
    discussion: """
      Checkpoint and hash tiles are for anyone (--url is enough); entries, events and proofs need the authority.

        frame log checkpoint
        frame log download ./log-copy
        frame audit verify --checkpoint ./log-copy/checkpoint --key KEY \\
          --log ./log-copy
      """,
    subcommands: [
      LogCheckpointCommand.self, LogTileCommand.self, LogProofCommand.self, LogEventsCommand.self,
      LogDownloadCommand.self, LogEquivocationCommand.self,
    ])
}
