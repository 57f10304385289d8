import ArgumentParser
import FrameAPI

/// `frame peer amend`.
struct PeerAmendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "amend",
    abstract:
      "Propose new terms of a treaty, or that we are reached elsewhere; it counts once the other side has accepted.",
    discussion: """
      A limit without peer- in its name is one that we hold the peer to; one with it is what the peer is asked to hold us
      to. What is not named stays as it is. Both sides see the amended text, and both sign it.

      A frame proposes nobody's endpoints but its own. It may do so before it moves or from where it has moved to; the peer
      goes over when it answers there. Its keys stay.

      Of the subscriptions CrossFrameTransferInitiated (async transfers to us) and TokensBridgeLocked (locks for us) can be
      dropped: the peer then begins no more of them. The others tell what became of money and stay.

      Examples:
        frame peer amend frame-b.example --net-debit-cap 20000.00 \\
          --note "as agreed on Monday"
        frame peer amend frame-b.example --peer-bridge-cap 5000.00
        frame peer amend frame-b.example --bundle-endpoint \\
          https://new.example:9444 --federation-address new.example:9443
        frame peer amend frame-b.example --unsubscribe TokensBridgeLocked
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Option(name: .long, help: "How far the peer may run into debt with us, in our currency.")
  var netDebitCap: String?

  @Option(name: .long, help: "The most of the peer's currency that may be outstanding here, in its currency.")
  var bridgeCap: String?

  @Option(name: .long, help: "The most of the peer's currency issued here in a minute, in its currency.")
  var bridgeRate: String?

  @Option(name: .long, help: "Event types that we ask the peer to send, separated by commas; all of them.")
  var subscriptions: String?

  @Option(name: .long, help: "Event types to ask the peer for as well, separated by commas.")
  var subscribe: String?

  @Option(name: .long, help: "Event types to ask the peer for no more, separated by commas.")
  var unsubscribe: String?

  @Option(name: .long, help: "Where we will serve our bundle, https://host:port.")
  var bundleEndpoint: String?

  @Option(
    name: [.customLong("federation-address"), .customLong("peer-endpoint")],
    help: "Where peers will reach us, host:port of the federation listener.")
  var federationAddress: String?

  @Option(name: .customLong("api-url"), help: "Where our API will be published; empty for nowhere.")
  var apiURL: String?

  @Option(name: .long, help: "How far we may run into debt with the peer, in its currency.")
  var peerNetDebitCap: String?

  @Option(name: .long, help: "The most of our currency that may be outstanding at the peer, in our currency.")
  var peerBridgeCap: String?

  @Option(name: .long, help: "The most of our currency issued at the peer in a minute, in our currency.")
  var peerBridgeRate: String?

  @Option(name: .long, help: "Words for the other operator.")
  var note: String?

  @Option(
    name: .long,
    help: "How long the other side may take to decide: 30m, 12h or 3d, say (s, m, h, d); 31d at most; 7d unless given.")
  var expires: DecisionTime?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    func names(_ text: String?) -> [String]? { text.map { $0.split(separator: ",").map(String.init) } }
    let body = AmendmentBody(
      netDebitCap: netDebitCap, bridgeCap: bridgeCap, bridgeRatePerMinute: bridgeRate,
      subscriptions: names(subscriptions), subscribe: names(subscribe), unsubscribe: names(unsubscribe),
      bundleEndpoint: bundleEndpoint, federationAddress: federationAddress, apiUrl: apiURL,
      peerNetDebitCap: peerNetDebitCap, peerBridgeCap: peerBridgeCap, peerBridgeRatePerMinute: peerBridgeRate,
      note: note, expiresInSeconds: expires?.seconds)
    let answer: APIClient.Answer<AmendmentView> = try await node.client().post(
      "/api/v1/peers/\(frame)/amendments", body)
    output.print(answer, text: PeerCommand.show)
  }
}

/// How long somebody may take to decide: whole seconds, minutes, hours or days.
struct DecisionTime: ExpressibleByArgument, Equatable {
  static let secondsMax = 31 * 86_400
  let seconds: Int

  /// Nil when it is none, or not from 1 second to 31 days: what the node would refuse is told as wrong usage.
  init?(argument: String) {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let last = argument.last else { return nil }
    let unit = units[last]
    // At most seven digits: their product with a day fits.
    let digits = unit == nil ? argument[...] : argument.dropLast()
    guard (1...7).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(digits), (1...Self.secondsMax).contains(number * (unit ?? 1))
    else { return nil }
    seconds = number * (unit ?? 1)
  }
}
