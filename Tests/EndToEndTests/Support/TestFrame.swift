import Foundation
import FrameCore
import FrameConfiguration
import Synchronization
import Testing

/// One frame under test: its folder, its process, and its API as the frame's own authority.
final class TestFrame: Sendable {
  let name: String
  let currency: String
  let person: String
  let folder: URL
  let ports: [Int]
  private let process = Mutex<RunningProcess?>(nil)

  var configurationFile: URL { folder.appendingPathComponent("frame.yaml") }
  var log: URL { folder.appendingPathComponent("node.log") }
  var api: String { "http://127.0.0.1:\(ports[0])" }
  var ops: String { "http://127.0.0.1:\(ports[1])" }
  var opsTarget: String { "127.0.0.1:\(ports[1])" }
  var bundleEndpoint: String { "https://127.0.0.1:\(ports[3])" }

  /// Makes the frame with `frame init`.
  /// - Parameter options: more of it.
  init(name: String, currency: String, person: String, in folder: URL, options: [String] = []) async throws {
    self.name = name
    self.currency = currency
    self.person = person
    self.folder = folder
    ports = try FreePorts.take(5)
    try await make(options)
  }

  /// Loses all its data, keys and log, and is made anew under the same name at the same addresses.
  func rebuild() async throws {
    try FileManager.default.removeItem(at: folder)
    try await make([])
  }

  private func make(_ options: [String]) async throws {
    try await run(
      [
        "init", "--frame-id", name, "--currency", currency, "--scale", "2", "--data", folder.path, "--listen-host",
        "127.0.0.1", "--api-port", "\(ports[0])", "--ops-port", "\(ports[1])", "--federation-port", "\(ports[2])",
        "--bundle-port", "\(ports[3])", "--sni-port", "\(ports[4])",
      ] + options)
  }

  // MARK: - Process

  /// - Parameters:
  ///   - fileBlocks: no file of the node may grow beyond so many blocks of 512 bytes: to it, the disk is full.
  ///   - descriptors: it may open so many files and connections.
  ///   - options: more of `serve`.
  func start(fileBlocks: Int? = nil, descriptors: Int? = nil, options: [String] = []) async throws {
    let serve = ["serve", "--config", configurationFile.path, "--log-level", "info"] + options
    let running =
      if let fileBlocks {
        try RunningProcess(
          "/bin/sh",
          ["-c", "trap '' XFSZ; ulimit -f \(fileBlocks); exec \"$0\" \"$@\"", Binary.frame()] + serve, output: log)
      } else if let descriptors {
        try RunningProcess(
          "/bin/sh", ["-c", "ulimit -n \(descriptors); exec \"$0\" \"$@\"", Binary.frame()] + serve, output: log)
      } else {
        try RunningProcess(Binary.frame(), serve, output: log)
      }
    process.withLock { $0 = running }
    try await Wait.polling.until("\(name) becoming ready", within: .seconds(30)) {
      if let status = running.status { throw Died(name: name, status: status, tail: running.tail) }
      return try await HTTP.get(ops + "/readyz").status == 200
    }
  }

  /// A clean stop; the exit code must be 0.
  func stop() async throws {
    guard let running = process.withLock({ $0 }) else { return }
    let status = try await running.end(SIGTERM)
    #expect(status == 0, "\(name) must exit 0 when told to stop; its log ends with:\n\(running.tail)")
    process.withLock { $0 = nil }
  }

  /// Starts the node without waiting for it to be ready.
  func launch() throws {
    let running = try RunningProcess(
      Binary.frame(), ["serve", "--config", configurationFile.path, "--log-level", "info"], output: log)
    process.withLock { $0 = running }
  }

  /// Tells the node to end, and says how it did.
  func end() async throws -> Int32 {
    guard let running = process.withLock({ $0 }) else { return 0 }
    let status = try await running.end(SIGTERM)
    process.withLock { $0 = nil }
    return status
  }

  /// Waits for the node to end by itself.
  /// - Returns: its exit code; negative for a signal.
  func ended() async throws -> Int32 {
    guard let running = process.withLock({ $0 }) else { return 0 }
    let status = try await Wait.polling.eventually("\(name) ending") { running.status }
    process.withLock { $0 = nil }
    return status
  }

  /// Of the running node.
  var pid: pid_t? { process.withLock { $0?.pid } }
  /// All that it has said.
  var wholeLog: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  /// The last lines of its log.
  var tail: String {
    let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(40).joined(separator: "\n")
  }

