import Foundation
import FrameCore
import FrameTreaty
import FrameProtos
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("frame.yaml")
struct ConfigurationTests {
  static let minimal = "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n"

  func parse(_ text: String) throws -> NodeConfiguration {
    try NodeConfiguration.parse(text, file: "frame.yaml", directory: URL(fileURLWithPath: "/srv/frame"))
  }

  @Test("two settings are enough; everything else has the documented default")
  func defaults() throws {
    let configuration = try parse(Self.minimal)
    #expect(configuration.native.description == "AVT@frame-a.example")
    #expect(configuration.api == .init(host: "127.0.0.1", port: 8080))
    #expect(configuration.ops.port == 9464)
    #expect(configuration.federation == .init(host: "0.0.0.0", port: 9443))
    #expect(configuration.bundle.port == 9444)
    #expect(configuration.sni.listener == .init(host: "127.0.0.1", port: 8443))
    #expect(configuration.dataDirectory.path == "/srv/frame")
    #expect(configuration.canary.interval == .seconds(60))
    #expect(configuration.auditInterval == .seconds(60))
    #expect(configuration.refreshInterval == .seconds(300))
  }

  @Test("a frame asks its peers for every event that travels between frames")
  func subscriptions() {
    #expect(Set(NodeConfiguration.subscriptions.map(\.name)) == Subscriptions.carried)
  }

  @Test("what yaml() writes reads back as the same configuration")
  func roundTrip() throws {
    let text =
      Self.minimal
      + "api: {port: 18080}\nfees: {basis_points: 25, fixed: \"0.01\"}\nbundle: {profile: https_web, certificate: w.pem, private_key: w.key}\nsni: {map: {x.example: \"127.0.0.1:9443\"}}\n"
    let configuration = try parse(text)
    #expect(try parse(configuration.yaml()) == configuration)
    #expect(try configuration.yaml().contains("interval_seconds: 60\n"))
    // What a backup holds must be readable where it is restored.
    for seconds in ["0.05", "0.5", "1.25", "86399.5"] {
      let fraction = try parse(
        Self.minimal + "audit_interval_seconds: \(seconds)\ncanary: {interval_seconds: \(seconds)}\n")
      #expect(try parse(fraction.yaml()) == fraction, "\(seconds)")
    }
  }

  @Test(
    "a mistake is named with its field",
    arguments: [
      ("currency: {code: AVT, scale: 2}", "frame_id is missing"),
      ("frame_id: frame-a.example", "currency is missing"),
      ("frame_id: UPPER\ncurrency: {code: AVT, scale: 2}", "frame_id"),
      (minimal + "api: {port: 70000}", "api.port"),
      (minimal + "api: {prot: 1}", "api.prot"),
      (minimal + "canarry: {}", "canarry"),
      (minimal + "fees: {basis_points: 10001}", "fees.basis_points"),
      (minimal + "fees: {fixed: \"0.001\"}", "fees.fixed"),
      (minimal + "canary: {interval_seconds: 0}", "canary.interval_seconds"),
      (minimal + "canary: {amount: 0}", "canary.amount: '0' moves nothing"),
      (minimal + "advertise: {bundle_endpoint: \"http://x\"}", "advertise.bundle_endpoint"),
      (minimal + "advertise: {bundle_endpoint: \"https://a b\"}", "advertise.bundle_endpoint"),
      (minimal + "advertise: {federation_address: nohost}", "advertise.federation_address"),
      (minimal + "advertise: {federation_address: \"a.example:0\"}", "advertise.federation_address"),
      (minimal + "advertise: {api_url: \"ftp://x\"}", "advertise.api_url"),
      (minimal + "advertise: {api_url: \"https://\"}", "advertise.api_url"),
      (minimal + "log_level: loud", "log_level"),
      (minimal + "bundle: {profile: https}", "bundle.profile"),
      (minimal + "bundle: {profile: https_web}", "bundle: certificate and private_key"),
      (minimal + "bundle: {profile: https_web, certificate: a.pem}", "bundle: certificate and private_key"),
      (minimal + "bundle: {certificate: a.pem, private_key: a.key}", "bundle: certificate and private_key"),
      ("frame_id: [", "frame.yaml"),
      ("", "frame.yaml"),
    ])
  func mistakes(text: String, mention: String) {
    do {
      _ = try parse(text)
      Issue.record("'\(text)' was accepted")
    } catch {
      #expect("\(error)".contains(mention), "\(error) does not mention \(mention)")
    }
  }

  @Test("a new frame gets a folder with a configuration, private keys and a log; a second one is refused")
  func setup() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let made = try NodeSetup.initialise(
      frameID: FrameID("frame-a.example"), currency: "AVT", scale: 2, data: folder, ports: PortPlan(api: 18080))
    #expect(try NodeConfiguration.load(folder.appendingPathComponent("frame.yaml")) == made)
    let keys = try FileManager.default.contentsOfDirectory(atPath: made.keysDirectory.path)
    #expect(!keys.isEmpty)
    for key in keys {
      let attributes = try FileManager.default.attributesOfItem(
        atPath: made.keysDirectory.appendingPathComponent(key).path)
      #expect(attributes[.posixPermissions] as? Int == 0o600, "\(key)")
    }
    #expect(throws: ConfigurationError.exists(folder.standardizedFileURL.path)) {
      try NodeSetup.initialise(frameID: FrameID("frame-a.example"), currency: "AVT", scale: 2, data: folder)
    }
  }
}
