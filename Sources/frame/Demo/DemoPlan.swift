import Foundation
import FrameCore
import FrameConfiguration

/// The frames of a demo: who they are, where they live and which ports they take.
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

  /// How many frames a demo may have.
  static let sizes = 2...4
  static let portsPerFrame = 5

  let frames: [Frame]
  var a: Frame { frames[0] }
  var b: Frame { frames[1] }

  private static let wellKnown = [
    PortPlan(), PortPlan(api: 8081, ops: 9465, federation: 9453, bundle: 9454, sni: 8444),
    PortPlan(api: 8082, ops: 9466, federation: 9473, bundle: 9474, sni: 8445),
    PortPlan(api: 8083, ops: 9467, federation: 9483, bundle: 9484, sni: 8446),
  ]

  /// - Parameters:
  ///   - basePort: the first of the ports, five a frame; nil takes the well-known ones.
  ///   - count: within ``sizes``.
  /// - Throws: an `IdentifierError`, never for these constants.
  init(data: URL, basePort: Int?, count: Int = 2) throws {
    let people = ["alice", "bob", "carol", "dave"]
    frames = try zip(["a", "b", "c", "d"], people).prefix(count).enumerated().map { index, name in
      let (letter, person) = name
      let ports = basePort.map { base -> PortPlan in
        let first = base + index * Self.portsPerFrame
        return PortPlan(api: first, ops: first + 1, federation: first + 2, bundle: first + 3, sni: first + 4)
      }
      return Frame(
        id: try FrameID("frame-\(letter).example"), currency: "\(letter.uppercased())VT", person: person,
        folder: data.appendingPathComponent("frame-\(letter)"), ports: ports ?? Self.wellKnown[index])
    }
  }

  /// Reads the frames' configurations, making those frames that do not exist yet.
  /// - Throws: a configuration error, or ``CLIError/folderNotWritable(path:_:)``.
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
