import Foundation
import FrameAudit
import FrameCore
import FrameLedger
import FrameEvents
import FrameLog
import FrameConfiguration
import FrameProtos

/// A backup of a node: a folder with the log, what was witnessed of peers, the configuration and, when asked for, the keys; and
/// a manifest of them that says which log it is and up to where.
package enum NodeBackup {
  package static let manifestName = "manifest.json"

  package struct Manifest: Codable, Sendable, Equatable {
    package struct File: Codable, Sendable, Equatable {
      package let path: String
      package let bytes: Int
      package let sha256: String
    }

    /// Of this file's form.
    package let format: Int
    package let frame: String
    package let logVerifierKey: String
    package let size: UInt64
    /// Base64, of the log of `size` events.
    package let root: String
    /// The newest signed checkpoint in it, "" when there is none.
    package let checkpoint: String
    package let createdAt: String
    package let hasKeys: Bool
    package let files: [File]

    static let format = 1

    /// As it is in the backup.
    package func json() throws -> Data {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(self)
    }
  }

  /// Makes a backup of a node, whether it runs or not, and audits the copy. Blocks.
  /// - Parameters:
  ///   - target: does not exist, or is empty.
  ///   - keys: the frame's private keys too. Whoever has them is the frame: keep such a backup as you keep the keys.
  /// - Throws: ``BackupError``, `KeysNotInForce`, `LogError`.
  package static func make(
    of configuration: NodeConfiguration, to target: URL, keys: Bool, clock: any FrameClock = SystemClock()
  ) throws -> Manifest {
    for source in [configuration.logDirectory, configuration.witnessDirectory, configuration.keysDirectory] {
      try requireOutside(target, source)
    }
    return try StagedFolder.make(at: target, last: manifestName) { content in
      func folder(_ name: String) -> URL { content.appendingPathComponent(name, isDirectory: true) }
      // The memory of what peers have shown must not be younger than what was acted on: first.
      try copyFolder(configuration.witnessDirectory, to: folder("witness"))
      try PlainFiles.makeFolder(folder("log").path)
      try LogBackup.copy(configuration.logDirectory, to: folder("log"))
      if keys { try copyFolder(configuration.keysDirectory, to: folder("keys")) }
      let configurationFile = content.appendingPathComponent(NodeSetup.configurationName)
      try writing(configurationFile) { try Data(configuration.yaml().utf8).write(to: configurationFile) }
      let report: AuditReport
      do { report = try audit(folder("log"), configuration.frameID) } catch BackupError.damaged(let why) {
        // The copy is as the log is: nobody is to look for the fault in a backup that there is not.
        throw BackupError.logDamaged(why)
      }
      let logKey = try verifierKey(in: folder("log"))
      if keys {
        _ = try KeysFit.check(
          folder("keys"), frame: configuration.frameID, logKey: logKey, seal: configuration.identity.seal)
        // They were copied after the log, so that they have every change that it has.
        try KeysFit.requireInForce(folder("keys"), frame: configuration.frameID, log: folder("log"))
      }
      let manifest = Manifest(
        format: Manifest.format, frame: configuration.frameID.name, logVerifierKey: logKey,
        size: report.size, root: report.root.base64EncodedString(),
        checkpoint: report.checkpoint.map { String(decoding: $0.note, as: UTF8.self) } ?? "",
        createdAt: clock.now().description, hasKeys: keys, files: try hashed(content))
      let bytes = try manifest.json()
      try writing(content) { try bytes.write(to: content.appendingPathComponent(manifestName), options: .atomic) }
      return manifest
    }
  }

  /// Makes a node's data folder of a backup and audits it; the node asks its witnesses before it serves. Blocks.
  /// - Parameters:
  ///   - data: does not exist, or is empty; is that still when this throws.
  ///   - keys: a folder with the frame's keys, when the backup has none.
  ///   - published: checkpoints of the log that were seen elsewhere; the backup must reach each of them.
  ///   - acceptsFork: although it does not.
  ///   - acceptsOldKeys: although the keys are from before a rotation that the log knows.
  /// - Throws: ``BackupError``, `KeysNotInForce`, `LogError`.
  package static func restore(
    _ backup: URL, to data: URL, keys: URL?, published: [Data], acceptsFork: Bool, acceptsOldKeys: Bool = false
  ) throws -> Restored {
    let manifest = try manifest(of: backup)
    guard let frame = try? FrameID(manifest.frame) else {
      throw BackupError.damaged("\(manifestName) is of '\(manifest.frame.prefix(80))', which is no frame")
    }
    guard manifest.hasKeys || keys != nil else { throw BackupError.noKeys(backup.path) }
    let key = try LogVerifierKey(manifest.logVerifierKey)
    for note in published {
      let seen = try AttestationVerifier.verify(checkpoint: note, key: key)
      guard seen.size <= manifest.size || acceptsFork else {
        throw BackupError.behind(size: manifest.size, seen: seen.size)
      }
    }
    // Everything that could be refused by its name, kind or size is, before anything is made.
    _ = try compared(manifest, with: backup)
    let keysFolder = keys ?? backup.appendingPathComponent("keys", isDirectory: true)
    if keys != nil { _ = try PlainFiles.list(keysFolder.path) }
    try requireOutside(data, backup)
    let fit = try KeysFit.check(
      keysFolder, frame: frame, logKey: manifest.logVerifierKey, seal: try seal(in: backup, frame, for: data))
    return try StagedFolder.make(at: data, last: NodeSetup.configurationName) { content in
      for file in manifest.files where keys == nil || !file.path.hasPrefix("keys/") {
        try makeFolders(of: file.path, in: content)
        let copied = try PlainFiles.read(
          backup.appendingPathComponent(file.path).path, copyingTo: content.appendingPathComponent(file.path).path)
        guard copied.sha256 == file.sha256, copied.bytes == file.bytes else { throw Self.missing(file.path) }
      }
      if let keys { try copyFolder(keys, to: content.appendingPathComponent("keys", isDirectory: true)) }
      let log = content.appendingPathComponent("log", isDirectory: true)
      let report = try audit(log, frame)
      guard report.size == manifest.size, report.root.base64EncodedString() == manifest.root else {
        throw BackupError.damaged("the log is of \(report.size) events with another root than the manifest's")
      }
      if !acceptsOldKeys { try KeysFit.requireInForce(keysFolder, frame: frame, log: log) }
      try writing(data) { try Data().write(to: content.appendingPathComponent(RestoredMark.name)) }
      return Restored(manifest: manifest, keys: fit)
    }
  }

  /// What a restore has made.
  package struct Restored: Sendable {
    package let manifest: Manifest
    package let keys: KeysFit.Verdict
  }

  /// What the backup's configuration says that the keys are sealed with. A configuration that this version does not take is no
  /// obstacle to a restore: the node that starts on it says what is wrong.
  /// - Throws: `BackupError.damaged` for that of another frame.
  private static func seal(in backup: URL, _ frame: FrameID, for data: URL) throws -> KeySeal? {
    let name = NodeSetup.configurationName
    let text = try PlainFiles.contents(backup.appendingPathComponent(name).path, limit: YAMLDocument.Limits().bytes)
    guard let configuration = try? NodeConfiguration.parse(text, file: name, directory: data) else { return nil }
    guard configuration.frameID == frame else {
      throw BackupError.damaged("\(name) is that of \(configuration.frameID), and the log that of \(frame)")
    }
    return configuration.identity.seal
  }

  /// Reads a backup's manifest and compares every file with it.
  /// - Throws: ``BackupError``.
  package static func read(_ backup: URL) throws -> Manifest {
    let manifest = try manifest(of: backup)
    for file in try compared(manifest, with: backup) {
      let copied = try PlainFiles.read(backup.appendingPathComponent(file.path).path)
      guard copied.sha256 == file.sha256, copied.bytes == file.bytes else { throw missing(file.path) }
    }
    return manifest
  }

  /// - Throws: ``BackupError``.
  private static func manifest(of backup: URL) throws -> Manifest {
    let path = backup.appendingPathComponent(manifestName).path
    var status = stat()
    guard lstat(path, &status) == 0 else {
      let failure = ReadFailure(errno: errno)
      throw failure == .missing ? BackupError.noBackup(backup.path) : .unreadable(backup.path, failure)
    }
    let bytes = try PlainFiles.contents(path, limit: manifestBytesMax)
    let decoding = TextDecoding(spelling: .snakeCase, unknown: .refused, null: .refused)
    guard
      let manifest = try? decoding.decode(
        Manifest.self, json: bytes, JSONReader.Limits(bytes: manifestBytesMax, values: 5_000_000)),
      manifest.format == Manifest.format
    else {
      throw BackupError.damaged("\(manifestName) cannot be read")
    }
    var seen: Set<String> = []
    for file in manifest.files {
      guard isPath(file.path), file.bytes >= 0 else {
        throw BackupError.damaged("\(manifestName) names '\(file.path.prefix(200))', which no backup has")
      }
      guard seen.insert(file.path).inserted else {
        throw BackupError.damaged("\(manifestName) names \(file.path) twice")
      }
    }
    return manifest
  }

  /// Compares the names, kinds and sizes of what is there with what was backed up.
  /// - Returns: the files, all of which are there.
  /// - Throws: ``BackupError``.
  private static func compared(_ manifest: Manifest, with backup: URL) throws -> [Manifest.File] {
    let present = try PlainFiles.list(backup.path)
    for file in manifest.files where present.files[file.path] != file.bytes { throw missing(file.path) }
    let listed = Set(manifest.files.map(\.path) + [manifestName])
    for path in present.files.keys.sorted() where !listed.contains(path) {
      throw BackupError.damaged("\(path) was not backed up")
    }
    for folder in present.folders.sorted() where !folders.contains(folder) {
      guard listed.contains(where: { $0.hasPrefix(folder + "/") }) else {
        throw BackupError.damaged("\(folder) was not backed up")
      }
    }
    return manifest.files
  }

  private static func missing(_ path: String) -> BackupError {
    .damaged("\(path) is missing or is not what was backed up")
  }

  // MARK: Parts

  private static func audit(_ log: URL, _ frame: FrameID) throws -> AuditReport {
    let report = try LogAudit.run(directory: log, frame: frame)
    guard report.isClean else {
      throw BackupError.damaged(
        "the audit of the copy has \(report.findingCount) findings, the first: "
          + (report.findings.first.map { "\($0.code): \($0.message)" } ?? ""))
    }
    return report
  }

  private static func verifierKey(in log: URL) throws -> String {
    let reader = try LogReader(directory: log)
    defer { reader.close() }
    var text = ""
    try reader.scan(from: 0, to: min(1, reader.size())) { _, bytes in
      if case .frameFounded(let founded)? = try RecordedEvent(bytes: bytes).event.payload {
        text = founded.logVerifierKey
      }
    }
    guard !text.isEmpty else { throw BackupError.damaged("the log's first event does not found a frame") }
    return text
  }

  static let manifestBytesMax = 16 << 20
  private static let folders = ["log", "witness", "keys"]

  /// Whether a backup can have a file of that path: in one of its folders, or the configuration. SQLite's side files never are:
  /// one beside a log would be taken for a part of it.
  private static func isPath(_ path: String) -> Bool {
    if path == NodeSetup.configurationName { return true }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 2, path.utf8.count <= 1024, folders.contains(String(parts[0])) else { return false }
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }
      && !["-wal", "-shm", "-journal"].contains { path.hasSuffix($0) }
  }

  /// All files in the folder with their hashes, by path.
  private static func hashed(_ folder: URL) throws -> [Manifest.File] {
    try PlainFiles.list(folder.path).files.keys.sorted().map { path in
      let read = try PlainFiles.read(folder.appendingPathComponent(path).path)
      guard isPath(path) else { throw BackupError.damaged("\(path) does not belong into a backup") }
      return Manifest.File(path: path, bytes: read.bytes, sha256: read.sha256)
    }
  }

  private static func requireOutside(_ target: URL, _ source: URL) throws {
    let (inner, outer) = (target.resolvingSymlinksInPath().path, source.resolvingSymlinksInPath().path)
    guard inner != outer, !inner.hasPrefix(outer + "/") else { throw BackupError.inside(target.path, of: source.path) }
  }

  private static func makeFolders(of path: String, in root: URL) throws {
    var folder = root
    for part in path.split(separator: "/").dropLast() {
      folder.appendPathComponent(String(part), isDirectory: true)
      try PlainFiles.makeFolder(folder.path)
    }
  }

  /// A folder that is not there is an empty one. A file that goes while it is copied was one that something else was writing.
  private static func copyFolder(_ source: URL, to target: URL) throws {
    try PlainFiles.makeFolder(target.path)
    guard FileManager.default.fileExists(atPath: source.path) else { return }
    for path in try PlainFiles.list(source.path).files.keys.sorted() {
      try makeFolders(of: path, in: target)
      let from = source.appendingPathComponent(path).path
      do {
        _ = try PlainFiles.read(from, copyingTo: target.appendingPathComponent(path).path)
      } catch BackupError.unreadable where !FileManager.default.fileExists(atPath: from) {
        continue
      }
    }
  }

  private static func writing(_ target: URL, _ body: () throws -> Void) throws {
    do { try body() } catch let error as any FrameError { throw error } catch {
      throw BackupError.notWritable(target.path, WriteFailure(error))
    }
  }
}

/// The mark of a data folder whose log no witness has confirmed since it was restored, or since it was shown not to be the one history.
package enum RestoredMark {
  package static let name = "restored"

  /// What was shown once is not to be forgotten by a start while nobody who knows is there. Nothing to be done when it cannot be kept.
  static func set(in data: URL) {
    _ = FileManager.default.createFile(atPath: data.appendingPathComponent(name).path, contents: Data())
  }

  static func isSet(in data: URL) -> Bool {
    FileManager.default.fileExists(atPath: data.appendingPathComponent(name).path)
  }

  static func clear(in data: URL) { try? FileManager.default.removeItem(at: data.appendingPathComponent(name)) }
}