  func killNow() async throws {
    guard let running = process.withLock({ $0 }) else { return }
    try await running.end(SIGKILL)
    process.withLock { $0 = nil }
  }

  struct Died: Error, CustomStringConvertible {
    let name: String
    let status: Int32
    let tail: String
    var description: String { "\(name) ended with \(status):\n\(tail)" }
  }

  /// Changes settings in frame.yaml, each given as the line it replaces below `section` (or at the top level).
  func configure(_ settings: [(section: String?, key: String, value: String)]) throws {
    var lines = try String(contentsOf: configurationFile, encoding: .utf8).split(separator: "\n").map(String.init)
    for (section, key, value) in settings {
      var inSection = section == nil
      var replaced = false
      for (index, line) in lines.enumerated() {
        if let section, !line.hasPrefix(" ") { inSection = line.hasPrefix(section + ":") }
        let isTop = !line.hasPrefix(" ")
        guard inSection, isTop == (section == nil), line.trimmingCharacters(in: .whitespaces).hasPrefix(key + ":")
        else {
          continue
        }
        lines[index] = (isTop ? "" : "  ") + "\(key): \(value)"
        replaced = true
        break
      }
      guard replaced else { throw Binary.Missing(description: "frame.yaml has no \(section ?? "").\(key)") }
    }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: configurationFile)
  }

  // MARK: - Command line

  /// Runs a command that must succeed.
  @discardableResult
  func run(_ arguments: String...) async throws -> Finished { try await run(arguments) }

  @discardableResult
  func run(_ arguments: [String]) async throws -> Finished {
    let result = try await Finished.run(Binary.frame(), arguments)
    guard result.status == 0 else {
      throw Binary.Missing(
        description: "frame \(arguments.joined(separator: " ")) exited \(result.status): \(result.errors)")
    }
    return result
  }

  /// Runs a command on this frame with `--json` and reads its answer.
  @discardableResult
  func command(_ arguments: String...) async throws -> JSON {
    let all = arguments + ["--data", folder.path, "--json"]
    let result = try await Finished.run(Binary.frame(), all)
    guard result.status == 0 else {
      throw Binary.Missing(description: "frame \(all.joined(separator: " ")) exited \(result.status): \(result.errors)")
    }
    return try JSONDecoder().decode(JSON.self, from: Data(result.output.utf8))
  }

  // MARK: - API

  func token() async throws -> String {
    try await LocalAuthority(configuration: NodeConfiguration.load(configurationFile)).token()
  }

  func get(_ path: String) async throws -> JSON {
    let answer = try await HTTP.get(api + path, token: try await token())
    guard answer.status == 200 else { throw Refused(status: answer.status, body: answer.text) }
    return try answer.json()
  }

  func post(_ path: String, _ body: [String: String], key: String? = nil) async throws -> HTTPAnswer {
    try await HTTP.post(api + path, body, token: try await token(), key: key)
  }

  struct Refused: Error, CustomStringConvertible {
    let status: Int
    let body: String
    var description: String { "status \(status): \(body)" }
  }

  /// An agent's balance in minor units.
  func balance(_ agent: String, kind: String = "liquid", asset: String? = nil) async throws -> Int64 {
    let answer = try await get("/api/v1/agents/\(agent)")
    let asset = asset ?? "\(currency)@\(name)"
    let text = answer["balances"].array.first { $0["kind"].string == kind && $0["asset"].string == asset }?["amount"]
      .string
    return try Amount(text ?? "0", scale: 2).minorUnits
  }

  func metrics() async throws -> Exposition {
    Exposition(try await HTTP.get(ops + "/metrics", accept: "text/plain;version=0.0.4").text)
  }

  func audit() async throws -> JSON {
    let answer = try await post("/api/v1/audit", [:])
    guard answer.status == 200 else { throw Refused(status: answer.status, body: answer.text) }
    return try answer.json()
  }
}

/// One scrape, looked up by name and labels.
struct Exposition: Sendable {
  private var samples: [(name: String, labels: String, value: Double)] = []

  init(_ text: String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
      let series = line[..<space]
      let brace = series.firstIndex(of: "{") ?? series.endIndex
      samples.append((String(series[..<brace]), String(series[brace...]), value))
    }
  }

  /// Every series of a family, with its labels as written.
  func all(_ name: String) -> [(labels: String, value: Double)] {
    samples.filter { $0.name == name }.map { ($0.labels, $0.value) }
  }

  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { sample in
      sample.name == name && labels.allSatisfy { sample.labels.contains("\($0.key)=\"\($0.value)\"") }
    }?.value
  }
}
