import Foundation
@testable import FrameAudit
import FrameCore
import FrameIdentity
import FrameLedger
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

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

  // MARK: What others put there

  /// A whole backup with keys, and where to restore it to.
  private static func withBackup(_ body: (_ backup: URL, _ data: URL) throws -> Void) async throws {
    try await NodeFixture.with { fixture in
      let backup = fixture.folder.appendingPathComponent("backup")
      _ = try NodeBackup.make(of: fixture.node.configuration, to: backup, keys: true)
      try body(backup, fixture.folder.appendingPathComponent("restored"))
    }
  }

  private static func restore(_ backup: URL, to data: URL, keys: URL? = nil) throws {
    _ = try NodeBackup.restore(backup, to: data, keys: keys, published: [], acceptsFork: false)
  }

  private static func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? any FrameError)?.code ?? "\(error)" }
  }

  /// Nothing is there, nor anything that was made on the way.
  private static func expectNothing(at data: URL, _ comment: Comment) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: data.deletingLastPathComponent().path)
    #expect(!names.contains { $0.contains("restored") }, "\(comment): \(names)")
  }

  @Test(
    "what a backup did not list, and what is no regular file, is refused before anything is copied; then it restores")
  func strangers() async throws {
    try await Self.withBackup { backup, data in
      func path(_ name: String) -> String { backup.appendingPathComponent(name).path }
      let plants: [(name: String, code: String, plant: () throws -> Void)] = [
        (
          "log/log.sqlite-wal", "backup_damaged",
          { try Data("stale".utf8).write(to: URL(fileURLWithPath: path("log/log.sqlite-wal"))) }
        ),
        (
          "log/log.sqlite-shm", "backup_damaged",
          { try Data().write(to: URL(fileURLWithPath: path("log/log.sqlite-shm"))) }
        ),
        (
          "keys/extra.pem", "backup_damaged",
          { try Data("x".utf8).write(to: URL(fileURLWithPath: path("keys/extra.pem"))) }
        ),
        (
          "stranger", "backup_damaged",
          { try FileManager.default.createDirectory(atPath: path("stranger"), withIntermediateDirectories: false) }
        ),
        (
          "keys/link.pem", "irregular_file",
          {
            try FileManager.default.createSymbolicLink(
              atPath: path("keys/link.pem"), withDestinationPath: "/etc/passwd")
          }
        ),
        ("witness/pipe", "irregular_file", { #expect(mkfifo(path("witness/pipe"), 0o600) == 0) }),
      ]
      for (name, expected, plant) in plants {
        try plant()
        #expect(Self.code { try Self.restore(backup, to: data) } == expected, "\(name)")
        #expect(Self.code { _ = try NodeBackup.read(backup) } == expected, "\(name)")
        try Self.expectNothing(at: data, "\(name)")
        try FileManager.default.removeItem(atPath: path(name))
      }
      try Self.restore(backup, to: data)
      #expect(RestoredMark.isSet(in: data))
    }
  }

  @Test("a listed file that became a FIFO or a link is refused without waiting; so is such a manifest")
  func replaced() async throws {
    try await Self.withBackup { backup, data in
      for name in ["frame.yaml", "manifest.json"] {
        let path = backup.appendingPathComponent(name).path
        let kept = path + ".kept"
        try FileManager.default.moveItem(atPath: path, toPath: kept)
        let outside = backup.deletingLastPathComponent().appendingPathComponent("outside").path
        try? FileManager.default.removeItem(atPath: outside)
        try FileManager.default.moveItem(atPath: kept, toPath: outside)
        #expect(mkfifo(path, 0o600) == 0)
        #expect(Self.code { try Self.restore(backup, to: data) } != nil, "\(name) is a FIFO")
        unlink(path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: outside)
        #expect(Self.code { try Self.restore(backup, to: data) } == "irregular_file", "\(name) is a link")
        unlink(path)
        try FileManager.default.moveItem(atPath: outside, toPath: path)
        try Self.expectNothing(at: data, "\(name)")
      }
      // Keys that are brought along are looked at alike.
      let keys = backup.deletingLastPathComponent().appendingPathComponent("brought")
      try FileManager.default.copyItem(at: backup.appendingPathComponent("keys"), to: keys)
      #expect(mkfifo(keys.appendingPathComponent("pipe").path, 0o600) == 0)
      #expect(Self.code { try Self.restore(backup, to: data, keys: keys) } == "irregular_file")
      try Self.expectNothing(at: data, "keys")
    }
  }

  @Test("a manifest that names files elsewhere, twice, or of a kind that no backup has is refused")
  func manifests() async throws {
    try await Self.withBackup { backup, data in
      let path = backup.appendingPathComponent("manifest.json")
      let whole = try String(decoding: Data(contentsOf: path), as: UTF8.self)
      let changes: [(String, String)] = [
        ("\"frame.yaml\"", "\"../frame.yaml\""), ("\"frame.yaml\"", "\"/etc/passwd\""),
        ("\"frame.yaml\"", "\"log/../frame.yaml\""), ("\"frame.yaml\"", "\"log//x\""),
        ("\"frame.yaml\"", "\"log/log.sqlite\""), ("\"frame.yaml\"", "\"log/log.sqlite-wal\""),
        ("\"frame.yaml\"", "\"restored\""), ("\"frame.yaml\"", "\"log\""), ("\"format\" : 1", "\"format\" : 9"),
        ("{", "[{"),
      ]
      for (old, new) in changes {
        try Data(whole.replacing(old, with: new, maxReplacements: 1).utf8).write(to: path)
        #expect(Self.code { try Self.restore(backup, to: data) } == "backup_damaged", "\(new)")
        try Self.expectNothing(at: data, "\(new)")
      }
      try Data(repeating: 0x20, count: NodeBackup.manifestBytesMax + 1).write(to: path)
      #expect(Self.code { try Self.restore(backup, to: data) } == "backup_damaged")
      try Data(whole.utf8).write(to: path)
      try Self.restore(backup, to: data)
    }
  }

  @Test("a restore that fails on the way leaves nothing, an empty folder empty, and what a crash left is no obstacle")
  func failure() async throws {
    try await Self.withBackup { backup, data in
      // The same size and another content: found while it is copied.
      let file = backup.appendingPathComponent("frame.yaml")
      let whole = try Data(contentsOf: file)
      var changed = whole
      changed[0] ^= 1
      try changed.write(to: file)
      let deep = data.appendingPathComponent("a/b")
      #expect(Self.code { try Self.restore(backup, to: deep) } == "backup_damaged")
      try Self.expectNothing(at: data, "made for it")
      try FileManager.default.createDirectory(at: data, withIntermediateDirectories: false)
      #expect(Self.code { try Self.restore(backup, to: data) } == "backup_damaged")
      #expect(try FileManager.default.contentsOfDirectory(atPath: data.path).isEmpty)
      try whole.write(to: file)

      // As a crash leaves it: some of it moved into place, the list of it beside.
      let work = data.appendingPathComponent(".unfinished")
      try FileManager.default.createDirectory(
        at: work.appendingPathComponent("content/keys"), withIntermediateDirectories: true)
      try FileManager.default.createDirectory(
        at: data.appendingPathComponent("log"), withIntermediateDirectories: false)
      try Data("half".utf8).write(to: data.appendingPathComponent("log/log.sqlite"))
      try Data("keys\nlog\n../elsewhere".utf8).write(to: work.appendingPathComponent("moved"))
      let elsewhere = data.deletingLastPathComponent().appendingPathComponent("elsewhere")
      try Data("mine".utf8).write(to: elsewhere)
      try Self.restore(backup, to: data)
      #expect(FileManager.default.fileExists(atPath: elsewhere.path), "nothing outside is touched")
      let names = try FileManager.default.contentsOfDirectory(atPath: data.path).sorted()
      #expect(
        names == ["frame.yaml", "keys", "log", "restored", "witness"]
          || names == ["frame.yaml", "keys", "log", "restored"], "\(names)")
      #expect(try LogAudit.run(directory: data.appendingPathComponent("log")).isClean)
      #expect(Self.code { try Self.restore(backup, to: data) } == "folder_not_empty")
    }
  }

  @Test(
    "keys that are not there, and a place where nothing can be made, are told as that and not as a matter of permission"
  )
  func whereToMendIt() async throws {
    try await Self.withBackup { backup, data in
      let nowhere = data.deletingLastPathComponent().appendingPathComponent("nowhere", isDirectory: true)
      func refusal(_ data: URL, _ keys: URL?) -> BackupError? {
        do {
          _ = try NodeBackup.restore(backup, to: data, keys: keys, published: [], acceptsFork: false)
          return nil
        } catch { return error as? BackupError }
      }
      let missing = refusal(data, nowhere)
      #expect(missing?.code == "no_such_file" && missing?.kind == .notFound, "\(String(describing: missing))")
      let proc = URL(fileURLWithPath: "/proc/frame-backup", isDirectory: true)
      let unmade = refusal(proc, nil)
      #expect(unmade?.code == "not_writable" && unmade?.kind == .invalid, "\(String(describing: unmade))")
      #expect(unmade?.message.contains("/proc/frame-backup cannot be written: nothing can be made there.") == true)
    }
  }

  @Test(
    "only the keys of this log are restored: another frame's, another log's, none, and garbage are refused by what they lack"
  )
  func otherKeys() async throws {
    try await Self.withBackup { backup, data in
      let root = backup.deletingLastPathComponent()
      let frame = try FrameID(try NodeBackup.read(backup).frame)
      let own = backup.appendingPathComponent("keys")
      func folder(_ name: String, _ fill: (URL) throws -> Void) throws -> URL {
        let url = root.appendingPathComponent("given-\(name)", isDirectory: true)
        try fill(url)
        return url
      }
      func copy(_ url: URL) throws { try FileManager.default.copyItem(at: own, to: url) }
      let other = try FrameID("other.example")
      let given: [(URL, String)] = [
        (
          try folder("empty") { try FileManager.default.createDirectory(at: $0, withIntermediateDirectories: false) },
          "authority.json does not exist"
        ),
        (
          try folder("garbage") {
            try FileManager.default.createDirectory(at: $0, withIntermediateDirectories: false)
            try Data("garbage".utf8).write(to: $0.appendingPathComponent("authority.json"))
          }, "authority.json is damaged"
        ),
        (
          try folder("frame") { _ = try FrameAuthority.create(frame: other, in: KeyDirectory(path: $0.path)) },
          "are those of 'other.example', not of '\(frame)'"
        ),
        (
          try folder("log") { _ = try FrameAuthority.create(frame: frame, in: KeyDirectory(path: $0.path)) },
          "their log key is \(frame)+"
        ),
        (
          try folder("incomplete") {
            try copy($0)
            try FileManager.default.removeItem(at: $0.appendingPathComponent("log.key"))
          }, "log.key does not exist"
        ),
        (
          try folder("damaged") {
            try copy($0)
            try Data("x".utf8).write(to: $0.appendingPathComponent("log.key"))
          }, "log.key is damaged"
        ),
      ]
      for (keys, word) in given {
        do {
          try Self.restore(backup, to: data, keys: keys)
          Issue.record("\(keys.lastPathComponent) was taken")
        } catch let error as BackupError {
          #expect(
            error.code == "keys_do_not_fit" && error.message.contains(word),
            "\(keys.lastPathComponent): \(error.message)")
        }
        try Self.expectNothing(at: data, "\(keys.lastPathComponent)")
      }
      // A medium without modes: what is copied is private again.
      let open = try folder("open") {
        try copy($0)
        for name in try FileManager.default.contentsOfDirectory(atPath: $0.path) {
          chmod($0.appendingPathComponent(name).path, 0o755)
        }
      }
      try Self.restore(backup, to: data, keys: open)
      #expect(
        try FrameAuthority.load(frame: frame, from: KeyDirectory(path: data.appendingPathComponent("keys").path)).frame
          == frame)
    }
  }

  @Test("sealed keys are compared when their secret is here, and taken by their own words when it is not")
  func sealedKeys() async throws {
    try await NodeFixture.with { fixture in
      let root = fixture.folder
      // Outside the data folder: what is in it is named relative to it.
      let secret = root.path + "-secret"
      defer { unlink(secret) }
      #expect(
        FileManager.default.createFile(
          atPath: secret, contents: Data("long enough".utf8), attributes: [.posixPermissions: 0o600]))
      var configuration = fixture.node.configuration
      configuration.identity.seal = .passphraseFile(secret)
      let backup = root.appendingPathComponent("backup")
      _ = try NodeBackup.make(of: configuration, to: backup, keys: false)
      func keys(_ name: String, _ frame: FrameID, with sealer: KeySealer, copied: Bool) throws -> URL {
        let url = root.appendingPathComponent("given-\(name)")
        let directory = KeyDirectory(path: url.path)
        if copied {
          try FileManager.default.copyItem(at: configuration.keysDirectory, to: url)
          try FrameAuthority.seal(frame: frame, in: directory, with: sealer)
        } else {
          _ = try FrameAuthority.create(frame: frame, in: directory, sealer: sealer)
        }
        return url
      }
      func fit(_ keys: URL, _ name: String) throws -> KeysFit.Verdict {
        try NodeBackup.restore(
          backup, to: root.appendingPathComponent(name), keys: keys, published: [], acceptsFork: false
        ).keys
      }
      let sealer = try KeySealer(passphrase: Data("long enough".utf8))
      let own = try keys("own", fixture.frame, with: sealer, copied: true)
      let log = try keys("log", fixture.frame, with: sealer, copied: false)
      let frame = try keys("frame", try FrameID("other.example"), with: sealer, copied: false)
      let locked = try keys(
        "locked", fixture.frame, with: try KeySealer(passphrase: Data("another one".utf8)), copied: true)
      #expect(try fit(own, "restored-1") == .compared)
      for keys in [log, frame] {
        #expect(Self.code { _ = try fit(keys, "restored-x") } == "keys_do_not_fit", "\(keys.lastPathComponent)")
      }
      #expect(
        Self.code { _ = try fit(locked, "restored-x") } == "key_seal_wrong_secret", "it is the secret, not the keys")
      unlink(secret)
      #expect(try fit(own, "restored-2") == .sealed)
      #expect(Self.code { _ = try fit(frame, "restored-x") } == "keys_do_not_fit")
    }
  }

  @Test("a folder is made by one restore at a time, and never within what is copied")
  func places() async throws {
    try await Self.withBackup { backup, data in
      #expect(
        Self.code { try Self.restore(backup, to: backup.appendingPathComponent("inside")) } == "folder_inside_source")
      let file = data.deletingLastPathComponent().appendingPathComponent("restored-file")
      try Data().write(to: file)
      #expect(Self.code { try Self.restore(backup, to: file) } == "folder_not_empty")
      unlink(file.path)
      let outcome = Self.code {
        try StagedFolder.make(at: data, last: "z") { _ in
          #expect(Self.code { try Self.restore(backup, to: data) } == "already_under_way")
          throw BackupError.noBackup("on purpose")
        }
      }
      #expect(outcome == "no_backup_here")
      try Self.expectNothing(at: data, "the other one")
      try Self.restore(backup, to: data)
    }
  }

  @Test("a backup that fails leaves nothing, and is not made within what it copies")
  func backupFails() async throws {
    try await NodeFixture.with { fixture in
      let configuration = fixture.node.configuration
      let target = fixture.folder.appendingPathComponent("restored-backup")
      let inside = configuration.logDirectory.appendingPathComponent("backup")
      #expect(
        Self.code { _ = try NodeBackup.make(of: configuration, to: inside, keys: false) } == "folder_inside_source")
      #expect(!FileManager.default.fileExists(atPath: inside.path))
      let pipe = configuration.keysDirectory.appendingPathComponent("pipe").path
      #expect(mkfifo(pipe, 0o600) == 0)
      #expect(Self.code { _ = try NodeBackup.make(of: configuration, to: target, keys: true) } == "irregular_file")
      try Self.expectNothing(at: target, "backup")
      unlink(pipe)
      // A link to an empty folder is that folder; one to nowhere is not taken for nothing.
      try FileManager.default.createDirectory(
        at: fixture.folder.appendingPathComponent("real"), withIntermediateDirectories: false)
      try FileManager.default.createSymbolicLink(
        at: target, withDestinationURL: fixture.folder.appendingPathComponent("real"))
      let made = try NodeBackup.make(of: configuration, to: target, keys: true)
      #expect(try NodeBackup.read(fixture.folder.appendingPathComponent("real")) == made)
    }
  }
}
