import Foundation
import Testing

@testable import FrameEvents
@testable import FrameLog

/// A folder that is removed with the value.
final class TemporaryFolder: Sendable {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("frame-tiles-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: url) }
}

extension Writer {
  /// Downloads as a client of the node would.
  func download(to folder: URL, key: LogVerifierKey, entries: Bool = true) async throws -> SignedCheckpoint {
    let copy = TileDirectory(folder)
    let checkpoint = try await copy.download(key: key, entries: entries) { path in
      path == TileDirectory.checkpointName
        ? try await self.checkpoint().note : try await self.tile(try Tile(path: path))
    }
    return checkpoint
  }
}

@Suite struct TileDirectoryTests {
  @Test("L4: a downloaded log verifies at every size, and grows by what is new", arguments: [true, false])
  func grows(entries: Bool) async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let folder = TemporaryFolder()
    let copy = TileDirectory(folder.url)
    let key = fixture.signer.verifierKey
    var size: UInt64 = 0
    for count in [1, 254, 1, 1, 443] {
      _ = try await writer.submit(try fixture.envelope(.addAll(Array(repeating: 1, count: count))))
      size += UInt64(count)
      let older = try copy.checkpoint(key: key)
      let checkpoint = try await writer.download(to: folder.url, key: key, entries: entries)
      #expect(checkpoint.size == size)
      let report = try copy.accept(checkpoint, extending: older)
      #expect(report.size == size)
      #expect(report.tiles == Tile.hashTiles(of: size).count)
      #expect(report.entries == (entries ? size : 0))
    }
    await writer.shutdown()
  }

