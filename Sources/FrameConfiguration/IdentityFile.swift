import Foundation
import FrameCore
import FrameIdentity
import FrameWorkload

extension NodeConfiguration {
  /// How the frame's keys are kept, how long they and what they sign live, and who may have SVIDs of them.
  package struct Identity: Sendable, Equatable {
    package var source: IdentitySource = .builtIn
    package var policy: AuthorityPolicy
    /// Nil: the private keys are stored in the clear, mode 0600.
    package var seal: KeySeal?
    package var workloadAPI: WorkloadAPI
  }

  /// Who gives the node its SVID and the frame its bundle.
  package enum IdentitySource: Sendable, Equatable {
    /// An authority of the node's own.
    case builtIn
    /// An authority elsewhere, through an agent's Workload API.
    case workloadAPI(Upstream)
  }

  package struct Upstream: Sendable, Equatable {
    /// Absolute path of the agent's unix socket.
    package var socket: String
    /// How long a start waits for the first SVID.
    package var wait: Duration = Upstream.standardWait

    package static let standardWait: Duration = .seconds(30)

    package init(socket: String, wait: Duration = Upstream.standardWait) {
      self.socket = socket
      self.wait = wait
    }
  }

  package struct WorkloadAPI: Sendable, Equatable {
    package var enabled: Bool
    /// Absolute path of the unix socket.
    package var socket: String
  }

  /// Loads the keys of the frame, opening their seal. Blocks on the disk.
  /// - Throws: `KeyFileError`, `KeySealError`.
  package func loadAuthority(
    clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    try FrameAuthority.load(
      frame: frameID, from: KeyDirectory(path: keysDirectory.path), sealer: try identity.seal?.sealer(),
      policy: identity.policy, clock: clock, metrics: metrics)
  }

  /// The fingerprint of the bundle that its own authority vouches for: what operators compare.
  package func bundleFingerprint() throws -> String { try loadAuthority().bundle.fingerprint.description }
}

/// Where the secret is that the private keys are sealed with.
package enum KeySeal: Sendable, Equatable {
  /// Name of an environment variable that holds a passphrase.
  case passphraseEnvironment(String)
  /// Absolute path of a file with a passphrase, readable by its owner alone.
  case passphraseFile(String)
  /// Absolute path of a file whose bytes are the key, readable by its owner alone.
  case keyFile(String)

  /// Blocks on the disk.
  /// - Throws: `KeySealError`, `KeyFileError`.
  package func sealer() throws -> KeySealer {
    switch self {
    case .passphraseEnvironment(let name):
      guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else {
        throw KeySealError.environmentUnset(name)
      }
      return try KeySealer(passphrase: Data(text.utf8))
    case .passphraseFile(let path): return try KeySealer(file: path, isPassphrase: true)
    case .keyFile(let path): return try KeySealer(file: path, isPassphrase: false)
    }
  }
}

/// `identity` of `frame.yaml` as written.
struct IdentityFile: Codable {
  struct Seal: Codable {
    var passphrase_env: String?
    var passphrase_file: String?
    var key_file: String?
  }

  struct WorkloadAPI: Codable {
    var enabled: Bool?
    var socket: String?
  }

  struct Upstream: Codable {
    var socket: String?
    var wait_seconds: Int?
  }

  /// Where SPIFFE clients look for their agent (SPIFFE Workload Endpoint §4).
  static let socketVariable = "SPIFFE_ENDPOINT_SOCKET"

  var source: String?
  var upstream: Upstream?

  var ca_ttl_seconds: Int?
  var x509_svid_ttl_seconds: Int?
  var jwt_key_ttl_seconds: Int?
  var refresh_hint_seconds: Int?
  var seal: Seal?
  var workload_api: WorkloadAPI?

  init() {}

