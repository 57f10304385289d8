import Crypto
import Foundation
import FrameCore

@testable import FrameIdentity
@testable import FrameEvents
@testable import FrameLog
@testable import FrameNode

extension FileTargets {
  /// A backup's folder in the hands of somebody else: each pair of bytes is a thing that is done to it before it is restored.
  static let restore = FuzzTarget(
    "restore", bytesMax: 24,
    seeds: [
      Data(), Data([0, 0]), Data([1, 1]), Data([2, 2, 3, 3]), Data([4, 0]), Data([5, 2, 6, 1]), Data([7, 0]),
    ]
  ) { data in
    let root = folder.appendingPathComponent("restore")
    try? FileManager.default.removeItem(at: root)
    let (backup, target) = (root.appendingPathComponent("backup"), root.appendingPathComponent("data"))
    try base(backup)
    var rest = [UInt8](data)[...]
    while let kind = rest.popFirst(), let argument = rest.popFirst() { change(backup, kind % 9, Int(argument)) }
    let verdict = try FuzzTarget.verdict {
      _ = try NodeBackup.restore(backup, to: target, keys: nil, published: [], acceptsFork: false)
    }
    guard verdict != .accepted else { return verdict }
    // What failed left nothing: neither a half-made folder nor a file beside it.
    let left = (try? FileManager.default.contentsOfDirectory(atPath: target.path)) ?? []
    try FuzzTarget.require(left.isEmpty, "a failed restore left \(left)")
    let beside = try FileManager.default.contentsOfDirectory(atPath: root.path).filter {
      $0 != "backup" && $0 != "data"
    }
    try FuzzTarget.require(beside.isEmpty, "a failed restore left \(beside)")
    return verdict
  }

  private static let names = [
    "log/log.sqlite", "frame.yaml", "log/checkpoint", "log/log.sqlite-wal", "log/log.sqlite-shm", "keys/log.pem",
    "extra",
    "witness/frame-b.example/checkpoint", NodeBackup.manifestName, "log/a/b/c/d/e/f/g/h/i",
  ]

  /// One thing that a disk, or somebody, does to a folder.
  private static func change(_ backup: URL, _ kind: UInt8, _ argument: Int) {
    let manager = FileManager.default
    let url = backup.appendingPathComponent(names[argument % names.count])
    try? manager.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    // What is a FIFO or a link by now is not written through: the one would wait, the other lead out of the folder.
    let isPlain = [url, backup.appendingPathComponent(NodeBackup.manifestName)].allSatisfy { url in
      var status = stat()
      return lstat(url.path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }
    if !isPlain, [1, 2, 6, 7, 8].contains(kind) { return }
    switch kind {
    case 0: try? manager.removeItem(at: url)
    case 1: try? Data("changed".utf8).write(to: url)
    case 2: if let old = try? Data(contentsOf: url) { try? old.dropLast(argument % 64 + 1).write(to: url) }
    case 3:
      try? manager.removeItem(at: url)
      mkfifo(url.path, 0o600)
    case 4:
      try? manager.removeItem(at: url)
      try? manager.createSymbolicLink(atPath: url.path, withDestinationPath: argument & 1 == 0 ? "/dev/null" : "..")
    case 5: try? manager.createDirectory(at: url, withIntermediateDirectories: true)
    case 6: chmod(url.path, argument & 1 == 0 ? 0 : 0o777)
    case 7:
      if let text = try? String(contentsOf: backup.appendingPathComponent(NodeBackup.manifestName), encoding: .utf8) {
        let lies = [
          "\"../../escape\"", "\"/etc/passwd\"", "\"\"", "\"log//log.sqlite\"", "\"frame.yaml\"", "\"log/./x\"",
        ]
        let changed = text.replacing("\"frame.yaml\"", with: lies[argument % lies.count], maxReplacements: 1)
        try? Data(changed.utf8).write(to: backup.appendingPathComponent(NodeBackup.manifestName))
      }
    default:
      if var old = try? Data(contentsOf: url), !old.isEmpty {
        old[old.startIndex + (argument * 37) % old.count] ^= 0x10
        try? old.write(to: url)
      }
    }
  }

  /// Keys that fit, made once: they are not what is changed here.
  private static let keys = Result<(files: [String: Data], logKey: String), any Error> {
    let made = folder.appendingPathComponent("restore-keys")
    try? FileManager.default.removeItem(at: made)
    let authority = try FrameAuthority.create(frame: FuzzKeys.frame, in: KeyDirectory(path: made.path))
    let names = try FileManager.default.contentsOfDirectory(atPath: made.path)
    let files = try names.map { ("keys/\($0)", try Data(contentsOf: made.appendingPathComponent($0))) }
    return (
      Dictionary(uniqueKeysWithValues: files),
      LogSigner(name: FuzzKeys.frame.name, privateKey: authority.logKey).verifierKey.text
    )
  }

  /// A backup of a log whose events say nothing: everything but its audit is in order.
  private static func base(_ backup: URL) throws {
    let log = backup.appendingPathComponent("log")
    try FileManager.default.createDirectory(at: log, withIntermediateDirectories: true)
    let engine = try SQLiteEngine(directory: log)
    try engine.append([Data("one".utf8), Data("two".utf8)], at: 0)
    try engine.close()
    for name in ["log.sqlite-wal", "log.sqlite-shm"] {
      try? FileManager.default.removeItem(at: log.appendingPathComponent(name))
    }
    try Data("frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n".utf8).write(
      to: backup.appendingPathComponent("frame.yaml"))
    let keys = try keys.get()
    try FileManager.default.createDirectory(
      at: backup.appendingPathComponent("keys"), withIntermediateDirectories: true)
    for (path, contents) in keys.files { try contents.write(to: backup.appendingPathComponent(path)) }
    let files = try (["frame.yaml", "log/log.sqlite"] + keys.files.keys.sorted()).map { path in
      let bytes = try Data(contentsOf: backup.appendingPathComponent(path))
      let digest = SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      return NodeBackup.Manifest.File(path: path, bytes: bytes.count, sha256: digest)
    }
    let manifest = NodeBackup.Manifest(
      format: 1, frame: FuzzKeys.frame.name, logVerifierKey: keys.logKey, size: 2,
      root: "", checkpoint: "", createdAt: "", hasKeys: true, files: files)
    try manifest.json().write(to: backup.appendingPathComponent(NodeBackup.manifestName))
  }
}
