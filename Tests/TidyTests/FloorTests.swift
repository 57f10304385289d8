import Foundation
import Testing

/// The walls of the house: one table, which Package.swift, the imports and ARCHITECTURE.md have to agree with.
@Suite("Floors")
struct FloorTests {
  /// Rooms by floor, lowest first. A room stands only on rooms of floors below its own.
  static let floors: [[String]] = [
    ["FrameCore", "FrameProtos", "FrameMetrics", "CFrameZlib", "CFrameSystem"],
    ["FrameAPI", "FrameEvents", "FrameIdentity", "FrameHTTP", "FramePeerAPI", "SPIFFEWorkloadAPI"],
    ["FrameLog", "FrameLedger", "FrameSNI"],
    ["FrameTreaty", "FrameWorkload", "FrameAudit"],
    ["FrameProjection", "FrameConfiguration"],
    ["FrameSettlement", "FrameBridge"],
    ["FramePeering", "FrameCanary"],
    ["FrameNodeState"],
    ["FrameREST"],
    ["FrameNode", "FrameBench"],
    ["frame"],
  ]

  /// Within floor 0 two rooms stand on another.
  private static let beside = ["FrameProtos": ["FrameCore"], "FrameMetrics": ["CFrameZlib"]]

  /// Rooms whose rules are pure: values that decide and evolve, and machines without I/O. They know what an event and a proof are, and neither
  /// the log nor any wire.
  private static let pure = [
    "FrameEvents", "FrameLedger", "FrameTreaty", "FrameProjection", "FrameSettlement", "FrameBridge",
  ]
  private static let keptOut = [
    "FrameLog", "FramePeerAPI", "FrameIdentity", "FrameHTTP", "NIOCore", "NIOPosix", "NIOSSL", "GRPCCore", "X509",
    "Hummingbird", "GRDB", "AsyncHTTPClient",
  ]

  /// Modules that come with a product of another name, or with another product.
  private static let products = [
    "GRPCNIOTransportHTTP2Posix": "grpcTransport", "GRPCNIOTransportCore": "grpcTransport", "GRDBSQLite": "grdb",
    "SwiftProtobuf": "protobuf", "SwiftASN1": "asn1", "ServiceLifecycle": "lifecycle", "Metrics": "metricsAPI",
    "_CryptoExtras": "cryptoExtras", "GRPCCore": "grpcCore", "GRPCProtobuf": "grpcProtobuf",
    "NIOHTTP2": "grpcTransport",
    "NIOHPACK": "grpcTransport", "CYaml": "yams",
  ]
  private static let system: Set = [
    "Foundation", "FoundationEssentials", "Synchronization", "Dispatch", "Glibc", "Musl", "Darwin",
  ]

  @Test("every room has its floor, and no floor a room that is not there")
  func rooms() {
    let rooms = Set(Repository.folders(in: "Sources"))
    let known = Self.floors.joined()
    #expect(rooms == Set(known), "\(rooms.symmetricDifference(known).sorted())")
    #expect(known.count == Set(known).count)
  }

  @Test("a room stands only on rooms below it")
  func order() throws {
    let floorOf = Dictionary(
      uniqueKeysWithValues: Self.floors.enumerated().flatMap { floor, rooms in rooms.map { ($0, floor) } })
    for target in try Self.targets() where Repository.folders(in: "Sources").contains(target.name) {
      let floor = try #require(floorOf[target.name])
      for other in target.dependencies {
        guard let below = floorOf[other] else { continue }
        let isBeside = Self.beside[target.name]?.contains(other) == true
        #expect(below < floor || isBeside, "\(target.name) stands on \(other), which is not below it")
      }
    }
  }

  @Test("the pure rooms reach no wire, no disk and no server, directly or through another room")
  func purity() throws {
    let targets = Dictionary(uniqueKeysWithValues: try Self.targets().map { ($0.name, $0.dependencies) })
    for room in Self.pure {
      var reached: Set<String> = []
      var open = [room]
      while let next = open.popLast() {
        for other in targets[next] ?? [] where reached.insert(other).inserted { open.append(other) }
      }
      let names = Set(reached.map { Self.folded($0) })
      for other in Self.keptOut { #expect(!names.contains(Self.folded(other)), "\(room) reaches \(other)") }
    }
  }

  @Test("Package.swift and the imports say the same, both ways")
  func imports() throws {
    for target in try Self.targets() where target.name != "FuzzTests" {
      let folder = ["Sources", "Tests"].map { "\($0)/\(target.name)" }.first { path in
        !Repository.files(under: path, suffixes: [".swift"]).isEmpty
      }
      guard let folder else { continue }
      let imported = try Set(
        Repository.files(under: folder, suffixes: [".swift"]).flatMap { try Self.imports(of: $0) }
          .filter { !Self.system.contains($0) && $0 != "Testing" }.map { Self.folded(Self.products[$0] ?? $0) })
      let declared = Set(target.dependencies.map { Self.folded($0) })
      // Linked, not imported: the program that the tests start, and a C library's file system.
      let linked = Set(["frame", "CFaultVFS"].map { Self.folded($0) })
      #expect(
        imported.subtracting(declared).isEmpty, "\(target.name) imports \(imported.subtracting(declared).sorted())")
      let unused = declared.subtracting(imported).subtracting(linked)
      #expect(unused.isEmpty, "\(target.name) does not import \(unused.sorted())")
    }
  }

  @Test("the code map of ARCHITECTURE.md has every room on its floor")
  func codeMap() throws {
    let rows = try Repository.File(path: "ARCHITECTURE.md").text()
      .matches(of: /(?m)^\| (\d+) \| `(\w+)` \|/).map { (floor: Int($0.output.1) ?? -1, room: String($0.output.2)) }
    let told = Dictionary(grouping: rows, by: \.floor).mapValues { Set($0.map(\.room)) }
    for (floor, rooms) in Self.floors.enumerated() { #expect(told[floor] == Set(rooms), "floor \(floor)") }
    #expect(rows.count == Self.floors.joined().count)
  }

  // MARK: Package.swift

  private struct Target {
    let name: String
    /// Rooms by their names, products by the names of their shorthands.
    let dependencies: [String]
  }

  private static func targets() throws -> [Target] {
    let text = try Repository.File(path: "Package.swift").text()
    let start = try #require(text.range(of: "  targets: ["))
    let head = #/\b(?:room|tests|\.target|\.executableTarget)\(\s*(?:name: )?"(\w+)"/#
    let heads = text[start.upperBound...].matches(of: head)
    return heads.enumerated().map { index, match in
      let end = index + 1 < heads.count ? heads[index + 1].range.lowerBound : text.endIndex
      let body = text[match.range.upperBound..<end]
      // What is in the first list is what it stands on.
      let list = body.firstIndex(of: "[").map { body[$0...].prefix { $0 != "]" } } ?? ""
      let names = list.matches(of: #/"(\w+)"|\.(\w+)/#).compactMap { $0.output.1 ?? $0.output.2 }.map(String.init)
      return Target(name: String(match.output.1), dependencies: names)
    }
  }

  /// `.nioCore` is `NIOCore`.
  private static func folded(_ name: String) -> String { name.lowercased().replacing("_", with: "") }

  private static func imports(of file: Repository.File) throws -> [String] {
    try file.text().matches(
      of: #/(?m)^(?:@\w+(?:\([^)]*\))?\s+)*(?:public |package |internal |private )?import (?:\w+ )?(\w+)/#
    ).map { String($0.output.1) }
  }
}
