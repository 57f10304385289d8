import Crypto
import Foundation
@testable import FrameAudit
import FrameCore

@testable import FrameIdentity
@testable import FrameLedger
@testable import FrameEvents
@testable import FrameLog
@testable import FrameNodeState
@testable import FrameNode

/// Files of our own as a failing disk, or a stranger's backup, has changed them.
enum FileTargets {
  static let all = [
    restore, logFile, historyFile, snapshotState, snapshotFile, keyRun, checkpointFile, manifest, authority, pem,
    sealed,
  ]

  /// A folder for this process, one file a target: a file is replaced at each input, never appended to.
  static let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-fuzz-\(getpid())")

  private static func file(_ name: String, _ data: Data) throws -> URL {
    let url = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url, options: .atomic)
    return url
  }

  private static func state() throws -> NodeState {
    NodeState(frame: FuzzKeys.frame, native: try Asset(origin: FuzzKeys.frame, code: "AVT", scale: 2), fees: .none)
  }

  private static func stored(_ name: String, _ body: (URL) throws -> Void) -> [Data] {
    let folder = folder.appendingPathComponent("seed-\(name)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try? body(folder)
    return [try? Data(contentsOf: folder.appendingPathComponent(name))].compactMap { $0 }
  }

  private static func log(_ folder: URL) throws {
    let engine = try SQLiteEngine(directory: folder)
    try engine.append((0..<8).map { Data("event \($0)".utf8) }, at: 0)
    try engine.close()
  }

  /// The log's own file, as an auditor opens it.
  static let logFile = FuzzTarget(
    "log-file", words: ["CREATE TABLE events", "INTEGER", "TEXT", "bytes"], bytesMax: 20_480,
    seeds: stored(SQLiteFile.name, log)
  ) { data in
    let url = try file("log/\(SQLiteFile.name)", data)
    return try FuzzTarget.verdict {
      let report = try LogAudit.run(directory: url.deletingLastPathComponent(), frame: FuzzKeys.frame)
      try FuzzTarget.require(!report.isClean || report.size == 0, "a log of no events audits clean")
    }
  }

  /// The index of histories beside a log that is right.
  static let historyFile = FuzzTarget(
    "history-file", words: ["CREATE TABLE head", "INTEGER", "NULL", "names"], bytesMax: 32_768,
    seeds: stored(PositionIndex.name) { folder in
      try log(folder)
      let reader = try LogReader(directory: folder)
      defer { reader.close() }
      let index = try PositionIndex(directory: folder, of: reader)
      _ = try index.extend(to: 8, from: reader) { _ in ["alice"] }
      index.close()
    }
  ) { data in
    let url = try file("history/\(PositionIndex.name)", data)
    let directory = url.deletingLastPathComponent()
    if !FileManager.default.fileExists(atPath: SQLiteFile.url(in: directory).path) { try log(directory) }
    return try FuzzTarget.verdict {
      let reader = try LogReader(directory: directory)
      defer { reader.close() }
      let index = try PositionIndex(directory: directory, of: reader)
      defer { index.close() }
      _ = try index.extend(to: 8, from: reader) { _ in ["alice"] }
      _ = try index.positions(of: "alice", below: 8, newestFirst: true, beyond: nil, limit: 10)
    }
  }

  /// The state in a snapshot, behind its signature and its digest: a value of every room.
  static let snapshotState = FuzzTarget(
    "snapshot-state", bytesMax: 16_384, seeds: [(try? Data(SnapshotFields.encode(state()))) ?? Data()]
  ) { data in
    try FuzzTarget.verdict {
      var read = try state()
      try data.withUnsafeBytes { try SnapshotFields.decode($0, into: &read) }
      let bytes = SnapshotFields.encode(read)
      var again = try state()
      try bytes.withUnsafeBytes { try SnapshotFields.decode($0, into: &again) }
      try FuzzTarget.require(SnapshotFields.encode(again) == bytes, "a state does not come back as it was read")
    }
  }

  private static let signer = FuzzKeys.signer(FuzzKeys.frame)

  private static func snapshot() -> [Data] {
    let folder = folder.appendingPathComponent("seed")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let content = SnapshotFile.Content(
      program: "p", size: 300, root: .empty, leaf: .empty, time: FuzzKeys.now, blocks: [.empty], runs: [],
      state: (try? SnapshotFields.encode(state())) ?? [])
    guard let made = try? SnapshotFile.write(content, in: folder, signer: signer) else { return [] }
    return [try? Data(contentsOf: folder.appendingPathComponent(made.name))].compactMap { $0 }
  }

  static let snapshotFile = FuzzTarget("snapshot-file", bytesMax: 16_384, seeds: snapshot()) { data in
    let url = try file("00000000000000000300.snapshot", data)
    return try FuzzTarget.verdict {
      let file = try SnapshotFile(url, key: signer.verifierKey, program: "p")
      var read = try state()
      try file.decode(into: &read)
    }
  }

  private static func run() -> [Data] {
    let folder = folder.appendingPathComponent("seed")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var entries = (UInt64(0)..<40).map { KeyEntry(first: $0 &* 0x9e37_79b9_7f4a_7c15, second: $0, position: $0) }
    entries.sort()
    guard let run = try? KeyRunWriter.write(&entries, positions: 0..<40, in: folder) else { return [] }
    return [try? Data(contentsOf: folder.appendingPathComponent(run.fileName))].compactMap { $0 }
  }

  /// Also with its digest made right again: what stands behind it then.
  static let keyRun = FuzzTarget("key-run", bytesMax: 8_192, seeds: run()) { data in
    var data = data
    if data.count > 96, data[data.startIndex + data.count / 2] & 1 == 0 {
      data = data.dropLast(32) + Data(SHA256.hash(data: data.dropLast(32)))
    }
    let url = try file("run.keys", data)
    return try FuzzTarget.verdict {
      let run = try KeyRun(url)
      for key in ["", "a", "\(data.count)"] { _ = run.position(of: KeyFingerprint(key)) }
      for index in 0..<min(run.count, 64) { _ = run.entry(index) }
    }
  }

  static let checkpointFile = FuzzTarget(
    "checkpoint-file", words: ["\n", "\u{2014} "], bytesMax: 9_000, seeds: [checkpoints()]
  ) { data in
    let url = try file(CheckpointFile.name, data)
    return try FuzzTarget.verdict {
      var file = CheckpointFile(directory: url.deletingLastPathComponent())
      let newest = try file.read(key: signer.verifierKey)
      let next = SignedCheckpoint(size: (newest?.size ?? 0) &+ 1, root: .empty, signer: signer)
      try file.add(next)
      var again = CheckpointFile(directory: url.deletingLastPathComponent())
      let kept = try again.read(key: signer.verifierKey)
      try FuzzTarget.require(kept?.size == max(newest?.size ?? 0, next.size), "what was added is not the newest")
    }
  }

  private static func checkpoints() -> Data {
    let slots = [UInt64(7), 8].map { SignedCheckpoint(size: $0, root: .empty, signer: signer).note }
    return slots.reduce(into: Data()) { $0 += $1 + Data(repeating: 10, count: CheckpointFile.slotBytes - $1.count) }
  }

  static let manifest = FuzzTarget(
    "manifest",
    words: ["\"format\"", "\"files\"", "\"path\"", "\"../x\"", "\"bytes\"", "\"size\"", "-1", "1e3", "null"],
    texts: [
      #"{"format":1,"frame":"frame-a.example","log_verifier_key":"k","size":1,"root":"r","checkpoint":"","created_at":"t","#
        + #""has_keys":false,"files":[{"path":"frame.yaml","bytes":1,"#
        + #""sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}]}"#
    ]
  ) { text in
    let folder = folder.appendingPathComponent("backup")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("x".utf8).write(to: folder.appendingPathComponent("frame.yaml"))
    try Data(text.utf8).write(to: folder.appendingPathComponent(NodeBackup.manifestName))
    return try FuzzTarget.verdict { _ = try NodeBackup.read(folder) }
  }

  static let authority = FuzzTarget(
    "authority-file",
    words: ["\"version\"", "\"x509\"", "\"jwt\"", "\"state\"", "\"active\"", "\"id\"", "\"sequence\"", "-1", "[]"],
    texts: [
      #"{"version":2,"trust_domain":"frame-a.example","sequence":1,"x509":[{"id":"a","state":"active"}],"#
        + #""jwt":[{"id":"b","state":"active"}]}"#
    ]
  ) { text in
    try FuzzTarget.verdict {
      let manifest = try TextDecoding.extensible.decode(
        AuthorityManifest.self, json: Data(text.utf8), JSONReader.Limits(bytes: 1 << 20))
      for entry in manifest.x509 + manifest.jwt { _ = entry.record(published: FuzzKeys.now, expires: FuzzKeys.now) }
    }
  }

  static let pem = FuzzTarget(
    "pem", words: ["-----BEGIN ", "-----END ", "CERTIFICATE", "PRIVATE KEY", "-----\n", "\n\n"],
    texts: [
      "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", (IdentityTargets.jwtKey.pemRepresentation),
    ]
  ) { text in
    try FuzzTarget.verdict {
      _ = try? KeyFiles.decodeCertificate(Data(text.utf8), file: "f")
      _ = try? KeyFiles.decodeLogKey(Data(text.utf8), file: "f")
      _ = try KeyFiles.decodeP256(Data(text.utf8), file: "f")
    }
  }

  private static let sealer: KeySealer? = try? KeySealer(keyFile: Data(repeating: 5, count: 32))

  /// A sealed key: with the key file only, so that no input costs a passphrase's second.
  static let sealed = FuzzTarget(
    "sealed-key", words: ["\u{01}", "\u{02}"], bytesMax: 1_024,
    seeds: [(try? sealer?.seal(Data("key".utf8), name: "k")).flatMap { $0 } ?? Data()]
  ) { data in
    guard let sealer else { throw FuzzFailure(why: "the sealer cannot be made") }
    return try FuzzTarget.verdict { _ = try sealer.open(data, name: "k", file: "f") }
  }
}
