import Foundation
import FrameCore
import FrameTreaty
import FrameEvents

/// Everything an operator decides about a node: the contents of `frame.yaml`, checked.
package struct NodeConfiguration: Sendable, Equatable {
  package struct Listener: Sendable, Equatable {
    package var host: String
    package var port: Int

    /// Whether the two cannot be open at once. Different addresses of one machine may have the same port.
    func clashes(with other: Listener) -> Bool {
      func address(_ host: String) -> String { host == "localhost" ? "127.0.0.1" : host.lowercased() }
      let (a, b) = (address(host), address(other.host))
      let isEverywhere = [a, b].contains { ["0.0.0.0", "::", "*"].contains($0) }
      return port == other.port && port != 0 && (a == b || isEverywhere)
    }
  }

  package struct Advertised: Sendable, Equatable {
    /// `host:port` that peers dial for the federation channel.
    package var federationAddress: String
    /// `https://host:port` where anyone fetches our bundle.
    package var bundleEndpoint: String
    /// Base URL of the API, or "" when it is not published.
    package var apiURL: String
  }

  package struct Canary: Sendable, Equatable {
    package var enabled: Bool
    package var interval: Duration
    /// What one probe moves, minor units.
    package var amount: Amount
    /// What the canary's account is topped up to from the treasury when it runs low, minor units.
    package var float: Amount
  }

  package struct Fees: Sendable, Equatable {
    /// Hundredths of a percent of the amount.
    package var basisPoints: Int
    /// Minor units added to every transfer.
    package var fixed: Amount
    /// No fee is below it, minor units.
    package var minimum: Amount
    /// No fee is above it, minor units; nil: no ceiling.
    package var maximum: Amount?
  }

  /// The limits we hold a new peer to.
  package struct TreatyDefaults: Sendable, Equatable {
    /// Minor units of our own currency.
    package var netDebitCap: Amount
    /// Of the peer's currency, as is the rate.
    package var bridgeCap: UnitAmount
    package var bridgeRatePerMinute: UnitAmount
  }

  /// How our bundle endpoint proves itself, and what else than the system's roots a peer's may rest on.
  package struct BundleEndpoint: Sendable, Equatable {
    package var profile: BundleProfile
    /// PEM; both are set when the profile is `https_web`, else neither.
    package var certificate: URL?
    package var privateKey: URL?
    /// PEM.
    package var additionalRoots: URL?
  }

  /// A witness of the log beside the treaty peers (C2SP tlog-witness).
  package struct OutsideWitness: Sendable, Equatable {
    /// The submission prefix, without a trailing slash.
    package var url: String
    package var key: CosignatureKey
  }

  package struct SNI: Sendable, Equatable {
    package var enabled: Bool
    package var listener: Listener
    /// Public host name to `host:port`, beside our own names and our peers'.
    package var map: [String: String]
  }

  package var frameID: FrameID
  package var native: Asset
  package var dataDirectory: URL
  package var api: Listener
  package var ops: Listener
  package var federation: Listener
  package var bundle: Listener
  package var bundleEndpoint: BundleEndpoint
  package var sni: SNI
  package var advertised: Advertised
  package var fees: Fees
  package var canary: Canary
  package var treaty: TreatyDefaults
  /// A snapshot of the state is due after so many events; 0: none is made or used.
  package var snapshotEvery: UInt64
  package var auditInterval: Duration
  package var refreshInterval: Duration
  package var logLevel: String
  package var identity: Identity
  /// Path of the file that this was read from; what may change while the node runs is read from it again.
  package var file: String?
  package var witnesses: [OutsideWitness] = []
  /// Serve although a witness holds more of this frame's log than there is (`frame serve --accept-fork`). Never in the file.
  package var acceptsFork = false
  /// Go on with keys that are older than the log (`frame serve --accept-old-keys`). Never in the file.
  package var acceptsOldKeys = false
  /// Between canary rounds, instead of ``canary`` (`frame serve --canary-seconds`). Never in the file.
  package var canaryInterval: Duration?

  package var keysDirectory: URL { dataDirectory.appendingPathComponent("keys", isDirectory: true) }
  package var logDirectory: URL { dataDirectory.appendingPathComponent("log", isDirectory: true) }
  /// What this node has witnessed of its peers' logs.
  package var witnessDirectory: URL { dataDirectory.appendingPathComponent("witness", isDirectory: true) }
  /// Base URL by which a local client reaches the API.
  package var localAPIURL: String { "http://\(Self.reachable(api.host)):\(api.port)" }
  /// Base URL by which a local client reaches `/metrics` and health.
  package var localOpsURL: String { "http://\(Self.reachable(ops.host)):\(ops.port)" }

  private static func reachable(_ host: String) -> String {
    switch host {
    case "0.0.0.0": "127.0.0.1"
    case "::": "[::1]"
    default: host.contains(":") ? "[\(host)]" : host
    }
  }
}

/// Why a configuration cannot be used.
package enum ConfigurationError: FrameError, Equatable {
  case unreadable(file: String, why: String)
  case malformed(file: String, why: String)
  case invalid(file: String, field: String, why: String)
  case exists(String)
  case notWritable(String, WriteFailure)

  package var code: String {
    switch self {
    case .unreadable: "config_unreadable"
    case .malformed: "config_malformed"
    case .invalid: "config_invalid"
    case .exists: "frame_exists"
    case .notWritable: "not_writable"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .exists: .conflict
    case .notWritable(_, let failure): failure.kind
    case .unreadable, .malformed, .invalid: .invalid
    }
  }
  package var message: String {
    switch self {
    case .unreadable(let file, let why): "Cannot read \(file): \(why)."
    case .malformed(let file, let why): "\(file) is not valid YAML for a frame: \(why)."
    case .invalid(let file, let field, let why): "\(file): \(field): \(why)"
    case .exists(let path): "\(path) already holds a frame."
    case .notWritable(let path, let failure): "Cannot write to \(path): \(failure.why)."
    }
  }
  package var remedy: String {
    switch self {
    case .unreadable: "Give the path of a frame.yaml with --config, or make one with frame init."
    case .malformed, .invalid: "Correct the file; frame init writes a complete example."
    case .exists: "Use another --data folder, or start it with frame serve."
    case .notWritable(_, let failure): failure.remedy
    }
  }
}
