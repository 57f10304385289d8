import Foundation
import FrameCore
import FrameLedger
import FrameLog
import Testing

@testable import FrameNode

@Suite("Backup and restore")
struct NodeBackupTests {
  private static func issue(_ fixture: NodeFixture, _ count: Int) async throws {
    let node = fixture.node
    for index in 0..<count {
      _ = try await node.submit(
        .ledger(.issue(Amount(minorUnits: 1), memo: "\(index)")), actor: .authority(of: fixture.frame),
        key: node.freshKey("issue"))
    }
  }

  @Test("a backup of a running node is whole, audited, and restores to the same log, marked as restored")
  func cycle() async throws {
    try await NodeFixture.with { fixture in
      try await Self.issue(fixture, 5)
      let signed = try await fixture.node.writer.checkpoint()
      let backup = fixture.folder.appendingPathComponent("backup")
      let made = try NodeBackup.make(of: fixture.node.configuration, to: backup, keys: false)
      #expect(made.size == fixture.node.writer.durableSize())
      #expect(made.root == signed.root.base64EncodedString())
      #expect(!made.hasKeys && !made.files.contains { $0.path.hasPrefix("keys/") })
      #expect(try NodeBackup.read(backup) == made)
      #expect(throws: BackupError.notEmpty(backup.path)) {
        _ = try NodeBackup.make(of: fixture.node.configuration, to: backup, keys: false)
      }

      // The node goes on; the backup does not.
      try await Self.issue(fixture, 1)
      let later = try await fixture.node.writer.checkpoint()
      let data = fixture.folder.appendingPathComponent("restored")
      func restore(_ published: [Data], _ acceptsFork: Bool = false) throws {
        _ = try NodeBackup.restore(
          backup, to: data, keys: fixture.node.configuration.keysDirectory, published: published,
          acceptsFork: acceptsFork)
      }
      #expect(throws: BackupError.noKeys(backup.path)) {
        _ = try NodeBackup.restore(backup, to: data, keys: nil, published: [], acceptsFork: false)
      }
      #expect(throws: BackupError.behind(size: made.size, seen: later.size)) { try restore([later.note]) }
      try restore([signed.note])
      let log = data.appendingPathComponent("log")
      let report = try LogAudit.run(directory: log, frame: fixture.frame)
      #expect(report.isClean && report.size == made.size)
      #expect(RestoredMark.isSet(in: data))
      #expect(try NodeConfiguration.load(data.appendingPathComponent("frame.yaml")).frameID == fixture.frame)
    }
  }

  @Test("a backup that was changed, or from which something is missing, is not restored")
  func damaged() async throws {
    try await NodeFixture.with { fixture in
      let backup = fixture.folder.appendingPathComponent("backup")
      _ = try NodeBackup.make(of: fixture.node.configuration, to: backup, keys: true)
      let file = backup.appendingPathComponent("log/log.sqlite")
      let whole = try Data(contentsOf: file)
      var changed = whole
      changed[changed.count / 2] ^= 1
      try changed.write(to: file)
      #expect(throws: BackupError.self) { _ = try NodeBackup.read(backup) }
      try whole.write(to: file)
      _ = try NodeBackup.read(backup)
      try Data("x".utf8).write(to: backup.appendingPathComponent("stranger"))
      #expect(throws: BackupError.self) { _ = try NodeBackup.read(backup) }
      #expect(throws: BackupError.noBackup(fixture.folder.path)) { _ = try NodeBackup.read(fixture.folder) }
    }
  }
}
