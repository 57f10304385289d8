import Foundation
import FrameCore
import FrameIdentity
import FrameLog
import FrameMetrics
import FrameWorkload
import Logging
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Keys from before a rotation")
struct OldKeysTests {
  /// A node that was rotated, and copies of its keys.
  private struct Rotated {
    let fixture: NodeFixture
    var configuration: NodeConfiguration { fixture.node.configuration }

    func keep(_ name: String) throws -> URL {
      let copy = fixture.folder.appendingPathComponent("keys-\(name)", isDirectory: true)
      try FileManager.default.copyItem(at: configuration.keysDirectory, to: copy)
      return copy
    }

    func put(_ keys: URL) throws {
      try FileManager.default.removeItem(at: configuration.keysDirectory)
      try FileManager.default.copyItem(at: keys, to: configuration.keysDirectory)
    }

    func rotate(_ step: String, _ body: JSON = [:]) async throws {
      _ = try await fixture.api { try await $0.post("/api/v1/authority/x509/\(step)", body).expect(200) }
    }

    /// Starts a node on the folder again, whose first one has ended.
    /// - Returns: the code of what it was refused with.
    func start(acceptsOldKeys: Bool = false, _ body: (NodeCore) async throws -> Void = { _ in }) async throws -> String?
    {
      var configuration = configuration
      configuration.acceptsOldKeys = acceptsOldKeys
      let parts = try NodeParts(
        configuration, registry: MetricRegistry(), clock: fixture.clock, logger: Logger(label: "test"))
      var code: String?
      do {
        try await parts.found()
        try await body(parts.core)
      } catch let error as any FrameError { code = error.code }
      await parts.core.writer.shutdown()
      try await parts.http.shutdown()
      return code
    }
  }

  private static func with(_ body: (Rotated) async throws -> Void) async throws {
    try await NodeFixture.with { try await body(Rotated(fixture: $0)) }
  }

  private static func tell(_ node: NodeCore) async throws {
    for change in node.authority.unlogged {
      _ = try await node.submit(
        .identity(.authorityChanged(change)), actor: .authority(of: node.frame),
        key: IdempotencyKey(derived: change.key))
    }
  }

  private static func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? any FrameError)?.code ?? "\(error)" }
  }

  @Test("R1, S8: a restore and a backup refuse keys that lack a change that the log has, and leave nothing")
  func restore() async throws {
    try await Self.with { rotated in
      let old = try rotated.keep("old")
      try await rotated.rotate("prepare")
      let prepared = try rotated.keep("prepared")
      let between = rotated.fixture.folder.appendingPathComponent("backup-between")
      _ = try NodeBackup.make(of: rotated.configuration, to: between, keys: true)
      try await rotated.rotate("activate", ["force": true])
      let present = try rotated.keep("present")
      let backup = rotated.fixture.folder.appendingPathComponent("backup")
      let made = try NodeBackup.make(of: rotated.configuration, to: backup, keys: false)
      #expect(!made.hasKeys)
      let data = rotated.fixture.folder.appendingPathComponent("restored")
      func restore(_ from: URL, _ keys: URL?, acceptsOldKeys: Bool = false) throws {
        _ = try NodeBackup.restore(
          from, to: data, keys: keys, published: [], acceptsFork: false, acceptsOldKeys: acceptsOldKeys)
      }
      for keys in [old, prepared] {
        #expect(Self.code { try restore(backup, keys) } == "keys_not_in_force", "\(keys.lastPathComponent)")
        #expect(!FileManager.default.fileExists(atPath: data.path))
      }
      // Newer keys than the log: its backup was made before the rotation.
      for (from, keys) in [(backup, Optional(present)), (between, nil), (between, present)] {
        try restore(from, keys)
        try FileManager.default.removeItem(at: data)
      }
      try restore(backup, old, acceptsOldKeys: true)

      try rotated.put(old)
      let refused = rotated.fixture.folder.appendingPathComponent("backup-refused")
      #expect(
        Self.code { _ = try NodeBackup.make(of: rotated.configuration, to: refused, keys: true) } == "keys_not_in_force"
      )
    }
  }

  @Test("R1, S8: a node does not start on keys from before a rotation; told to, it goes on with them for good")
  func start() async throws {
    try await Self.with { rotated in
      let old = try rotated.keep("old")
      let key = rotated.fixture.node.authority.activeID(.x509)
      try await rotated.rotate("prepare")
      try await rotated.rotate("activate", ["force": true])
      let present = try rotated.keep("present")
      await rotated.fixture.node.writer.shutdown()

      try rotated.put(old)
      #expect(try await rotated.start() == "keys_not_in_force")
      try rotated.put(present)
      #expect(try await rotated.start() == nil)
      try rotated.put(old)
      let taken = try await rotated.start(acceptsOldKeys: true) { node in
        #expect(node.authority.activeID(.x509) == key && node.authority.sequence == 5)
        try await Self.tell(node)
      }
      #expect(taken == nil)
      #expect(try await rotated.start() == nil, "once is enough")
      try rotated.put(present)
      #expect(try await rotated.start() == "keys_not_in_force")
    }
  }

  @Test("S8: a rotation that was cut off anywhere between the keys and the log starts again")
  func crashes() async throws {
    try await Self.with { rotated in
      let authority = rotated.fixture.node.authority
      let manifest = rotated.configuration.keysDirectory.appendingPathComponent("authority.json")
      let before = try Data(contentsOf: manifest)
      // In force and not told: the node ended between the two.
      try authority.rotate(.x509, .prepare, byOperator: true)
      try authority.rotate(.x509, .activate(force: true), byOperator: true)
      let after = try rotated.keep("after")
      await rotated.fixture.node.writer.shutdown()

      // The new key's file is written, the manifest that names it is not.
      try before.write(to: manifest)
      chmod(manifest.path, 0o600)
      #expect(try await rotated.start() == nil)
      try rotated.put(after)
      let told = try await rotated.start { node in
        #expect(node.authority.unlogged.count == 2)
        try await Self.tell(node)
      }
      #expect(told == nil)
      // Told, and the keys not noting it: they still have what they had.
      try rotated.put(after)
      let again = try await rotated.start { node in
        #expect(node.authority.unlogged.count == 2)
        let size = node.writer.durableSize()
        try await Self.tell(node)
        #expect(node.writer.durableSize() == size, "the log takes it once")
      }
      #expect(again == nil)
    }
  }
}