  @Test("L4: nothing is given out that the newest checkpoint does not cover, and no empty tile")
  func covered() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for kind in [Tile.Kind.hashes(level: 0), .entries] {
      await #expect(throws: LogError.noSuchTile("\(Tile(kind, index: 0, width: 1).path)", size: 0)) {
        try await writer.tile(Tile(kind, index: 0, width: 1))
      }
    }
    _ = try await writer.submit(try fixture.envelope(.addAll(Array(repeating: 1, count: 300))))
    await #expect(throws: LogError.noSuchTile("tile/0/000", size: 0)) {
      try await writer.tile(Tile(.hashes(level: 0), index: 0))
    }
    _ = try await writer.checkpoint()
    for (tile, isThere) in [
      (Tile(.hashes(level: 0), index: 0), true), (Tile(.hashes(level: 0), index: 1, width: 44), true),
      (Tile(.hashes(level: 0), index: 1, width: 43), true), (Tile(.hashes(level: 0), index: 1, width: 45), false),
      (Tile(.hashes(level: 0), index: 1), false), (Tile(.hashes(level: 0), index: 2, width: 1), false),
      (Tile(.hashes(level: 1), index: 0, width: 1), true), (Tile(.hashes(level: 1), index: 0, width: 2), false),
      (Tile(.hashes(level: 2), index: 0, width: 1), false), (Tile(.hashes(level: 63), index: .max, width: 1), false),
      (Tile(.entries, index: 1, width: 44), true), (Tile(.entries, index: 1, width: 45), false),
      (Tile(.entries, index: .max), false),
    ] {
      if isThere {
        let bytes = try await writer.tile(tile)
        if tile.kind == .entries {
          #expect(EntryBundle.entries(bytes)?.count == tile.width)
        } else {
          #expect(bytes.count == 32 * tile.width)
        }
      } else {
        await #expect(throws: LogError.noSuchTile(tile.path, size: 300)) { try await writer.tile(tile) }
      }
    }
    await writer.shutdown()
  }

  @Test("L4: every change to a copy is found", .timeLimit(.minutes(5)))
  func tampering() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(try fixture.envelope(.addAll(Array(repeating: 1, count: 600))))
    let folder = TemporaryFolder()
    let copy = TileDirectory(folder.url)
    let checkpoint = try await writer.download(to: folder.url, key: fixture.signer.verifierKey)
    await writer.shutdown()
    _ = try copy.verify(checkpoint)
    for tile in Tile.hashTiles(of: 600) + Tile.bundles(of: 600) {
      let file = folder.url.appendingPathComponent(tile.path)
      let good = try Data(contentsOf: file)
      var changes = [good.dropLast(), Data(), good + [0]]
      for index in [0, 2, good.count / 2, good.count - 1] {
        var changed = good
        changed[index] ^= 1
        changes.append(changed)
      }
      for changed in changes {
        try Data(changed).write(to: file)
        #expect(throws: LogError.self, "\(tile)") { try copy.verify(checkpoint) }
      }
      try FileManager.default.removeItem(at: file)
      #expect(throws: LogError.badTile(tile.path, "the file is missing")) { try copy.verify(checkpoint) }
      try good.write(to: file)
    }
    _ = try copy.verify(checkpoint)
  }

  @Test("L7: a log that was changed after it was downloaded is refused")
  func fork() async throws {
    let fixture = try LogFixture()
    let folder = TemporaryFolder()
    let copy = TileDirectory(folder.url)
    let key = fixture.signer.verifierKey
    let first = try fixture.writer()
    _ = try await first.submit(try fixture.envelope(.addAll([1, 2, 3])))
    let older = try await first.download(to: folder.url, key: key)
    await first.shutdown()
    // The same key signs another history, in a folder of its own.
    let second = try fixture.writer(in: fixture.directory.appendingPathComponent("fork"))
    _ = try await second.submit(try fixture.envelope(.addAll([1, 2, 4, 5])))
    let other = TemporaryFolder()
    try FileManager.default.copyItem(at: folder.url, to: other.url)
    let newer = try await second.download(to: other.url, key: key)
    await second.shutdown()
    _ = try TileDirectory(other.url).verify(newer)
    #expect(throws: LogError.badProof("its first 3 events are not those that were signed before")) {
      try TileDirectory(other.url).accept(newer, extending: older)
    }
    // The proof of it stays.
    let refused = try Data(contentsOf: other.url.appendingPathComponent(TileDirectory.refusedName))
    #expect(try AttestationVerifier.verify(checkpoint: refused, key: key) == newer)
    #expect(try TileDirectory(other.url).checkpoint(key: key) == nil)
    #expect(throws: LogError.badProof("the log had 4 events before and has 3 now")) {
      try copy.verify(older, extending: newer)
    }
  }

  @Test("a copy that is damaged accuses nobody: nothing is kept as proof, and the next download holds")
  func damagedCopy() async throws {
    let fixture = try LogFixture()
    let folder = TemporaryFolder()
    let copy = TileDirectory(folder.url)
    let key = fixture.signer.verifierKey
    let writer = try fixture.writer()
    _ = try await writer.submit(try fixture.envelope(.addAll([1, 2, 3])))
    let older = try await writer.download(to: folder.url, key: key)
    _ = try copy.accept(older, extending: nil)
    let file = folder.url.appendingPathComponent("tile/0/000.p/3")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.startIndex] ^= 1
    try bytes.write(to: file)
    _ = try await writer.submit(try fixture.envelope(.addAll([4])))
    let newer = try await writer.download(to: folder.url, key: key)
    // What is new holds, whatever became of the old partial tile.
    _ = try copy.accept(newer, extending: older)
    let entries = folder.url.appendingPathComponent("tile/entries/000.p/4")
    bytes = try Data(contentsOf: entries)
    bytes[bytes.startIndex + 8] ^= 1
    try bytes.write(to: entries)
    #expect {
      try copy.accept(newer, extending: newer)
    } throws: {
      ($0 as? LogError)?.code == "copy_damaged"
    }
    #expect(!FileManager.default.fileExists(atPath: folder.url.appendingPathComponent(TileDirectory.refusedName).path))
    await writer.shutdown()
  }

  @Test("B19: two honest notes beside a proof that does not hold are no two histories, and a copy says so")
  func honestNotes() async throws {
    let fixture = try LogFixture()
    let folder = TemporaryFolder()
    let copy = TileDirectory(folder.url)
    let key = fixture.signer.verifierKey
    let writer = try fixture.writer()
    _ = try await writer.submit(try fixture.envelope(.addAll([1, 2, 3])))
    let first = try await writer.checkpoint()
    _ = try await writer.submit(try fixture.envelope(.addAll([4, 5])))
    let second = try await writer.checkpoint()
    let made = EquivocationProof(.inconsistent, key: key, first: first, second: second)
    // By itself it cannot be told from a real one.
    _ = try made.verify(key: key)
    _ = try copy.accept(try await writer.download(to: folder.url, key: key), extending: nil)
    #expect(throws: LogError.badProof("the copy begins with what both notes say: they are of one history")) {
      try copy.requireDenial(of: made, key: key)
    }
    await writer.shutdown()
    let forked = try fixture.writer(in: fixture.directory.appendingPathComponent("fork"))
    _ = try await forked.submit(try fixture.envelope(.addAll([1, 2, 9, 9, 9, 9])))
    let other = try await forked.checkpoint()
    await forked.shutdown()
    let long = EquivocationProof(.inconsistent, key: key, first: second, second: other)
    #expect {
      try copy.requireDenial(of: long, key: key)
    } throws: {
      ($0 as? LogError)?.message.contains("cannot tell") == true
    }
    let real = EquivocationProof(
      .inconsistent, key: key, first: second,
      second: SignedCheckpoint(size: 4, root: .leaf(Data()), signer: fixture.signer))
    try copy.requireDenial(of: real, key: key)
  }

  @Test("L1: proofs that the log gives out verify, and are of the size that was asked for")
  func proofs() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(try fixture.envelope(.addAll(Array(repeating: 1, count: 20))))
    let checkpoint = try await writer.checkpoint()
    for size in 1...20 as ClosedRange<UInt64> {
      for position in 0..<size {
        let proof = try await writer.inclusionProof(of: position, in: size)
        let root = MerkleProof.root(
          leaf: try #require(MerkleHash(proof.leaf)), index: position, size: size,
          proof: proof.hashes.compactMap { MerkleHash($0) })
        #expect(root?.data == proof.root)
        #expect(proof.checkpoint == (size == 20 ? checkpoint : nil))
      }
      for from in 0...size {
        let proof = try await writer.consistency(from: from, to: size)
        #expect(
          MerkleProof.isConsistent(
            first: from, firstRoot: try #require(MerkleHash(proof.fromRoot)), second: size,
            secondRoot: try #require(MerkleHash(proof.toRoot)), proof: proof.hashes.compactMap { MerkleHash($0) }))
      }
    }
    await #expect(throws: LogError.noSuchPosition(20, size: 20)) { try await writer.inclusionProof(of: 20, in: 20) }
    await #expect(throws: LogError.noSuchPosition(21, size: 20)) { try await writer.inclusionProof(of: 0, in: 21) }
    await #expect(throws: LogError.noSuchPosition(5, size: 4)) { try await writer.consistency(from: 5, to: 4) }
    await #expect(throws: LogError.noSuchPosition(21, size: 20)) { try await writer.consistency(from: 5, to: 21) }
    await writer.shutdown()
  }
}
