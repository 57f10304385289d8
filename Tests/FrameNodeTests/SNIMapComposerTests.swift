import FrameCore
import FrameTreaty
import FramePeering
import FrameMetrics
import Foundation
import Logging
import FrameSNI
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Whose a host name is")
struct SNIMapComposerTests {
  private func keeper(_ sni: String = "", peers: SNIMapComposer.Peers = .init()) throws -> SNIMapComposer {
    let text = "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n" + sni
    let folder = FileManager.default.temporaryDirectory
    let configuration = try NodeConfiguration.parse(text, file: "frame.yaml", directory: folder)
    return try SNIMapComposer(
      configuration, peers: peers, metrics: SNIMetrics(MetricRegistry()), logger: Logger(label: "test"))
  }

  private let up = HostPort(host: "127.0.0.1", port: 9643)

  @Test("a name of a peer, or one that a peer is reached by, is no operator's, and an operator that has it loses it")
  func peers() throws {
    let peer = try FrameID("frame-b.example")
    let keeper = try self.keeper(
      peers: .init(isOpen: { $0 == peer }, hosts: { ["gate.b.example": peer] }))
    for name in ["frame-b.example", "FRAME-B.example.", "gate.b.example", "Gate.B.Example."] {
      #expect(keeper.owner(of: name) == "the peer 'frame-b.example'", "\(name)")
    }
    #expect(keeper.owner(of: "shop.example") == nil)
    _ = keeper.set(operators: ["frame-b.example": up, "shop.example": up], cutting: [])
    #expect(keeper.routes.map(\.name) == ["frame-a.example", "shop.example"])
  }

  @Test("who has a name that an operator wants is told, also when it is this node's own sni.map")
  func owners() throws {
    let keeper = try self.keeper("sni: {map: {shop.example: \"127.0.0.1:9443\"}}\n")
    #expect(keeper.owner(of: "Shop.Example.") == "sni.map in frame.yaml of this node")
    #expect(keeper.owner(of: "frame-a.example") == "this frame, 'frame-a.example'")
    #expect(keeper.owner(of: "other.example") == nil)
  }

  @Test("names in an older log that are spelled otherwise, or lead back to the router, go nowhere, and the others stay")
  func older() throws {
    let keeper = try self.keeper()
    let back = HostPort(host: "localhost", port: 8443)
    _ = keeper.set(
      operators: ["shop.example": up, "Frame-A.example": up, "1.2.3.4": up, "a..b": up, "loop.example": back],
      cutting: [])
    #expect(keeper.routes.map(\.name) == ["frame-a.example", "shop.example"])
  }

  @Test(
    "a configuration whose map leads back to the router is refused at the start and at a reload",
    arguments: ["127.0.0.1:8443", "localhost:8443", "0.0.0.0:8443", "\"[::ffff:127.0.0.1]:8443\"", "2130706433:8443"])
  func configured(_ upstream: String) throws {
    #expect(throws: ConfigurationError.self) {
      try self.keeper("sni: {map: {x.example: \"\(upstream.replacing("\"", with: ""))\"}}\n")
    }
    let keeper = try self.keeper()
    #expect(throws: SNIError.self) {
      try keeper.set(configured: ["x.example": upstream.replacing("\"", with: "")])
    }
    #expect(keeper.routes.map(\.name) == ["frame-a.example"])
  }
}
