import Foundation
import FrameCore
import FrameNode

/// The two frames of a demo: who they are, where they live and which ports they take.
struct DemoPlan: Sendable {
  struct Frame: Sendable {
    let id: FrameID
    let currency: String
    /// The person's agent on this frame.
    let person: String
    let folder: URL
    let ports: PortPlan

    var configurationFile: URL { folder.appendingPathComponent(NodeSetup.configurationName) }
    var logFile: String { folder.appendingPathComponent("node.log").path }
  }

  static let scale = 2

  let a: Frame
  let b: Frame
  var frames: [Frame] { [a, b] }

  /// - Parameter basePort: the first of ten ports, five a frame; nil takes the well-known ones.
  /// - Throws: an `IdentifierError`, never for these constants.
  init(data: URL, basePort: Int?) throws {
    let ports: (PortPlan, PortPlan)
    if let base = basePort {
      ports = (
        PortPlan(api: base, ops: base + 1, federation: base + 2, bundle: base + 3, sni: base + 4),
        PortPlan(api: base + 5, ops: base + 6, federation: base + 7, bundle: base + 8, sni: base + 9)
      )
    } else {
      ports = (PortPlan(), PortPlan(api: 8081, ops: 9465, federation: 9453, bundle: 9454, sni: 8444))
    }
    a = Frame(
      id: try FrameID("frame-a.example"), currency: "AVT", person: "alice",
      folder: data.appendingPathComponent("frame-a"), ports: ports.0)
    b = Frame(
      id: try FrameID("frame-b.example"), currency: "BVT", person: "bob",
      folder: data.appendingPathComponent("frame-b"), ports: ports.1)
  }

  /// Reads the frames' configurations, making those frames that do not exist yet.
  /// - Throws: a configuration error, or ``CLIError/folderNotWritable(path:why:)``.
  func prepare(canaryInterval: Duration) throws -> (configurations: [NodeConfiguration], made: Int) {
    var made = 0
    let configurations = try frames.map { frame in
      if FileManager.default.fileExists(atPath: frame.configurationFile.path) {
        return try NodeConfiguration.load(frame.configurationFile)
      }
      made += 1
      return try NodeSetup.initialise(
        frameID: frame.id, currency: frame.currency, scale: Self.scale, data: frame.folder, ports: frame.ports,
        sniMap: neighbours(of: frame), listenHost: "127.0.0.1", canaryInterval: canaryInterval)
    }
    return (configurations, made)
  }

  /// The other frames of this machine: each frame reaches them through its own SNI router.
  private func neighbours(of frame: Frame) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: frames.filter { $0.id != frame.id }.map { ($0.id.name, "127.0.0.1:\($0.ports.federation)") }
    )
  }
}
