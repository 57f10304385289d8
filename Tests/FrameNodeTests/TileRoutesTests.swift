import Foundation
import FrameCore
import FrameEvents
import FrameLog
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("The log as tiles over the API")
struct TileRoutesTests {
  /// A log of more than 256 events.
  private static func fill(_ fixture: NodeFixture) async throws -> UInt64 {
    let node = fixture.node
    let envelopes = (0..<300).map { number in
      let command = NodeCommand.ledger(.issue(Amount(minorUnits: 1), memo: ""))
      return CommandEnvelope(
        command, actor: .authority(of: fixture.frame), key: IdempotencyKey(derived: "fill/\(number)"),
        digest: command.digest)
    }
    for result in await node.writer.submit(contentsOf: envelopes) { _ = try result.get() }
    return try await node.writer.checkpoint().size
  }

  @Test("L4: checkpoint and hash tiles are for anyone, full tiles for ever, the rest to be asked for again")
  func open() async throws {
    try await NodeFixture.with { fixture in
      let size = try await Self.fill(fixture)
      try await fixture.api { api in
        let note = try await api.get("/log/checkpoint", token: .some(nil)).expect(200)
        #expect(note.header("content-type") == "text/plain; charset=utf-8")
        #expect(note.header("cache-control") == "no-cache")
        #expect(note.text.hasPrefix("frame-a.example\n\(size)\n"))
        let full = try await api.get("/log/tile/0/000", token: .some(nil)).expect(200)
        #expect(full.bytes.count == 8_192)
        #expect(full.header("content-type") == "application/octet-stream")
        #expect(full.header("cache-control") == "public, max-age=31536000, immutable")
        let partial = try await api.get("/log/tile/0/001.p/\(size - 256)", token: .some(nil)).expect(200)
        #expect(partial.bytes.count == 32 * Int(size - 256))
        #expect(partial.header("cache-control") == "no-cache")
        try await api.get("/log/tile/1/000.p/1", token: .some(nil)).expect(200)
        try await api.send(.head, "/log/tile/0/000", authorization: .some(nil)).expect(200)
      }
    }
  }

