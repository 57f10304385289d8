import Foundation
import FrameCore
import FrameIdentity

/// The ports of a new frame.
package struct PortPlan: Sendable, Equatable {
  package var api: Int
  package var ops: Int
  package var federation: Int
  package var bundle: Int
  package var sni: Int

  package init(api: Int = 8080, ops: Int = 9464, federation: Int = 9443, bundle: Int = 9444, sni: Int = 8443) {
    self.api = api
    self.ops = ops
    self.federation = federation
    self.bundle = bundle
    self.sni = sni
  }

  /// All of them, with the name each has in `frame.yaml`.
  package var named: [(name: String, port: Int)] {
    [("api", api), ("ops", ops), ("federation", federation), ("bundle", bundle), ("sni", sni)]
  }
}

/// Makes the data folder of a new frame: `frame.yaml`, keys (0600) and an empty log folder.
package enum NodeSetup {
  package static let configurationName = "frame.yaml"

  /// - Parameters:
  ///   - data: the folder to make; it may exist but must not hold a frame.
  ///   - sniMap: host names that share this machine, with their `host:port`; peers among them are reached by the router.
  ///   - canaryInterval: how often the canary probes each peer.
  ///   - upstream: the agent that gives the node its identity; nil: an authority of its own does.
  ///   - seal: what the private keys are sealed with; nil: mode 0600 alone protects them.
  /// - Throws: ``ConfigurationError``, or what FrameIdentity throws when keys cannot be written.
  @discardableResult
  package static func initialise(
    frameID: FrameID, currency: String, scale: Int, data: URL, ports: PortPlan = PortPlan(),
    sniMap: [String: String] = [:], listenHost: String = "0.0.0.0", canaryInterval: Duration = .seconds(60),
    upstream: NodeConfiguration.Upstream? = nil, seal: KeySeal? = nil, clock: any FrameClock = SystemClock()
  ) throws -> NodeConfiguration {
    let native = try Asset(origin: frameID, code: currency, scale: scale)
    // With its trailing slash, so that a relative data_dir is resolved in it and not beside it.
    let directory = URL(fileURLWithPath: data.standardizedFileURL.path, isDirectory: true)
    let file = directory.appendingPathComponent(configurationName)
    guard !FileManager.default.fileExists(atPath: file.path) else { throw ConfigurationError.exists(directory.path) }
    let names = sniMap.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ")
    let text = """
      frame_id: "\(frameID.name)"
      currency: {code: "\(native.code)", scale: \(native.scale)}
      api: {host: 127.0.0.1, port: \(ports.api)}
      ops: {host: 127.0.0.1, port: \(ports.ops)}
      federation: {host: "\(listenHost)", port: \(ports.federation)}
      bundle: {host: "\(listenHost)", port: \(ports.bundle)}
      sni: {enabled: true, host: 127.0.0.1, port: \(ports.sni), map: {\(names)}}
      canary: {enabled: true, interval_seconds: \(canaryInterval.inSeconds)}
      """
    var configuration = try NodeConfiguration.parse(text, file: file.path, directory: directory)
    configuration.file = file.standardizedFileURL.path
    configuration.identity.seal = seal
    if let upstream {
      configuration.identity.source = .workloadAPI(upstream)
      configuration.identity.workloadAPI.enabled = false
    }
    let sealer = try seal?.sealer()
    do {
      try FileManager.default.createDirectory(
        at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try FileManager.default.createDirectory(
        at: configuration.logDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw ConfigurationError.notWritable(directory.path, WriteFailure(error))
    }
    _ = try FrameAuthority.create(
      frame: frameID, in: KeyDirectory(path: configuration.keysDirectory.path), sealer: sealer,
      policy: configuration.identity.policy, clock: clock)
    do {
      try Data(configuration.yaml().utf8).write(to: file, options: .atomic)
    } catch {
      throw ConfigurationError.notWritable(file.path, WriteFailure(error))
    }
    return configuration
  }
}
