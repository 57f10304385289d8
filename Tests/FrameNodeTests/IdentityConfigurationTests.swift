import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import FrameLog
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("identity in frame.yaml")
struct IdentityConfigurationTests {
  private func parse(_ identity: String, environment: [String: String] = [:]) throws -> NodeConfiguration {
    try NodeConfiguration.parse(
      ConfigurationTests.minimal + "identity: \(identity)\n", file: "frame.yaml",
      directory: URL(fileURLWithPath: "/srv/frame"), environment: environment)
  }

  @Test("the agent's socket is what the file says, else what SPIFFE clients are told by their environment")
  func source() throws {
    let environment = ["SPIFFE_ENDPOINT_SOCKET": "unix:///tmp/agent.sock"]
    #expect(try parse("{}", environment: environment).identity.source == .builtIn)
    for (text, socket) in [
      ("{source: workload-api}", "/tmp/agent.sock"),
      ("{source: workload-api, upstream: {socket: 'unix:///run/a.sock'}}", "/run/a.sock"),
      ("{source: workload-api, upstream: {socket: 'unix:/run/a.sock'}}", "/run/a.sock"),
      ("{source: workload-api, upstream: {socket: a.sock}}", "/srv/frame/a.sock"),
    ] {
      let identity = try parse(text, environment: environment).identity
      #expect(identity.source == .workloadAPI(.init(socket: socket, wait: .seconds(30))), "\(text)")
      #expect(!identity.workloadAPI.enabled, "there is nothing of its own to serve")
    }
  }

  @Test("S16: without it SVIDs live an hour and the socket is in the data folder")
  func defaults() throws {
    let identity = try parse("{}").identity
    #expect(identity.policy == .standard && identity.policy.x509SVIDLifetime == .seconds(3600))
    #expect(identity.seal == nil && identity.workloadAPI.enabled)
    #expect(identity.workloadAPI.socket == "/srv/frame/workload.sock")
  }

  @Test(
    "what it says is taken over, and written back the same",
    arguments: [
      "{ca_ttl_seconds: 86400, x509_svid_ttl_seconds: 600, jwt_key_ttl_seconds: 43200, refresh_hint_seconds: 60}",
      "{seal: {passphrase_env: FRAME_PASSPHRASE}}", "{seal: {passphrase_file: secret}}", "{seal: {key_file: /k}}",
      "{workload_api: {enabled: false, socket: /run/frame/w.sock}}",
      "{source: workload-api, upstream: {socket: 'unix:///run/agent.sock', wait_seconds: 5}}",
    ])
  func roundTrip(_ text: String) throws {
    let configuration = try parse(text)
    #expect(configuration.identity != (try parse("{}").identity))
    let again = try NodeConfiguration.parse(
      try configuration.yaml(), file: "frame.yaml", directory: URL(fileURLWithPath: "/srv/frame"))
    #expect(again == configuration)
  }

  @Test(
    "S8: a mistake is named with its field, and a life without room to rotate is one",
    arguments: [
      ("{ca_ttl_seconds: 3600}", "identity.ca_ttl_seconds"),
      ("{jwt_key_ttl_seconds: 600}", "identity.jwt_key_ttl_seconds"),
      ("{x509_svid_ttl_seconds: 5}", "identity.x509_svid_ttl_seconds"),
      ("{refresh_hint_seconds: 0}", "identity.refresh_hint_seconds"), ("{seal: {}}", "identity.seal"),
      ("{seal: {key_file: a, passphrase_file: b}}", "identity.seal"), ("{seal: {key: a}}", "identity.seal.key"),
      ("{source: spire}", "identity.source"), ("{source: workload-api}", "identity.upstream.socket"),
      ("{source: workload-api, upstream: {socket: 'tcp://127.0.0.1:1'}}", "identity.upstream.socket"),
      ("{source: workload-api, upstream: {socket: 'unix://run/a'}}", "identity.upstream.socket"),
      ("{source: workload-api, upstream: {socket: /a, wait_seconds: 0}}", "identity.upstream.wait_seconds"),
      ("{source: workload-api, upstream: {socket: /a, path: /b}}", "identity.upstream.path"),
      (
        "{source: workload-api, upstream: {socket: /a}, workload_api: {enabled: true}}", "identity.workload_api.enabled"
      ),
      ("{upstream: {socket: /a}}", "identity.upstream"), ("{source: built-in, upstream: {}}", "identity.upstream"),
      ("{svid: 1}", "identity.svid"), ("{workload_api: {path: x}}", "identity.workload_api.path"),
      ("{workload_api: {socket: /\(String(repeating: "s", count: 107))}}", "identity.workload_api.socket"),
    ])
  func mistakes(_ text: String, _ field: String) {
    do {
      _ = try parse(text)
      Issue.record("'\(text)' was accepted")
    } catch let error as ConfigurationError {
      #expect(error.message.contains(field), "\(error.message)")
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test(
    "the path of the socket may have 107 bytes; a data folder that lies deeper is no mistake, nor is a socket not served"
  )
  func socketPath() throws {
    let longest = "/" + String(repeating: "s", count: 106)
    #expect(try parse("{workload_api: {socket: \(longest)}}").identity.workloadAPI.socket == longest)
    #expect(try parse("{workload_api: {enabled: false, socket: \(longest)s}}").identity.workloadAPI.enabled == false)
    let deep = URL(fileURLWithPath: "/srv/" + String(repeating: "d", count: 200), isDirectory: true)
    let text = ConfigurationTests.minimal + "identity: {}\n"
    let configuration = try NodeConfiguration.parse(text, file: "frame.yaml", directory: deep)
    #expect(configuration.identity.workloadAPI.socket.utf8.count > 107)
    // Written out, it names the default.
    #expect(try NodeConfiguration.parse(configuration.yaml(), file: "frame.yaml", directory: deep) == configuration)
  }

  @Test("the keys are sealed and unsealed only while no node has the log")
  func sealing() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let secret = folder.appendingPathComponent("secret")
    try Data("correct horse battery\n".utf8).write(to: secret)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: secret.path)
    let configuration = try NodeSetup.initialise(
      frameID: FrameID("frame-s.example"), currency: "SVT", scale: 2, data: folder.appendingPathComponent("s"),
      seal: .passphraseFile(secret.path))
    func isSealed() throws -> Bool {
      let key = configuration.keysDirectory.appendingPathComponent("log.key")
      return try String(contentsOf: key, encoding: .utf8).contains("SEALED")
    }
    let running = try DirectoryLock(configuration.logDirectory)
    #expect(throws: LogError.inUse(configuration.logDirectory.path)) { try configuration.unsealKeys() }
    #expect(try isSealed())
    running.release()
    try configuration.unsealKeys()
    #expect(try !isSealed())
    let again = try DirectoryLock(configuration.logDirectory)
    #expect(throws: LogError.inUse(configuration.logDirectory.path)) { try configuration.sealKeys() }
    #expect(try !isSealed())
    again.release()
    try configuration.sealKeys()
    #expect(try isSealed())
  }
}
