import Foundation
import Testing

@testable import FrameEvents
@testable import FrameLog

/// golang.org/x/mod/sumdb, another implementation of signed notes and transparency logs, judges ours (Tests/Oracles/tlog).
@Suite(.serialized) struct OracleTests {
  private struct Case: Encodable {
    struct Inclusion: Encodable {
      let position: UInt64
      let proof: [Data]
    }
    struct Consistency: Encodable {
      let from: UInt64
      let from_root: Data
      let proof: [Data]
    }
    let key: String
    let folder: String
    var inclusion: [Inclusion] = []
    var consistency: [Consistency] = []
  }

  @Test("L6: x/mod/sumdb verifies our checkpoints, tiles, entries and proofs as a log grows", .timeLimit(.minutes(3)))
  func grows() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let oracle = try await Oracle()
    let folder = TemporaryFolder()
    let key = fixture.signer.verifierKey
    for count in [1, 2, 252, 1, 1, 443] {
      _ = try await writer.submit(try fixture.envelope(.addAll(Array(repeating: 1, count: count))))
      let checkpoint = try await writer.download(to: folder.url, key: key)
      try TileDirectory(folder.url).keep(checkpoint)
      var given = Case(key: key.text, folder: folder.url.path)
      for position in Set([0, 1, 2, 255, 256, checkpoint.size / 2, checkpoint.size - 1])
      where position < checkpoint.size {
        let proof = try await writer.inclusionProof(of: position, in: checkpoint.size)
        given.inclusion.append(.init(position: position, proof: proof.hashes))
      }
      // The oracle knows no log of no events.
      for from in Set([1, 2, 255, 256, 257, checkpoint.size / 2, checkpoint.size]) where (1...checkpoint.size) ~= from {
        let proof = try await writer.consistency(from: from, to: checkpoint.size)
        given.consistency.append(.init(from: from, from_root: proof.fromRoot, proof: proof.hashes))
      }
      let verdict = try await oracle.judge(given)
      #expect(verdict.isGood, "at \(checkpoint.size): \(verdict.output)")
    }
    await writer.shutdown()
  }

  @Test("L6: x/mod/sumdb verifies tiles of three levels", .timeLimit(.minutes(3)))
  func levels() async throws {
    let size: UInt64 = 65_536 + 257
    let fixture = try LogFixture()
    let folder = TemporaryFolder()
    var tree = MerkleTree()
    var builder = TileBuilder()
    func write(_ bytes: Data, _ path: String) throws {
      let file = folder.url.appendingPathComponent(path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try bytes.write(to: file)
    }
    func write(_ tile: Tile, _ hashes: [MerkleHash]) throws {
      try write(hashes.reduce(into: Data()) { $0.append($1.data) }, tile.path)
    }
    for bundle in Tile.bundles(of: size) {
      var bytes = Data()
      for offset in 0..<bundle.width {
        let entry = Data("entry \(bundle.index * 256 + UInt64(offset))".utf8)
        EntryBundle.append(entry, to: &bytes)
        tree.append(.leaf(entry))
        try builder.append(.leaf(entry), write)
      }
      try write(bytes, bundle.path)
    }
    try builder.finish(write)
    let checkpoint = SignedCheckpoint(size: size, root: tree.root, signer: fixture.signer)
    try TileDirectory(folder.url).keep(checkpoint)
    var given = Case(key: fixture.signer.verifierKey.text, folder: folder.url.path)
    for position in [0, 65_535, 65_536, size - 1] {
      given.inclusion.append(
        .init(position: position, proof: tree.inclusionProof(of: position, in: size).map(\.data)))
    }
    for from in [1, 65_535, 65_536, 65_537, size] {
      given.consistency.append(
        .init(
          from: from, from_root: tree.root(at: from).data,
          proof: tree.consistencyProof(from: from, to: size).map(\.data)))
    }
    let oracle = try await Oracle()
    let verdict = try await oracle.judge(given)
    #expect(verdict.isGood, "\(verdict.output)")
  }

  @Test("L6: the oracle can say no")
  func refuses() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(try fixture.envelope(.addAll(Array(repeating: 1, count: 300))))
    let oracle = try await Oracle()
    let folder = TemporaryFolder()
    let key = fixture.signer.verifierKey
    let checkpoint = try await writer.download(to: folder.url, key: key)
    try TileDirectory(folder.url).keep(checkpoint)
    let proof = try await writer.inclusionProof(of: 7, in: 300).hashes
    await writer.shutdown()
    func isGood(_ change: (inout Case) -> Void) async throws -> Bool {
      var given = Case(key: key.text, folder: folder.url.path)
      change(&given)
      return try await oracle.judge(given).isGood
    }
    #expect(try await isGood { $0.inclusion = [.init(position: 7, proof: proof)] })
    #expect(try await !isGood { $0.inclusion = [.init(position: 8, proof: proof)] })
    #expect(try await !isGood { $0.inclusion = [.init(position: 7, proof: proof.dropLast())] })
    let other = try LogFixture().signer.verifierKey
    #expect(try await !oracle.judge(Case(key: other.text, folder: folder.url.path)).isGood)
    let file = folder.url.appendingPathComponent("tile/entries/001.p/44")
    var bundle = try Data(contentsOf: file)
    bundle[bundle.count - 1] ^= 1
    try bundle.write(to: file)
    #expect(try await !isGood { _ in })
  }
}

/// The oracle, built once a test.
private struct Oracle {
  struct Verdict {
    let isGood: Bool
    let output: String
  }

  private let folder = TemporaryFolder()
  private var program: URL { folder.url.appendingPathComponent("tlog") }

  /// - Throws: when Debian's golang-go and golang-golang-x-mod-dev are not installed; `make test` installs them.
  init() async throws {
    try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Oracles/tlog/main.go")
    let cache = FileManager.default.temporaryDirectory.appendingPathComponent("frame-oracle-cache")
    let built = try await Self.run(
      ["go", "build", "-o", program.path, source.path], input: Data(),
      environment: ["GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOCACHE": cache.path])
    guard built.isGood else { throw LogError.storage("the oracle cannot be built: \(built.output)") }
  }

  func judge(_ given: some Encodable) async throws -> Verdict {
    try await Self.run([program.path], input: try JSONEncoder().encode(given), environment: [:])
  }

  /// Waits without holding a thread of the cooperative pool.
  private static func run(_ command: [String], input: Data, environment: [String: String]) async throws -> Verdict {
    let folder = TemporaryFolder()
    try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
    let (stdin, stdout) = (folder.url.appendingPathComponent("in"), folder.url.appendingPathComponent("out"))
    try input.write(to: stdin)
    try Data().write(to: stdout)
    let output = try FileHandle(forWritingTo: stdout)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = try FileHandle(forReadingFrom: stdin)
    process.standardOutput = output
    process.standardError = output
    let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
      process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch {
        process.terminationHandler = nil
        done.resume(throwing: error)
      }
    }
    return Verdict(isGood: status == 0, output: try String(contentsOf: stdout, encoding: .utf8))
  }
}