  @Test("entry bundles are for the authority alone, and no cache may show them to others")
  func entries() async throws {
    try await NodeFixture.with { fixture in
      _ = try await Self.fill(fixture)
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        let bundle = try await api.get("/log/tile/entries/000").expect(200)
        #expect(EntryBundle.entries(Data(bundle.bytes))?.count == 256)
        #expect(bundle.header("cache-control") == "private, max-age=31536000, immutable")
        #expect(try await api.get("/log/tile/entries/001.p/3").expect(200).header("cache-control") == "no-cache")
        for path in ["000", "001.p/3", "x", "999"] {
          let refused = try await api.get("/log/tile/entries/\(path)", token: .some(nil))
            .expectProblem(401, "unauthenticated")
          #expect(refused.header("cache-control") == "no-store")
          try await api.get("/log/tile/entries/\(path)", token: alice).expectProblem(403, "not_authority")
        }
        // Other spellings of the path lead to no entries either.
        for path in [
          "//log/tile/entries/000", "/log//tile/entries/000", "/log/tile//entries/000", "/log/tile/%65ntries/000",
        ] {
          let answer = try await api.get(path, token: .some(nil))
          #expect((400..<500).contains(answer.status), "\(path): \(answer.status)")
        }
      }
    }
  }

  @Test("paths that are no tile, and tiles that are not there, are problem documents that no cache keeps")
  func problems() async throws {
    try await NodeFixture.with { fixture in
      let size = try await Self.fill(fixture)
      try await fixture.api { api in
        for path in [
          "0/0", "00/000", "64/000", "x/000", "0/x000/001", "0/000.p/0", "0/000.p/256", "0/000.p/08", "0/000/001",
          "0/%30%30%30", "0/x001", "-1/000", "0/000.p/1/2",
        ] {
          let answer = try await api.get("/log/tile/\(path)", token: .some(nil)).expectProblem(400, "invalid_tile_path")
          #expect(answer.header("cache-control") == "no-store")
        }
        for path in [
          "0/002", "0/001", "0/001.p/\(size - 255)", "1/000", "1/000.p/2", "2/000.p/1", "63/000", "0/x999/999",
        ] {
          let answer = try await api.get("/log/tile/\(path)", token: .some(nil)).expectProblem(404, "no_such_tile")
          #expect(answer.header("cache-control") == "no-store")
        }
        try await api.get("/log/tile/entries/0").expectProblem(400, "invalid_tile_path")
        try await api.get("/log/tile/entries/999").expectProblem(404, "no_such_tile")
        let posted = try await api.post("/log/tile/0/000", [:]).expectProblem(405, "method_not_allowed")
        #expect(posted.header("allow") == "GET, HEAD")
        let text = Exposition.text(fixture.registry)
        #expect(text.contains(#"frame_log_tile_requests_total{code="404",kind="hashes"} 8"#))
        #expect(text.contains(#"frame_log_tile_requests_total{code="400",kind="entries"} 1"#))
        #expect(text.contains(#"frame_log_tile_requests_total{code="200",kind="checkpoint"} 0"#))
      }
    }
  }

  @Test("L6: an auditor with nothing but the API and the key verifies the whole log")
  func download() async throws {
    try await NodeFixture.with { fixture in
      let size = try await Self.fill(fixture)
      let folder = fixture.folder.appendingPathComponent("copy")
      let key = fixture.node.signer.verifierKey
      try await fixture.api { api in
        let copy = TileDirectory(folder)
        let checkpoint = try await copy.download(key: key, entries: true) { path in
          Data(try await api.get("/log/\(path)").expect(200).bytes)
        }
        let report = try copy.verify(checkpoint)
        #expect(report.size == size && report.entries == size)
      }
    }
  }

  @Test("L1: proofs from the API hold, and are for the authority")
  func proofs() async throws {
    try await NodeFixture.with { fixture in
      let size = try await Self.fill(fixture)
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        let path = "/api/v1/log/proofs/inclusion"
        let newest = try await api.get("\(path)?position=7").expect(200).json
        #expect(newest["size"].integer == Int64(size))
        let note = try #require(newest["checkpoint"].string)
        let checkpoint = try AttestationVerifier.verify(
          checkpoint: Data(note.utf8), key: fixture.node.signer.verifierKey)
        func hash(_ value: JSON) throws -> MerkleHash {
          try #require(Data(base64Encoded: value.string ?? "").flatMap { MerkleHash($0) })
        }
        let root = MerkleProof.root(
          leaf: try hash(newest["leaf"]), index: 7, size: size, proof: try newest["proof"].array.map(hash))
        #expect(root?.data == checkpoint.root)
        let older = try await api.get("\(path)?position=7&size=9").expect(200).json
        #expect(older["checkpoint"] == .null)
        let growth = try await api.get("/api/v1/log/proofs/consistency?from=9").expect(200).json
        #expect(growth["from_root"] == older["root"] && growth["to_root"] == newest["root"])
        #expect(
          MerkleProof.isConsistent(
            first: 9, firstRoot: try hash(growth["from_root"]), second: size, secondRoot: try hash(growth["to_root"]),
            proof: try growth["proof"].array.map(hash)))

        try await api.get(path).expectProblem(400, "invalid_query")
        try await api.get("\(path)?position=x").expectProblem(400, "invalid_query")
        try await api.get("\(path)?position=7&size=7").expectProblem(404, "no_such_position")
        try await api.get("\(path)?position=7&size=\(size + 1)").expectProblem(404, "no_such_position")
        try await api.get("/api/v1/log/proofs/consistency?from=9&to=8").expectProblem(404, "no_such_position")
        try await api.get("\(path)?position=7", token: alice).expectProblem(403, "not_authority")
        try await api.get("\(path)?position=7", token: .some(nil)).expectProblem(401, "unauthenticated")
      }
    }
  }
}
