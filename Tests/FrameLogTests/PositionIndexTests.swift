import Foundation
import GRDB
import Testing

@testable import FrameLog

@Suite("The index of histories, damaged") struct PositionIndexTests {
  @Test(
    "an index whose head is not what the schema says is thrown away and made anew, and ends nothing",
    arguments: [
      "CREATE TABLE head (size, leaf); INSERT INTO head VALUES (NULL, NULL)",
      "CREATE TABLE head (size, leaf); INSERT INTO head VALUES ('many', 1.5)",
      "CREATE TABLE head (size, leaf); INSERT INTO head VALUES (-1, x'00')",
      "CREATE TABLE head (size, leaf)", "CREATE TABLE other (x)",
    ])
  func head(_ planted: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-index-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let engine = try SQLiteEngine(directory: folder)
    try engine.append([Data("one".utf8), Data("two".utf8)], at: 0)
    try engine.close()
    let queue = try DatabaseQueue(path: folder.appendingPathComponent(PositionIndex.name).path)
    try queue.write { try $0.execute(sql: "\(planted); PRAGMA user_version = \(PositionIndex.format)") }
    try queue.close()
    let reader = try LogReader(directory: folder)
    defer { reader.close() }
    let index = try PositionIndex(directory: folder, of: reader)
    defer { index.close() }
    #expect(index.rebuilt == 1)
    #expect(try index.size() == 0)
    #expect(try index.extend(to: 2, from: reader) { _ in ["alice"] } == 2)
  }
}
