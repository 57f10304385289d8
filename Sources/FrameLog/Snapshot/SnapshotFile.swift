internal import FrameEvents
internal import Crypto
internal import Foundation
internal import FrameCore

/// A snapshot on disk: magic, length of the header, header, body. The body has the roots of the log's blocks, the runs of
/// keys it goes with, and the state.
struct SnapshotFile {
  /// A run of keys by name and content.
  struct Run: SnapshotValue, Equatable {
    let name: String
    let digest: Data

    init(_ run: KeyRun) {
      name = run.fileName
      digest = run.digest
    }

    func write(to output: inout SnapshotOutput) {
      output.write(name)
      output.write(digest)
    }

    init(from input: inout SnapshotInput) throws {
      name = try input.read()
      digest = try input.read()
      guard !name.contains("/") else { throw SnapshotRefusal.damaged("'\(name)' is not the name of a run") }
    }
  }

  private static let magic = Array("FRMSNAP1".utf8)
  private static let suffix = ".snapshot"

  let name: String
  let header: SnapshotHeader
  let blocks: [MerkleHash]
  let runs: [Run]
  let bytes: Int
  private let map: MappedFile
  private let stateOffset: Int

  /// Opens the file and checks that it is whole and this log's.
  /// - Throws: `SnapshotRefusal.unreadable`, `.damaged`, `.notSigned`, `.otherProgram`.
  init(_ url: URL, key: LogVerifierKey, program: String) throws {
    map = try MappedFile(url)
    name = url.lastPathComponent
    bytes = map.bytes.count
    var input = SnapshotInput(map.bytes)
    guard bytes > Self.magic.count, map.bytes.prefix(Self.magic.count).elementsEqual(Self.magic) else {
      throw SnapshotRefusal.damaged("it is not a snapshot")
    }
    _ = try input.read(UInt64.self)
    header = try SnapshotHeader(note: try input.read(), key: key, program: program)
    let body = UnsafeRawBufferPointer(rebasing: map.bytes[input.offset...])
    var hash = SHA256()
    hash.update(bufferPointer: body)
    guard hash.finalize().elementsEqual(header.body) else { throw SnapshotRefusal.damaged("its content was changed") }
    let hashes: Data = try input.read()
    blocks = stride(from: 0, to: hashes.count, by: 32).compactMap {
      MerkleHash(hashes[$0..<min($0 + 32, hashes.count)])
    }
    guard UInt64(blocks.count) == header.size / LogTree.blockLeaves else {
      throw SnapshotRefusal.damaged("it has \(blocks.count) blocks for \(header.size) events")
    }
    runs = try input.read()
    stateOffset = input.offset
  }

  /// - Throws: as `SnapshotFields.decode`.
  func decode(into state: inout some SnapshotState) throws {
    try SnapshotFields.decode(UnsafeRawBufferPointer(rebasing: map.bytes[stateOffset...]), into: &state)
  }

  /// What a snapshot is made of.
  struct Content {
    let program: String
    let size: UInt64
    let root: MerkleHash
    let leaf: MerkleHash
    let time: FrameTime
    let blocks: [MerkleHash]
    let runs: [KeyRun]
    let state: [UInt8]
  }

  /// Makes the file durable, whole, under its name.
  /// - Returns: its name and length.
  /// - Throws: `LogError.storage`.
  static func write(_ content: Content, in folder: URL, signer: LogSigner) throws -> (name: String, bytes: Int) {
    var hashes = Data(capacity: 32 * content.blocks.count)
    for block in content.blocks { hashes.append(block.data) }
    var head = SnapshotOutput()
    head.write(hashes)
    head.write(content.runs.map(Run.init))
    var hash = SHA256()
    hash.update(data: head.bytes)
    hash.update(data: content.state)
    let header = SnapshotHeader(
      origin: signer.verifierKey.name, program: content.program, size: content.size, root: content.root,
      leaf: content.leaf, time: content.time, body: Data(hash.finalize()))
    var start = SnapshotOutput()
    start.append(contentsOf: magic)
    start.write(header.note(signer: signer))
    let name = name(content.size)
    var file = try NewFile(folder.appendingPathComponent(name))
    try file.append(start.bytes)
    try file.append(head.bytes)
    try file.append(content.state)
    try file.finish()
    return (name, start.bytes.count + head.bytes.count + content.state.count)
  }

  // MARK: Names

  /// In the order of their sizes when sorted as text.
  static func name(_ size: UInt64) -> String {
    let digits = String(size)
    return String(repeating: "0", count: 20 - digits.utf8.count) + digits + suffix
  }

  /// The size in a snapshot's name; nil for other files.
  static func size(_ name: String) -> UInt64? {
    guard name.hasSuffix(suffix) else { return nil }
    return UInt64(name.dropLast(suffix.count))
  }
}
