import ArgumentParser
import Foundation
import FrameCore
import FrameConfiguration
import Synchronization

/// Which node a command talks to, and as whom.
struct NodeOptions: ParsableArguments {
  @Option(name: .long, help: "The node's data folder (default: $FRAME_DATA, else ./frame-data).")
  var data: String?

  @Option(name: .long, help: "The node's frame.yaml, instead of --data (default: $FRAME_CONFIG).")
  var config: String?

  @Option(name: .long, help: "Base URL of the API, http://host:port, when it is not where the configuration says.")
  var url: String?

  @Option(
    name: .long,
    help: "A JWT-SVID to present (default: $FRAME_TOKEN, else one of the frame's authority, made with its keys).")
  var token: String?

  func validate() throws {
    guard let url else { return }
    if url.hasPrefix("http://") || url.hasPrefix("https://"), let host = URLComponents(string: url)?.host, !host.isEmpty
    {
      return
    }
    let shown = url.prefix(200)
    throw ValidationError(
      url.contains("://")
        ? "--url '\(shown)' is no address of an API: write http://host:port."
        : "--url '\(shown)' has no scheme: write http://\(shown).")
  }

  private static func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The frame.yaml that the options name.
  var configurationFile: URL {
    if let config { return URL(fileURLWithPath: config) }
    if let data { return URL(fileURLWithPath: data).appendingPathComponent(NodeSetup.configurationName) }
    if let config = Self.environment("FRAME_CONFIG") { return URL(fileURLWithPath: config) }
    let data = Self.environment("FRAME_DATA") ?? "frame-data"
    return URL(fileURLWithPath: data).appendingPathComponent(NodeSetup.configurationName)
  }

  /// - Throws: ``CLIError/noNode(path:)``, ``CLIError/noAccess(path:why:)`` or a configuration error.
  func configuration() throws -> NodeConfiguration { try Self.configuration(in: configurationFile) }

  /// - Throws: as ``configuration()``.
  static func configuration(in file: URL) throws -> NodeConfiguration {
    do { try Files.requireAccess(file.path) } catch CLIError.noFile { throw CLIError.noNode(path: file.path) }
    return try NodeConfiguration.load(file)
  }

  /// A client with the given token, or with the authority's own.
  func client() throws -> APIClient {
    if let token = token ?? Self.environment("FRAME_TOKEN") {
      if let url { return APIClient(baseURL: Self.trimmed(url), token: { token }) }
      let configuration = try configuration()
      return APIClient(baseURL: configuration.localAPIURL, token: { token }, opsURL: configuration.localOpsURL)
    }
    let configuration = try configuration()
    return try APIClient(authorityOf: configuration, baseURL: url.map(Self.trimmed))
  }

  /// A client for what anyone may read: with `--url` and no token, nothing is presented and no data folder is needed.
  func publicClient() throws -> APIClient {
    guard let url, token == nil, Self.environment("FRAME_TOKEN") == nil,
      !FileManager.default.fileExists(atPath: configurationFile.path)
    else { return try client() }
    return APIClient(baseURL: Self.trimmed(url), token: { "" })
  }

  private static func trimmed(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }
}

extension APIClient {
  /// A client with a token of the frame's authority, made with the keys in its data folder.
  init(authorityOf configuration: NodeConfiguration, baseURL: String? = nil) throws {
    let authority = try LocalAuthority(configuration: configuration)
    self.init(
      baseURL: baseURL ?? configuration.localAPIURL, token: { try await authority.token() },
      opsURL: baseURL == nil ? configuration.localOpsURL : nil)
  }
}

/// `--json` for commands that print data.
struct OutputOptions: ParsableArguments {
  @Flag(name: .long, help: "Print the node's answer as JSON.")
  var json = false

  /// Prints the answer as JSON when asked to, else as `text` does.
  func print<Body>(_ answer: APIClient.Answer<Body>, text: (Body) -> Void) {
    if json { Output.json(answer.data) } else { text(answer.body) }
  }

  /// Writes a text file to stdout as it is; as JSON, in a member of this name.
  func file(_ bytes: Data, as name: String) throws {
    if json { try Output.json([name: String(decoding: bytes, as: UTF8.self)]) } else { Output.file(bytes) }
  }
}

/// `--idempotency-key` for commands that move money.
struct KeyOptions: ParsableArguments {
  @Option(
    name: .customLong("idempotency-key"),
    help:
      "1 to 128 visible ASCII characters; repeating a command with its key has no second effect (default: a new one).")
  var key: String?

  private static let newest = Mutex<String?>(nil)
  /// The key that this process has made, once it has: what it did can be repeated safely with it.
  static var made: String? { newest.withLock { $0 } }

  /// The key given, or a new one, which is then told, so that the command can be repeated safely.
  func resolved() -> String {
    if let key { return key }
    let key = UUID().uuidString.lowercased()
    Self.newest.withLock { $0 = key }
    Output.note("idempotency key: \(key)")
    return key
  }
}
