import Testing

extension EndToEnd {
  @Suite("A mesh of four frames")
  struct MeshTests {
    @Test(
      "every pair pays over both backends by a treaty of its own; one pair parts and the others go on",
      .timeLimit(.minutes(4)))
    func mesh() async throws {
      try await FourFrames.run { four in
        try await four.payAll(four.pairs, key: "first")
        let (a, b) = (four.frames[0], four.frames[1])
        var treaties: Set<String> = []
        for (from, to) in four.pairs {
          let texts = [
            try await from.get("/api/v1/peers/\(to.name)/treaty")["document"].string,
            try await to.get("/api/v1/peers/\(from.name)/treaty")["document"].string,
          ]
          #expect(texts[0] == texts[1] && texts[0] != nil)
          treaties.insert(texts[0] ?? "")
        }
        #expect(treaties.count == 6)

        #expect(try await a.post("/api/v1/peers/\(b.name)/revoke", ["reason": "we part"]).status == 200)
        try await four.expect("revoked", a, b)
        for (from, to) in [(a, b), (b, a)] {
          for backend in ["async", "2pc"] {
            let refused = try await four.pay(from, to, backend, key: "after")
            #expect((400..<500).contains(refused.status), "\(refused.text)")
            #expect(try refused.json()["code"].string == "treaty_not_established")
          }
        }
        let others = four.pairs.filter { !($0.0.name == a.name && $0.1.name == b.name) }
        #expect(others.count == 5)
        try await four.payAll(others, key: "second")
        for frame in four.frames {
          let audit = try await frame.audit()
          #expect(audit["clean"].bool == true, "\(frame.name): \(audit["problems"])")
          #expect(audit["supply"]["delta"].string == "0.00")
          // Each paid and received the same number of times.
          #expect(try await frame.balance(frame.person) == 1_000_00)
        }
      }
    }
  }
}
