import Foundation
import FrameAPI
import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("The log over the API")
struct LogRoutesTests {
  @Test("events are read in pages, gap-free and in order")
  func paging() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob", "carol")
        let size = try #require(try await api.get("/api/v1/log/events").expect(200).json["size"].integer)
        #expect(size == 11, "the founding, the canary's agent, and three events for each agent")
        for limit in [1, 3, 1000] {
          var positions: [Int64] = []
          while positions.count < Int(size) {
            let page = try await api.get("/api/v1/log/events?from=\(positions.count)&limit=\(limit)").expect(200).json
            let events = page["events"].array
            #expect(!events.isEmpty && events.count <= limit)
            guard !events.isEmpty else { break }
            positions += events.compactMap { $0["position"].integer }
          }
          #expect(positions == Array(0..<size))
        }
        let first = try await api.get("/api/v1/log/events?limit=1").expect(200).json["events"].array
        #expect(first.first?["type"] == "FrameFounded")
        #expect(try await api.get("/api/v1/log/events?from=\(size)").expect(200).json["events"] == [])
        #expect(try await api.get("/api/v1/log/events?from=\(Int64.max)").expect(200).json["events"] == [])
        for query in ["limit=0", "limit=1001", "limit=x", "from=-1", "from=18446744073709551616", "from=1e3", "limit="]
        {
          try await api.get("/api/v1/log/events?\(query)").expectProblem(400, "invalid_query")
        }
      }
    }
  }

  @Test("postings in the event view sum to zero and amounts are whole minor units")
  func postings() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", amount: "92233720368547758.07")
        for event in try await api.get("/api/v1/log/events").expect(200).json["events"].array {
          let amounts = event["postings"].array.compactMap { $0["minor_units"].integer }
          #expect(amounts.count == event["postings"].array.count)
          #expect(amounts.reduce(0, +) == 0)
        }
        #expect(try await api.balance("alice") == "92233720368547758.07")
      }
    }
  }

  @Test("L3: an attestation from the API verifies with the log's published key, and any change breaks it")
  func attestation() async throws {
    try await NodeFixture.with { fixture in
      let (alice, bob) = (try await fixture.agent("alice"), try await fixture.agent("bob"))
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let receipt = try await api.post(
          "/api/v1/transfers", ["to": "bob", "amount": "2.00"], key: "k", token: alice
        ).expect(200).json
        let position = try #require(receipt["position"].integer)
        let answer = try await api.get("/api/v1/log/attestations/\(position)", token: alice).expect(200).json
        #expect(answer["event_type"] == "TokensTransferred")
        let text = try await api.get("/api/v1/frame").expect(200).json["log_verifier_key"].string
        let key = try LogVerifierKey(try #require(text))
        let proof = try #require(Data(base64Encoded: answer["proof"].string ?? ""))
        let recorded = try AttestationVerifier.verify(try PBAttestation(serializedBytes: proof), key: key)
        #expect(recorded.position == UInt64(position))
        #expect(recorded.event.actor == "spiffe://frame-a.example/agent/alice")

        var changed = try PBAttestation(serializedBytes: proof)
        changed.event[changed.event.startIndex] ^= 1
        let broken = changed
        #expect(throws: LogError.self) { try AttestationVerifier.verify(broken, key: key) }

        try await api.get("/api/v1/log/attestations/\(position)").expect(200)
        try await api.get("/api/v1/log/attestations/\(position)", token: bob).expectProblem(403, "not_your_event")
        try await api.get("/api/v1/log/attestations/999").expectProblem(404, "no_such_position")
        for text in ["x", "-1", "1.5", "18446744073709551616"] {
          try await api.get("/api/v1/log/attestations/\(text)").expectProblem(400, "invalid_position")
        }
      }
    }
  }

  @Test("L3: the checkpoint is a signed note of this log, of its present size")
  func checkpoint() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice")
        let note = try await api.get("/api/v1/log/checkpoint", token: .some(nil)).expect(200)
        let key = try LogVerifierKey(
          try #require(try await api.get("/api/v1/frame").json["log_verifier_key"].string))
        let signed = try AttestationVerifier.verify(checkpoint: Data(note.bytes), key: key)
        #expect(signed.size == fixture.node.writer.durableSize())
        #expect(signed.origin == "frame-a.example")
      }
    }
  }

  @Test("B22: after a mix of commands the audit is clean and the supply equation holds")
  func audit() async throws {
    try await NodeFixture.with("fees: {basis_points: 250, fixed: \"0.01\"}") { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob", "carol", amount: "1000.00")
        try await api.post("/api/v1/issue", ["amount": "500.00"], key: "i").expect(200)
        try await api.post("/api/v1/burn", ["amount": "123.45"], key: "b").expect(200)
        let names = ["alice", "bob", "carol"]
        for index in 0..<60 {
          let body: JSON = [
            "from": .string(names[index % 3]), "to": .string(names[(index + 1 + index % 2) % 3]),
            "amount": .string("\(1 + index % 7).\(index % 10)"),
          ]
          let answer = try await api.post("/api/v1/transfers", body, key: "t\(index)")
          #expect(answer.status == 200, "\(answer.text)")
        }
        let audit = try await api.post("/api/v1/audit", [:]).expect(200).json
        #expect(audit["clean"] == true)
        #expect(audit["problems"] == [])
        #expect(audit["position"].integer == Int64(fixture.node.writer.durableSize()))
        let supply = audit["supply"]
        func units(_ value: JSON) throws -> Int64 { try Amount(value.string ?? "", scale: 2).minorUnits }
        let parts = try ["circulating", "staked", "held", "fees", "treasury"].map { try units(supply[$0]) }
        let byPeer = try ["locked_for_bridge", "clearing"].flatMap { try supply[$0].fields.values.map(units) }
        #expect(try units(supply["issued"]) == (parts + byPeer).reduce(0, +))
        #expect(supply["issued"] == "3376.55")
        #expect(supply["delta"] == "0.00")
        #expect(try units(supply["fees"]) > 0)
        let latest = try await api.get("/api/v1/supply").expect(200).json
        #expect(latest["supply"] == supply)
      }
    }
  }

  @Test("names that are data are written as they are, names of fields in snake case")
  func names() throws {
    struct View: Encodable {
      let lockedForBridge: AuditView.ByName
    }
    let view = View(lockedForBridge: .init(amounts: ["AVT@frame-a.example": "1.00", "someName": "2.00"]))
    let text = String(decoding: try APIEncoding.encode(view), as: UTF8.self)
    #expect(text == #"{"locked_for_bridge":{"AVT@frame-a.example":"1.00","someName":"2.00"}}"#)
  }
}
