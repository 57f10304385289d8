import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import Testing

@testable import FrameWorkload

@Suite("Registration entries")
struct IdentityStateTests {
  /// One that exists, with all links resolved: no other can tell who a process is.
  static let program = String(cString: realpath("/bin/sleep", nil))

  @Test("S9: an entry is for the processes that have all of its selectors, and for no other")
  func matching() async throws {
    let fixture = try WorkloadFixture()
    try await fixture.enter("/agent/alice", .uid(1000))
    try await fixture.enter("/agent/bob", .uid(1000), .path(Self.program))
    func ids(_ selectors: Selector...) -> [String] {
      fixture.entries.entries(for: Set(selectors)).map(\.spiffeID.path)
    }
    #expect(ids(.uid(1000), .gid(1000)) == ["/agent/alice"])
    #expect(ids(.uid(1000), .path(Self.program)) == ["/agent/alice", "/agent/bob"])
    #expect(ids(.uid(0), .path(Self.program)).isEmpty && ids().isEmpty)
    #expect(fixture.value("frame_registration_entries") == 2)
  }

  @Test("an entry that would be too much is refused by name")
  func refused() async throws {
    let fixture = try WorkloadFixture()
    try await fixture.enter("/agent/alice", .uid(1000), .gid(1))
    func create(_ id: String, _ selectors: [Selector], by actor: SPIFFEID = .authority(of: Frames.a)) async -> String? {
      await refusal {
        _ = try await fixture.entries.create(
          try SPIFFEID(id), selectors: selectors, x509Lifetime: nil, jwtLifetime: nil, hint: "", actor: actor)
      }
    }
    #expect(await create("spiffe://frame-b.example/agent/x", [.uid(1)]) == "entry_other_trust_domain")
    #expect(await create("spiffe://frame-a.example", [.uid(1)]) == "entry_other_trust_domain")
    #expect(await create("spiffe://frame-a.example/node", [.uid(1)]) == "entry_reserved_id")
    #expect(await create("spiffe://frame-a.example/x", []) == "entry_no_selectors")
    #expect(await create("spiffe://frame-a.example/x", (0...16).map { .uid($0) }) == "entry_too_many_selectors")
    #expect(await create("spiffe://frame-a.example/agent/alice", [.gid(1), .uid(1000)]) == "entry_exists")
    for actor in [SPIFFEID.node(of: Frames.a), .authority(of: Frames.b)] {
      #expect(await create("spiffe://frame-a.example/x", [.uid(1)], by: actor) == "not_authority")
    }
    #expect(fixture.entries.entries.count == 1)
    func forNode(_ id: SPIFFEID, by actor: SPIFFEID = .authority(of: Frames.a)) async -> String? {
      await refusal {
        _ = try await fixture.entries.create(
          id, selectors: [.uid(1)], x509Lifetime: nil, jwtLifetime: nil, hint: "", forNode: true, actor: actor)
      }
    }
    // The node's own id is given away only by who says that this is meant.
    #expect(await forNode(.api(of: Frames.a)) == "entry_not_node")
    #expect(await forNode(.node(of: Frames.b)) == "entry_other_trust_domain")
    #expect(await forNode(.node(of: Frames.a), by: .node(of: Frames.a)) == "not_authority")
    #expect(await forNode(.node(of: Frames.a)) == nil)
  }

  @Test("what the log says makes the same entries again, and a removed one is gone")
  func replay() async throws {
    let fixture = try WorkloadFixture()
    let kept = try await fixture.enter("/agent/alice", .uid(1000), hint: "internal")
    // A colon in a path is part of the path.
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("entry-\(UUID())", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = folder.resolvingSymlinksInPath().appendingPathComponent("b:c").path
    try FileManager.default.copyItem(atPath: Self.program, toPath: program)
    let gone = try await fixture.enter("/agent/bob", .path(program))
    #expect(try await fixture.entries.remove(gone.id, reason: "over", actor: .authority(of: Frames.a)) == gone)
    #expect(
      await refusal { _ = try await fixture.entries.remove(gone.id, reason: "", actor: .authority(of: Frames.a)) }
        == "entry_unknown")
    var state = IdentityState(frame: Frames.a)
    for event in fixture.writer.events { state.evolve(event) }
    #expect(state.entries == [kept] && state.version == 3)
    #expect(fixture.entries.entries == [kept])
    let bytes = SnapshotFields.encode(state)
    var restored = IdentityState(frame: Frames.a)
    try bytes.withUnsafeBytes { try SnapshotFields.decode($0, into: &restored) }
    #expect(restored.entries == [kept] && restored.version == 3 && SnapshotFields.encode(restored) == bytes)
  }

  @Test("a selector has one textual form", arguments: ["unix:uid:0", "unix:gid:4294967295", "unix:path:/a b/c:d"])
  func selectors(_ text: String) throws {
    #expect(try Selector(text).description == text)
  }

  @Test(
    "what is not quite a selector is none",
    arguments: [
      "", "unix", "unix:uid", "unix:uid:", "unix:uid:-1", "unix:uid:01", "unix:uid:4294967296", "unix:path:bin/x",
      "unix:path:/a\nb", "docker:label:x", "UNIX:uid:0", "unix:user:root", " unix:uid:0",
    ])
  func notSelectors(_ text: String) async {
    #expect(await refusal { _ = try Selector(text) } == "entry_bad_selector")
  }
}
