import Foundation
@testable import FrameEvents
import FrameCore
import Synchronization
import Testing

@testable import FrameLog

@Suite("Room for what opening a database takes")
struct DatabaseRoomTests {
  /// Says how much is free, and notes where it was asked.
  private final class Disk: Sendable {
    let free: Mutex<UInt64?>
    let asked = Mutex<[String]>([])
    init(_ free: UInt64?) { self.free = Mutex(free) }
    func bytes(_ path: String) -> UInt64? {
      asked.withLock { $0.append(path) }
      return free.withLock { $0 }
    }
  }

  private static func on<T>(_ free: UInt64?, _ body: (Disk) throws -> T) throws -> T {
    let disk = Disk(free)
    return try DatabaseRoom.$probe.withValue({ disk.bytes($0) }) { try body(disk) }
  }

  private static func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? any FrameError)?.code ?? "\(error)" }
  }

  /// The folder of a log of three events that nobody has open.
  private static func stored() async throws -> URL {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for _ in 0..<3 { _ = try await writer.submit(fixture.envelope(.add(1))) }
    await writer.shutdown()
    let folder = try fixture.copy()
    try? FileManager.default.removeItem(at: folder.appendingPathComponent(SQLiteFile.name + "-shm"))
    return folder
  }

  @Test("every file that is opened is refused by name where there is less than it takes, and nothing is made")
  func refused() async throws {
    let folder = try await Self.stored()
    let copy = folder.deletingLastPathComponent().appendingPathComponent("copy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: copy) }
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    try Self.on(DatabaseRoom.bytes - 1) { disk in
      #expect(Self.code { _ = try SQLiteFile.openWriter(in: folder) } == "no_room")
      #expect(Self.code { _ = try SQLiteFile.openReader(in: folder) } == "no_room")
      #expect(Self.code { _ = try LogReader(directory: folder) } == "no_room")
      #expect(Self.code { try LogBackup.copy(folder, to: copy) } == "no_room")
      #expect(disk.asked.withLock { $0.allSatisfy { $0 == folder.path } && $0.count == 4 })
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
    let reader = try LogReader(directory: folder)
    defer { reader.close() }
    try Self.on(0) { _ in
      #expect(Self.code { _ = try PositionIndex(directory: folder, of: reader) } == "no_room")
      #expect(
        !FileManager.default.fileExists(atPath: folder.appendingPathComponent(PositionIndex.name).path),
        "an index is not thrown away for want of room")
    }
  }

  @Test("the refusal says where, how much there is and how much it takes, and is a passing one")
  func words() throws {
    try Self.on(4_096) { _ in
      do {
        try DatabaseRoom.require(for: "/srv/frame/log/log.sqlite")
        Issue.record("it was not refused")
      } catch let error as LogError {
        #expect(error.kind == .unavailable)
        #expect(error.message.contains("/srv/frame/log ") && error.message.contains("4096 bytes"))
        #expect(error.message.contains("\(DatabaseRoom.bytes)") && error.remedy.contains("Make room"))
      }
    }
  }

  @Test("with just enough, and where nobody can say how much there is, it opens")
  func enough() async throws {
    let folder = try await Self.stored()
    for free in [DatabaseRoom.bytes, nil] {
      try Self.on(free) { _ in
        let reader = try LogReader(directory: folder)
        #expect(try reader.size() == 3)
        reader.close()
      }
    }
  }

  @Test("beside a node that runs a full disk keeps nobody from reading: the index is there")
  func running() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1)))
    try Self.on(0) { _ in
      let reader = try LogReader(directory: fixture.directory)
      #expect(try reader.size() == 1)
      reader.close()
      #expect(Self.code { _ = try SQLiteFile.openWriter(in: fixture.directory) } == "no_room")
      // What a copy is made in is another matter.
      let copy = fixture.directory.appendingPathComponent("copy")
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
      #expect(Self.code { try LogBackup.copy(fixture.directory, to: copy) } == "no_room")
    }
    await writer.shutdown()
  }

  @Test("the machine's own answer is that of statvfs, and none for what is not there")
  func machine() throws {
    let folder = FileManager.default.temporaryDirectory.path
    var found = statvfs()
    #expect(statvfs(folder, &found) == 0)
    let free = try #require(DatabaseRoom.probe(folder))
    #expect(free <= UInt64(found.f_blocks) * UInt64(found.f_frsize))
    #expect(DatabaseRoom.probe("/there/is/no/such/folder") == nil)
  }
}
