import Crypto
import Foundation
import FrameCore
import FrameLedger
import FrameLog
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
  /// - Throws: ``BackupError``, `LogError`.
  package static func make(
    of configuration: NodeConfiguration, to target: URL, keys: Bool, clock: any FrameClock = SystemClock()
  ) throws -> Manifest {
    try requireEmpty(target)
    let log = target.appendingPathComponent("log", isDirectory: true)
    try writing(target) {
      try FileManager.default.createDirectory(
        at: log, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    // The memory of what peers have shown must not be younger than what was acted on: first.
    try copyFolder(configuration.witnessDirectory, to: target.appendingPathComponent("witness", isDirectory: true))
    try LogBackup.copy(configuration.logDirectory, to: log)
    if keys {
      try copyFolder(configuration.keysDirectory, to: target.appendingPathComponent("keys", isDirectory: true))
    }
    try writing(target) {
      try Data(configuration.yaml().utf8).write(to: target.appendingPathComponent(NodeSetup.configurationName))
    }
    let report = try audit(log, configuration.frameID)
    let manifest = Manifest(
      format: Manifest.format, frame: configuration.frameID.name, logVerifierKey: try verifierKey(in: log),
      size: report.size, root: report.root.base64EncodedString(),
      checkpoint: report.checkpoint.map { String(decoding: $0.note, as: UTF8.self) } ?? "",
      createdAt: clock.now().description, hasKeys: keys, files: try list(target))
    let bytes = try manifest.json()
    try writing(target) { try bytes.write(to: target.appendingPathComponent(manifestName), options: .atomic) }
    return manifest
  }

  /// Makes a node's data folder of a backup and audits it; the node asks its witnesses before it serves. Blocks.
  /// - Parameters:
  ///   - data: does not exist, or is empty.
  ///   - keys: a folder with the frame's keys, when the backup has none.
  ///   - published: checkpoints of the log that were seen elsewhere; the backup must reach each of them.
  ///   - acceptsFork: although it does not.
  /// - Throws: ``BackupError``, `LogError`.
  package static func restore(
    _ backup: URL, to data: URL, keys: URL?, published: [Data], acceptsFork: Bool
  ) throws -> Manifest {
    let manifest = try read(backup)
    try requireEmpty(data)
    guard manifest.hasKeys || keys != nil else { throw BackupError.noKeys(backup.path) }
    let key = try LogVerifierKey(manifest.logVerifierKey)
    for note in published {
      let seen = try AttestationVerifier.verify(checkpoint: note, key: key)
      guard seen.size <= manifest.size || acceptsFork else {
        throw BackupError.behind(size: manifest.size, seen: seen.size)
      }
    }
    try writing(data) {
      try FileManager.default.createDirectory(
        at: data, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    for name in ["log", "witness", "keys"] {
      let target = data.appendingPathComponent(name, isDirectory: true)
      let source = backup.appendingPathComponent(name, isDirectory: true)
      try copyFolder(name == "keys" ? keys ?? source : source, to: target)
    }
    try writing(data) {
      let name = NodeSetup.configurationName
      try FileManager.default.copyItem(
        at: backup.appendingPathComponent(name), to: data.appendingPathComponent(name))
    }
    let log = data.appendingPathComponent("log", isDirectory: true)
    let report = try audit(log, try FrameID(manifest.frame))
    guard report.size == manifest.size, report.root.base64EncodedString() == manifest.root else {
      throw BackupError.damaged("the log is of \(report.size) events with another root than the manifest's")
    }
    try writing(data) { try Data().write(to: data.appendingPathComponent(RestoredMark.name)) }
    return manifest
  }

  /// Reads a backup's manifest and compares every file with it.
  /// - Throws: ``BackupError``.
  package static func read(_ backup: URL) throws -> Manifest {
    guard let bytes = FileManager.default.contents(atPath: backup.appendingPathComponent(manifestName).path) else {
      throw BackupError.noBackup(backup.path)
    }
    let decoding = TextDecoding(spelling: .snakeCase, unknown: .refused, null: .refused)
    guard
      let manifest = try? decoding.decode(
        Manifest.self, json: bytes, JSONReader.Limits(bytes: 64 << 20, values: 5_000_000)),
      manifest.format == Manifest.format
    else {
      throw BackupError.damaged("\(manifestName) cannot be read")
    }
    let present = try list(backup)
    for file in manifest.files where !present.contains(file) {
      throw BackupError.damaged("\(file.path) is missing or is not what was backed up")
    }
    for file in present where !manifest.files.contains(file) {
      throw BackupError.damaged("\(file.path) was not backed up")
    }
    return manifest
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

  /// Files in the folder but the manifest and what SQLite leaves beside a database, by path.
  private static func list(_ folder: URL) throws -> [Manifest.File] {
    let root = folder.standardizedFileURL.path
    guard let paths = FileManager.default.enumerator(atPath: root) else { throw BackupError.noBackup(root) }
    var files: [Manifest.File] = []
    for case let path as String in paths {
      var isFolder: ObjCBool = false
      let full = "\(root)/\(path)"
      guard FileManager.default.fileExists(atPath: full, isDirectory: &isFolder), !isFolder.boolValue else { continue }
      if path == manifestName || path.hasSuffix("-wal") || path.hasSuffix("-shm") { continue }
      guard let handle = FileHandle(forReadingAtPath: full) else {
        throw BackupError.damaged("\(path) cannot be read")
      }
      defer { try? handle.close() }
      var hash = SHA256()
      var bytes = 0
      while let part = try handle.read(upToCount: 1 << 20), !part.isEmpty {
        hash.update(data: part)
        bytes += part.count
      }
      let digest = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      files.append(Manifest.File(path: path, bytes: bytes, sha256: digest))
    }
    return files.sorted { $0.path < $1.path }
  }

  private static func requireEmpty(_ folder: URL) throws {
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    guard (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.isEmpty == true else {
      throw BackupError.notEmpty(folder.path)
    }
  }

  /// A folder that is not there is an empty one.
  private static func copyFolder(_ source: URL, to target: URL) throws {
    guard FileManager.default.fileExists(atPath: source.path) else { return }
    try writing(target) { try FileManager.default.copyItem(atPath: source.path, toPath: target.path) }
  }

  private static func writing(_ target: URL, _ body: () throws -> Void) throws {
    do { try body() } catch let error as any FrameError { throw error } catch {
      throw BackupError.notWritable(target.path, why: error.words)
    }
  }
}

/// The mark of a data folder that was restored and whose log no witness has confirmed yet.
package enum RestoredMark {
  package static let name = "restored"

  static func isSet(in data: URL) -> Bool {
    FileManager.default.fileExists(atPath: data.appendingPathComponent(name).path)
  }

  static func clear(in data: URL) { try? FileManager.default.removeItem(at: data.appendingPathComponent(name)) }
}

/// What a backup or a restore refuses.
package enum BackupError: FrameError, Equatable {
  case notEmpty(String)
  case noBackup(String)
  case damaged(String)
  case noKeys(String)
  case behind(size: UInt64, seen: UInt64)
  case notWritable(String, why: String)
  /// A restored log that no witness has confirmed.
  case unconfirmed(witnesses: Int)

  package var code: String {
    switch self {
    case .notEmpty: "folder_not_empty"
    case .noBackup: "no_backup_here"
    case .damaged: "backup_damaged"
    case .noKeys: "backup_without_keys"
    case .behind: "backup_behind_checkpoint"
    case .notWritable: "not_writable"
    case .unconfirmed: "restored_log_unconfirmed"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .notEmpty: .conflict
    case .noBackup: .notFound
    case .damaged, .noKeys: .invalid
    case .behind: .refused
    case .notWritable: .forbidden
    case .unconfirmed: .unavailable
    }
  }

  package var message: String {
    switch self {
    case .notEmpty(let path): "\(path) is not empty."
    case .noBackup(let path): "There is no backup at \(path)."
    case .damaged(let why): "The backup does not hold: \(why)."
    case .noKeys(let path): "The backup at \(path) has no keys in it."
    case .behind(let size, let seen): "The backup has \(size) events; a checkpoint of \(seen) was signed since."
    case .notWritable(let path, let why): "\(path) cannot be written: \(why)."
    case .unconfirmed(let witnesses):
      "The log was restored, and none of its \(witnesses) witnesses could be asked whether it is the newest."
    }
  }

  package var remedy: String {
    switch self {
    case .notEmpty: "Name a folder that does not exist yet."
    case .noBackup: "Name the folder that frame backup made."
    case .damaged: "Use another backup; keep this one for whoever finds out what happened to it."
    case .noKeys: "Name the folder with the frame's keys with --keys."
    case .behind: "Restore a newer backup; with --accept-fork the events in between are given up for good."
    case .notWritable: "Choose a folder you own, or fix its permissions."
    case .unconfirmed:
      "Start a peer or a witness and try again, or serve with --accept-fork if the log is known to be whole."
    }
  }
}