  /// - Parameter data: the folder that the file is written to; paths in it are written relative to it.
  init(_ identity: NodeConfiguration.Identity, data: URL) {
    func plain(_ duration: Duration) -> Int { Int(duration.components.seconds) }
    func relative(_ path: String) -> String {
      let prefix = data.path.hasSuffix("/") ? data.path : data.path + "/"
      return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }
    switch identity.source {
    case .builtIn: source = UpstreamMetrics.builtIn
    case .workloadAPI(let agent):
      source = UpstreamMetrics.workloadAPI
      upstream = Upstream(socket: "unix://" + agent.socket, wait_seconds: plain(agent.wait))
    }
    ca_ttl_seconds = plain(identity.policy.caLifetime)
    x509_svid_ttl_seconds = plain(identity.policy.x509SVIDLifetime)
    jwt_key_ttl_seconds = plain(identity.policy.jwtKeyLifetime)
    refresh_hint_seconds = plain(identity.policy.refreshHint)
    workload_api = WorkloadAPI(
      enabled: identity.workloadAPI.enabled, socket: relative(identity.workloadAPI.socket))
    switch identity.seal {
    case nil: break
    case .passphraseEnvironment(let name): seal = Seal(passphrase_env: name)
    case .passphraseFile(let path): seal = Seal(passphrase_file: relative(path))
    case .keyFile(let path): seal = Seal(key_file: relative(path))
    }
  }

  /// - Parameters:
  ///   - directory: what relative paths are relative to.
  ///   - data: the data folder.
  ///   - environment: of the process.
  ///   - refusal: makes the error for a field and what is wrong with it.
  package func check(
    directory: URL, data: URL, environment: [String: String],
    refusal: (_ field: String, _ why: String) -> ConfigurationError
  ) throws -> NodeConfiguration.Identity {
    func seconds(_ field: String, _ value: Int?, _ fallback: Duration, _ range: ClosedRange<Int>) throws -> Duration {
      guard let value else { return fallback }
      guard range.contains(value) else {
        throw refusal("identity.\(field)", "\(value) is not between \(range.lowerBound) and \(range.upperBound).")
      }
      return .seconds(value)
    }
    try checkSocket(directory, data, refusal)
    let standard = AuthorityPolicy.standard
    let policy = AuthorityPolicy(
      caLifetime: try seconds("ca_ttl_seconds", ca_ttl_seconds, standard.caLifetime, 1...(20 * 365 * 86_400)),
      jwtKeyLifetime: try seconds(
        "jwt_key_ttl_seconds", jwt_key_ttl_seconds, standard.jwtKeyLifetime, 1...(20 * 365 * 86_400)),
      x509SVIDLifetime: try seconds(
        "x509_svid_ttl_seconds", x509_svid_ttl_seconds, standard.x509SVIDLifetime, 30...(7 * 86_400)),
      refreshHint: try seconds("refresh_hint_seconds", refresh_hint_seconds, standard.refreshHint, 1...86_400))
    func least(_ field: String, _ value: Duration, _ least: Duration) throws {
      guard value < least else { return }
      throw refusal(
        "identity.\(field)",
        "\(value.components.seconds) leaves no room to rotate: with these SVIDs and this refresh hint "
          + "\(least.components.seconds) are the least."
      )
    }
    try least("ca_ttl_seconds", policy.caLifetime, policy.shortestCALifetime)
    try least("jwt_key_ttl_seconds", policy.jwtKeyLifetime, policy.shortestJWTKeyLifetime)
    let source = try checkSource(directory, environment, refusal)
    let isBuiltIn = source == .builtIn
    if !isBuiltIn, workload_api?.enabled == true {
      throw refusal(
        "identity.workload_api.enabled",
        "with identity.source: workload-api there is no authority here to serve it from; set it to false.")
    }
    return NodeConfiguration.Identity(
      source: source, policy: policy, seal: try seal.map { try check($0, directory, refusal) },
      workloadAPI: NodeConfiguration.WorkloadAPI(
        enabled: workload_api?.enabled ?? isBuiltIn,
        socket: workload_api?.socket.map { absolute($0, directory) }
          ?? data.appendingPathComponent("workload.sock").path))
  }

