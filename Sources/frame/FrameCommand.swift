import ArgumentParser
import Foundation
import FrameCore

/// The `frame` command: runs a sovereign frame and talks to a running one.
@main
struct FrameCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frame",
    abstract: "A sovereign frame: its own identity, log and economy, federated with its peers as an equal.",
    discussion: """
      Start two frames on this machine with `frame demo`, or make and run one of your own:

        frame init --frame-id frame-a.example --currency AVT --scale 2 --data ./frame-data
        frame serve --config ./frame-data/frame.yaml

      Commands that talk to a node find it by --data, --config or the environment (FRAME_DATA, FRAME_CONFIG).
      Exit codes: 0 done, 1 refused or failed (the reason is on stderr), 64 wrong usage.
      """,
    version: FrameVersion.text,
    subcommands: [
      InitCommand.self, ServeCommand.self, DemoCommand.self, PeerCommand.self, AgentCommand.self, OperatorCommand.self,
      IssueCommand.self,
      BurnCommand.self, TransferCommand.self, HoldCommand.self, FeesCommand.self, BridgeCommand.self, LogCommand.self,
      SNICommand.self, AuthorityCommand.self, EntryCommand.self,
      AuditCommand.self, SupplyCommand.self, BackupCommand.self, RestoreCommand.self,
      BenchCommand.self,
      MetricsCommand.self, VersionCommand.self,
    ])

  static func main() async {
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as any FrameError {
      Output.error(error)
      Foundation.exit(1)
    } catch {
      exit(withError: error)
    }
  }
}
