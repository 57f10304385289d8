import AsyncHTTPClient
import Foundation
import FrameCore
import FrameConfiguration
import NIOCore
import NIOFoundationCompat

/// One running node of the demo: its process and its API.
struct DemoNode: Sendable {
  let plan: DemoPlan.Frame
  let configuration: NodeConfiguration
  let process: ChildProcess
  let api: APIClient

  var name: String { plan.id.name }

  /// Starts `frame serve` as a child of this process.
  static func start(_ plan: DemoPlan.Frame, _ configuration: NodeConfiguration, interval: Duration) throws -> DemoNode {
    let arguments = [
      "serve", "--config", plan.configurationFile.path, "--supervised", "--canary-seconds", "\(interval.inSeconds)",
    ]
    let process: ChildProcess
    do {
      process = try ChildProcess(executable(), arguments, output: plan.logFile)
    } catch {
      throw CLIError.unexpected("The node of \(plan.id.name) cannot be started: \(error.words)")
    }
    return DemoNode(
      plan: plan, configuration: configuration, process: process, api: try APIClient(authorityOf: configuration))
  }

  /// This very binary, also when its file was replaced meanwhile.
  private static func executable() -> String {
    if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
      FileManager.default.isExecutableFile(atPath: path)
    {
      return path
    }
    return "/proc/\(getpid())/exe"
  }

  func isReady() async -> Bool {
    guard let response = try? await get("/readyz") else { return false }
    return response.status == 200
  }

  /// - Throws: ``CLIError/nodeUnreachable(url:why:)``.
  func metrics() async throws -> MetricsText {
    let response = try await get("/metrics")
    return MetricsText(response.body)
  }

  private func get(_ path: String) async throws -> (status: Int, body: String) {
    do {
      var request = HTTPClientRequest(url: configuration.localOpsURL + path)
      request.headers.add(name: "Accept", value: "text/plain;version=0.0.4")
      let response = try await HTTP.client.execute(request, timeout: .seconds(5))
      let body = try await response.body.collect(upTo: 16 * 1024 * 1024)
      return (Int(response.status.code), String(buffer: body))
    } catch {
      throw CLIError.nodeUnreachable(url: configuration.localOpsURL, why: APIClient.explain(error))
    }
  }

  /// The error that says that this node ended by itself.
  func death(_ ending: ChildProcess.Ending) -> CLIError {
    .childDied(frame: name, status: "\(ending)", log: plan.logFile, tail: Self.tail(of: plan.logFile))
  }

  /// The last lines of a file.
  static func tail(of path: String, lines: Int = 12) -> String {
    guard let file = FileHandle(forReadingAtPath: path), let end = try? file.seekToEnd() else { return "" }
    try? file.seek(toOffset: end > 16_384 ? end - 16_384 : 0)
    let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    return text.split(separator: "\n").suffix(lines).map { "  " + $0 }.joined(separator: "\n")
  }
}
