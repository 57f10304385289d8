import Foundation
import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("What a proof of one event tells of the others")
struct LeafPrivacyTests {
  @Test(
    "L4: whoever holds the proof of one event learns nothing of its neighbours but hashes, and no way leads to more")
  func neighbours() async throws {
    let secret = "for the lawyer, in confidence"
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        func transfer(_ from: String, _ to: String, _ memo: String) async throws -> Int64 {
          let answer = try await api.post(
            "/api/v1/transfers",
            ["from": .string(from), "to": .string(to), "amount": "1.00", "memo": .string(memo)],
            key: "k-\(from)-\(memo.utf8.count)",
            token: try await fixture.agent(from)
          ).expect(200)
          return try #require(answer.json["position"].integer)
        }
        let before = try await transfer("bob", "alice", secret)
        let own = try await transfer("alice", "bob", "mine")
        let after = try await transfer("bob", "alice", secret + " again")
        #expect(own == before + 1 && after == own + 1)

        let answer = try await api.get("/api/v1/log/attestations/\(own)", token: alice).expect(200)
        let bytes = try #require(Data(base64Encoded: answer.json["proof"].string ?? ""))
        #expect(bytes.range(of: Data(secret.utf8)) == nil)
        #expect(bytes.range(of: Data("mine".utf8)) != nil)
        let attestation = try PBAttestation(serializedBytes: bytes)
        #expect(!attestation.proof.isEmpty && attestation.proof.allSatisfy { $0.count == 32 })
        _ = try AttestationVerifier.verify(attestation, key: fixture.node.signer.verifierKey)

        for position in [before, after] {
          try await api.get("/api/v1/log/attestations/\(position)", token: alice)
            .expectProblem(403, "not_your_event")
        }
        let size = try await fixture.node.writer.checkpoint().size
        try await api.get("/log/tile/entries/000.p/\(size)", token: alice).expectProblem(403, "not_authority")
        try await api.get("/api/v1/log/events", token: alice).expectProblem(403, "not_authority")
        let hashes = try await api.get("/log/tile/0/000.p/\(size)", token: .some(nil)).expect(200)
        #expect(hashes.bytes.count == 32 * Int(size))
        #expect(Data(hashes.bytes).range(of: Data(secret.utf8)) == nil)
      }
    }
  }
}
