import ArgumentParser
import Foundation
import FrameCore
import FrameConfiguration

/// `frame init`: makes the data folder of a new frame.
struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a new frame: its configuration, its keys (readable by you alone) and its log.",
    discussion: """
      Example:
        frame init --frame-id frame-a.example --currency AVT --scale 2 \\
          --data ./frame-data
      """)

  @Option(name: .long, help: "The frame's id: its SPIFFE trust domain name, e.g. frame-a.example.")
  var frameID: String

  @Option(name: .long, help: "Code of the frame's own currency, e.g. AVT.")
  var currency: String

  @Option(name: .long, help: "Decimal places of the currency, 0 to 9.")
  var scale: Int = 2

  @Option(name: .long, help: "The folder to make.")
  var data: String = "frame-data"

  @Option(name: .long, help: "Address the federation and bundle listeners bind.")
  var listenHost: String = "0.0.0.0"

  @Option(
    name: .long,
    help:
      "Take the node's identity from the SPIFFE agent at this socket (unix:///path) instead of an authority of its own."
  )
  var identitySocket: String?

  @OptionGroup var ports: PortOptions
  @OptionGroup var seal: SealOptions

  @Flag(name: .long, help: "Print what was made as JSON.")
  var json = false

  private func upstream() throws -> NodeConfiguration.Upstream? {
    guard let identitySocket else { return nil }
    guard identitySocket.hasPrefix("unix:///") else {
      throw ValidationError("--identity-socket '\(identitySocket)' is not unix:///path/of/the/socket.")
    }
    return NodeConfiguration.Upstream(socket: String(identitySocket.dropFirst("unix://".count)))
  }

  func run() async throws {
    let folder = URL(fileURLWithPath: data)
    let upstream = try upstream()
    let made = try NodeSetup.initialise(
      frameID: try FrameID(frameID), currency: currency, scale: scale, data: folder, ports: ports.plan,
      listenHost: listenHost, upstream: upstream, seal: seal.seal)
    // None of its own when somebody else vouches for the frame's ids.
    let fingerprint = upstream == nil ? try made.bundleFingerprint() : nil
    let file = folder.appendingPathComponent(NodeSetup.configurationName).path
    if json {
      var fields = [
        "frame_id": made.frameID.name, "config": file, "data": folder.path, "api": made.localAPIURL,
        "ops": made.localOpsURL,
      ]
      fields["bundle_fingerprint"] = fingerprint
      try Output.json(fields)
    } else {
      Output.fields([
        ("frame", made.frameID.name), ("currency", "\(made.native.code), \(made.native.scale) decimal places"),
        ("fingerprint", fingerprint), ("identity from", upstream.map { "the agent at unix://\($0.socket)" }),
        ("config", file),
        ("api", made.localAPIURL), ("metrics", made.localOpsURL + "/metrics"),
        ("start it", "frame serve --config \(file)"),
      ])
    }
  }
}

/// What the private keys of a new frame are sealed with.
struct SealOptions: ParsableArguments {
  @Option(
    name: .customLong("seal-passphrase-env"), help: "Seal the keys with the passphrase in this environment variable.")
  var passphraseEnvironment: String?

  @Option(
    name: .customLong("seal-passphrase-file"), help: "Seal the keys with the passphrase in this file (mode 0600).")
  var passphraseFile: String?

  @Option(
    name: .customLong("seal-key-file"), help: "Seal the keys with the bytes of this file (mode 0600, 32 at least).")
  var keyFile: String?

  func validate() throws {
    guard [passphraseEnvironment, passphraseFile, keyFile].compactMap({ $0 }).count <= 1 else {
      throw ValidationError("Use one of --seal-passphrase-env, --seal-passphrase-file and --seal-key-file.")
    }
  }

  /// Nil when the keys are stored in the clear.
  var seal: KeySeal? {
    if let passphraseEnvironment { return .passphraseEnvironment(passphraseEnvironment) }
    if let passphraseFile { return .passphraseFile(URL(fileURLWithPath: passphraseFile).standardizedFileURL.path) }
    return keyFile.map { .keyFile(URL(fileURLWithPath: $0).standardizedFileURL.path) }
  }
}

/// The ports of a new frame.
struct PortOptions: ParsableArguments {
  @Option(name: .long, help: "Port of the REST API.")
  var apiPort: Int = PortPlan().api

  @Option(name: .long, help: "Port of /metrics and health.")
  var opsPort: Int = PortPlan().ops

  @Option(name: .long, help: "Port of the federation listener (gRPC over mTLS).")
  var federationPort: Int = PortPlan().federation

  @Option(name: .long, help: "Port of the bundle endpoint.")
  var bundlePort: Int = PortPlan().bundle

  @Option(name: .long, help: "Port of the SNI router.")
  var sniPort: Int = PortPlan().sni

  func validate() throws {
    var seen: [Int: String] = [:]
    for (name, port) in plan.named {
      guard (1...65535).contains(port) else {
        throw ValidationError("--\(name)-port \(port) is not a port; use 1 to 65535.")
      }
      if let other = seen[port] {
        throw ValidationError(
          "--\(other)-port and --\(name)-port are both \(port): each listener needs one of its own.")
      }
      seen[port] = name
    }
  }

  var plan: PortPlan {
    PortPlan(api: apiPort, ops: opsPort, federation: federationPort, bundle: bundlePort, sni: sniPort)
  }
}
