import ArgumentParser
import FrameAPI

/// `frame peer list`.
struct PeerListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "All peers with the state of their treaties, whether they answer, and what they wait for.",
    discussion: """
      Example:
        frame peer list --json
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<PeersView> = try await node.client().get("/api/v1/peers")
    output.print(answer) { list in
      Output.table(
        ["FRAME", "STATE", "ANSWERS", "DIRECTION", "FINGERPRINT"],
        list.peers.map {
          [$0.frameId, $0.state, $0.reachability?.short ?? "", $0.direction, $0.fingerprint]
        })
      for peer in list.peers {
        if let next = peer.next { Output.line("\(peer.frameId) waits for \(next)") }
      }
    }
  }
}

/// `frame peer show`.
struct PeerShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "One peer: treaty state, whether it answers, expected and observed fingerprint, addresses.",
    discussion: """
      Example:
        frame peer show frame-a.example
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let client = try node.client()
    let answer: APIClient.Answer<PeerView> = try await client.get("/api/v1/peers/\(frame)")
    output.print(answer, text: PeerCommand.show)
    // A peer that has not told its log key yet is not witnessed.
    let path: APIPath = "/api/v1/peers/\(frame)/witness"
    guard !output.json, let witness = try? await client.get(path, as: WitnessView.self).body else { return }
    Output.fields([
      ("witnessed", witness.witnessedSize.map { "\($0) events" }),
      ("cosigned ours", witness.cosignedSize.map { "\($0) events" }), ("witness key", witness.witnessKey),
      (
        "TWO HISTORIES",
        witness.equivocation.map {
          "\($0.kind), since \($0.time); see frame log equivocation show \(frame)"
        }
      ),
    ])
  }
}
