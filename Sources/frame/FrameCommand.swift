import ArgumentParser
import Foundation
import FrameLedger
import FrameCore

/// The `frame` command: runs a sovereign frame and talks to a running one.
@main
struct FrameCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frame",
    abstract: "A sovereign frame: its own identity, log and economy, federated with its peers as an equal.",
    discussion: """
      Start two frames on this machine with `frame demo`, or make and run one of your own:

        frame init --frame-id frame-a.example --currency AVT --scale 2 \\
          --data ./frame-data
        frame serve --config ./frame-data/frame.yaml

      Commands that talk to a node find it by --data, --config or the environment (FRAME_DATA, FRAME_CONFIG).
      With --json the result on stdout is JSON, and so is the error on stderr.

      \(ExitStatus.help)
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
    ProcessManners.settle()
    defer { StandardStream.flush() }
    do {
      var command = try parseAsRoot(Arguments.joiningNegatives(Array(CommandLine.arguments.dropFirst())))
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      let code = end(error)
      StandardStream.flush()
      Foundation.exit(code)
    }
  }

  /// Says why the command ends.
  /// - Returns: the exit code.
  private static func end(_ error: any Error) -> Int32 {
    if let error = error as? any FrameError {
      let status = ExitStatus(error)
      Output.error(error, status: status)
      return status.rawValue
    }
    let code = exitCode(for: error)
    guard code != .success else {
      Output.lines(fullMessage(for: error))
      return code.rawValue
    }
    if error is ExitCode { return code.rawValue }
    if code == .validationFailure {
      if Output.isJSON {
        let usage = Refusal("usage", .invalid, message(for: error), remedy: "See frame help.")
        Output.error(usage, status: .usage)
      } else {
        Output.notes(fullMessage(for: error))
      }
      return ExitStatus.usage.rawValue
    }
    let failure = Refusal("failed", .internal, "The command failed: \(error.words).", remedy: "")
    Output.error(failure, status: .internal)
    return ExitStatus.internal.rawValue
  }
}
