import Foundation
import Testing

/// A real Prometheus that scrapes two frames every second and evaluates the repository's rules.
final class Prometheus: Sendable {
  private let process: RunningProcess
  private let url: String
  private let targets: [String]

  /// - Parameter patience: `for` of every alert, in the rules' own form ("2s"); nil keeps the rules as they are.
  init(_ two: TwoFrames, patience: String? = nil) async throws {
    let folder = two.folder.appendingPathComponent("prometheus")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var rules = try String(
      contentsOf: Binary.repository.appendingPathComponent("alerts/frame.rules.yaml"), encoding: .utf8)
    if let patience { rules = rules.replacing(/for: \d+[smh]/, with: "for: \(patience)") }
    let rulesFile = folder.appendingPathComponent("rules.yaml")
    try Data(rules.utf8).write(to: rulesFile)
    targets = two.frames.map(\.opsTarget)
    let configuration = """
      global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
      rule_files: ["\(rulesFile.path)"]
      scrape_configs:
        - job_name: frame
          static_configs:
            - targets: [\(targets.map { "\"\($0)\"" }.joined(separator: ", "))]
      """
    let configurationFile = folder.appendingPathComponent("prometheus.yaml")
    try Data(configuration.utf8).write(to: configurationFile)
    let port = try FreePorts.take(1)[0]
    url = "http://127.0.0.1:\(port)"
    process = try RunningProcess(
      Binary.prometheus(),
      [
        "--config.file=\(configurationFile.path)", "--storage.tsdb.path=\(folder.appendingPathComponent("data").path)",
        "--web.listen-address=127.0.0.1:\(port)", "--log.level=warn",
      ], output: folder.appendingPathComponent("prometheus.log"))
    try await Wait.polling.until("Prometheus becoming ready") { [url] in
      try await HTTP.get(url + "/-/ready").status == 200
    }
  }

  func stop() async throws { try await process.end(SIGTERM) }

  /// The values of an instant query.
  func query(_ expression: String) async throws -> [Double] {
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~")
    let encoded = expression.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    let answer = try await HTTP.get(url + "/api/v1/query?query=\(encoded)").json()
    return answer["data"]["result"].array.compactMap { $0["value"].array.last?.string.flatMap(Double.init) }
  }

  struct Alert: Sendable, CustomStringConvertible {
    let name: String
    let state: String
    let labels: [String: String]
    var description: String { "\(name) \(state) \(labels)" }
  }

  /// Every alert that is pending or firing, but the one that always fires.
  func alerts() async throws -> [Alert] {
    let answer = try await HTTP.get(url + "/api/v1/alerts").json()
    return answer["data"]["alerts"].array.map { alert in
      let labels = alert["labels"].fields.compactMapValues(\.string)
      return Alert(name: labels["alertname"] ?? "", state: alert["state"].string ?? "", labels: labels)
    }.filter { $0.name != "Watchdog" }
  }

  func expectTargetsUp() async throws {
    try await Wait.polling.until("both frames being up in Prometheus") { [targets] in
      try await query("up{job=\"frame\"}") == targets.map { _ in 1 }
    }
  }

  /// Waits until no alert is pending or firing, and only the watchdog fires.
  func expectQuiet(within limit: Duration = .seconds(30)) async throws {
    var seen: [Alert] = []
    do {
      try await Wait.polling.until("alerts becoming inactive", within: limit) {
        let firing = try await query("ALERTS{alertname=\"Watchdog\",alertstate=\"firing\"}")
        seen = try await alerts()
        return firing == [1] && seen.isEmpty
      }
    } catch {
      Issue.record("alerts still active: \(seen)")
      throw error
    }
  }

  /// Waits until an alert fires for a peer.
  func expectFiring(_ name: String, peer: String, within limit: Duration = .seconds(45)) async throws {
    try await expectFiring(name, with: ["peer": peer], within: limit)
  }

  /// Waits until an alert fires with these labels among its own.
  func expectFiring(_ name: String, with labels: [String: String], within limit: Duration = .seconds(45)) async throws {
    try await Wait.polling.until("\(name) firing with \(labels)", within: limit) {
      try await alerts().contains { alert in
        alert.name == name && alert.state == "firing" && labels.allSatisfy { alert.labels[$0.key] == $0.value }
      }
    }
  }
}