  private func checkSource(
    _ directory: URL, _ environment: [String: String], _ refusal: (String, String) -> ConfigurationError
  ) throws -> NodeConfiguration.IdentitySource {
    switch source ?? UpstreamMetrics.builtIn {
    case UpstreamMetrics.builtIn:
      guard upstream == nil else {
        throw refusal("identity.upstream", "it is used only with identity.source: workload-api.")
      }
      return .builtIn
    case UpstreamMetrics.workloadAPI:
      let seconds = upstream?.wait_seconds ?? Int(NodeConfiguration.Upstream.standardWait.components.seconds)
      guard (1...3600).contains(seconds) else {
        throw refusal("identity.upstream.wait_seconds", "\(seconds) is not between 1 and 3600.")
      }
      let fromEnvironment = environment[Self.socketVariable].flatMap { $0.isEmpty ? nil : $0 }
      guard let text = upstream?.socket ?? fromEnvironment, !text.isEmpty else {
        throw refusal(
          "identity.upstream.socket",
          "it is missing, and so is the environment variable \(Self.socketVariable): name the agent's socket.")
      }
      guard let path = socketPath(text, directory) else {
        throw refusal(
          "identity.upstream.socket", "'\(text.prefix(200))' is not a unix socket; write unix:///path/of/the/socket.")
      }
      guard path.utf8.count <= WorkloadServer.pathBytesMax else {
        throw refusal(
          "identity.upstream.socket", "'\(path)' is longer than \(WorkloadServer.pathBytesMax) bytes.")
      }
      return .workloadAPI(NodeConfiguration.Upstream(socket: path, wait: .seconds(seconds)))
    case let other:
      throw refusal("identity.source", "'\(other.prefix(80))' is neither built-in nor workload-api.")
    }
  }

  /// `unix:///absolute`, `unix:path` as other clients also take it, or a path alone; nil for another scheme.
  private func socketPath(_ text: String, _ directory: URL) -> String? {
    if text.hasPrefix("unix://") {
      let path = String(text.dropFirst("unix://".count))
      // What stands before the first slash would be a host: a socket has none.
      return path.hasPrefix("/") ? absolute(path, directory) : nil
    }
    let path = text.hasPrefix("unix:") ? String(text.dropFirst("unix:".count)) : text
    guard !path.isEmpty, !path.contains("://"), !path.hasPrefix("tcp:") else { return nil }
    return absolute(path, directory)
  }

  private func absolute(_ path: String, _ directory: URL) -> String {
    URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: directory.path, isDirectory: true)).standardizedFileURL
      .path
  }

  /// In a data folder that lies too deep for the default the API is off, with a warning; whoever names a path means it to be
  /// served there.
  private func checkSocket(
    _ directory: URL, _ data: URL, _ refusal: (String, String) -> ConfigurationError
  ) throws {
    guard workload_api?.enabled ?? true, let named = workload_api?.socket else { return }
    let (path, most) = (absolute(named, directory), WorkloadServer.pathBytesMax)
    guard path.utf8.count > most, path != data.appendingPathComponent("workload.sock").path else { return }
    throw refusal(
      "identity.workload_api.socket",
      "'\(path)' has \(path.utf8.count) bytes; the path of a unix socket has \(most) at most.")
  }

  private func check(
    _ seal: Seal, _ directory: URL, _ refusal: (String, String) -> ConfigurationError
  ) throws -> KeySeal {
    switch (seal.passphrase_env, seal.passphrase_file, seal.key_file) {
    case (let name?, nil, nil) where !name.isEmpty: return .passphraseEnvironment(name)
    case (nil, let path?, nil) where !path.isEmpty: return .passphraseFile(absolute(path, directory))
    case (nil, nil, let path?) where !path.isEmpty: return .keyFile(absolute(path, directory))
    default:
      throw refusal("identity.seal", "it needs exactly one of passphrase_env, passphrase_file and key_file.")
    }
  }
}
