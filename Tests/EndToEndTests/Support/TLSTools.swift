import Foundation
import Testing

/// A TLS server for one name: openssl's, with a certificate of that name.
final class TLSBackend: Sendable {
  let port: Int
  private let process: RunningProcess

  init(_ name: String, in folder: URL) async throws {
    port = try FreePorts.take(1)[0]
    let (key, certificate) = ("\(folder.path)/\(name).key", "\(folder.path)/\(name).pem")
    let made = try await Finished.run(
      "/usr/bin/openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=\(name)", "-keyout", key, "-out", certificate,
      ])
    #expect(made.status == 0, "\(made.errors)")
    process = try RunningProcess(
      "/usr/bin/openssl", ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key", key, "-www"],
      output: folder.appendingPathComponent("\(name).log"))
    try await Wait.polling.until("the server of \(name) listening") { [port] in !FreePorts.isFree(port) }
  }

  func stop() async throws { try await process.end(SIGKILL) }
}

/// openssl's TLS client.
enum TLSClient {
  enum Outcome: Equatable {
    /// Whose certificate was presented.
    case served(String)
    /// The TLS alert `unrecognized_name`.
    case alert
    /// The connection ended without an answer.
    case closed
  }

  private static func arguments(_ port: Int, _ name: String?) -> [String] {
    ["s_client", "-connect", "127.0.0.1:\(port)"] + (name.map { ["-servername", $0] } ?? ["-noservername"])
  }

  /// Connects under a name, shakes hands and hangs up.
  static func ask(_ port: Int, _ name: String?) async throws -> (outcome: Outcome, text: String) {
    let result = try await Finished.run("/usr/bin/openssl", arguments(port, name))
    let text = result.output + result.errors
    if let subject = text.firstMatch(of: /subject=CN ?= ?([a-z.]+)/) {
      return (.served(String(subject.output.1)), text)
    }
    return (text.contains("unrecognized name") ? .alert : .closed, text)
  }

  /// A connection that stays open until it is told to end.
  final class Open: Sendable {
    private let process: RunningProcess

    init(_ port: Int, _ name: String, in folder: URL) throws {
      process = try RunningProcess(
        "/usr/bin/openssl", TLSClient.arguments(port, name) + ["-ign_eof"],
        output: folder.appendingPathComponent("open.log"))
    }

    var isRunning: Bool { process.isRunning }
    func stop() async throws { try await process.end(SIGKILL) }
  }
}

/// A real nginx with an exported part in its configuration.
enum NGINX {
  /// Checks the configuration, runs nginx while `body` runs, and stops it.
  static func run(_ exported: String, port: Int, in folder: URL, _ body: () async throws -> Void) async throws {
    let prefix = folder.appendingPathComponent("nginx-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: prefix, withIntermediateDirectories: true)
    // Whoever runs the tests may not write where nginx keeps its temporary files by default.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(prefix.path)/\($0);" }
    let text = exported.replacing(
      "http {\n", with: "http {\n  access_log off;\n  " + temporary.joined(separator: "\n  ") + "\n")
    try Data(text.utf8).write(to: prefix.appendingPathComponent("exported.conf"))
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    let load = FileManager.default.fileExists(atPath: module) ? "load_module \(module);\n" : ""
    let main = prefix.appendingPathComponent("nginx.conf")
    try Data(
      """
      \(load)daemon off;
      pid \(prefix.path)/nginx.pid;
      error_log \(prefix.path)/error.log;
      events {}
      include \(prefix.path)/exported.conf;

      """.utf8
    ).write(to: main)
    let arguments = ["-p", prefix.path, "-e", "\(prefix.path)/error.log", "-c", main.path]
    let checked = try await Finished.run("/usr/sbin/nginx", arguments + ["-t"])
    #expect(checked.status == 0, "nginx -t: \(checked.errors)\n\(text)")
    let process = try RunningProcess(
      "/usr/sbin/nginx", arguments, output: prefix.appendingPathComponent("output.log"))
    do {
      try await Wait.polling.until("nginx listening") { !FreePorts.isFree(port) }
      try await body()
    } catch {
      _ = try? await process.end(SIGTERM)
      throw error
    }
    try await process.end(SIGTERM)
  }
}
