import Foundation
import Testing

extension EndToEnd {
  @Suite("backup, restore and witnesses")
  struct BackupTests {
    @Test(
      "L5, B20: peers witness each other; a node restored from an older backup does not serve, one from the newest does",
      .timeLimit(.minutes(3)))
    func restored() async throws {
      try await TwoFrames.run { two in
        try await two.transfer(two.a, two.b, "async")
        for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
          try await Wait.polling.until("\(peer.name) cosigning the log of \(frame.name)", within: .seconds(60)) {
            let note = try await HTTP.get(frame.api + "/log/cosigned")
            return note.status == 200 && note.text.contains("\u{2014} \(peer.name)/witness ")
          }
        }
        let older = two.folder.appendingPathComponent("older")
        let made = try await two.a.command("backup", "--to", older.path)
        #expect(made["has_keys"].bool == false)
        let size = try #require(made["size"].number)

        // More that B sees, and witnesses.
        try await two.transfer(two.a, two.b, "async")
        try await Wait.polling.until("B witnessing more", within: .seconds(60)) {
          (try await two.b.get("/api/v1/peers/\(two.a.name)/witness")["witnessed_size"].number ?? 0) > size + 1
        }
        let published = two.folder.appendingPathComponent("published")
        try Data(try await HTTP.get(two.b.api + "/witness/\(try await originHash(two))/checkpoint").text.utf8)
          .write(to: published)
        try await two.a.stop()
        let newest = two.folder.appendingPathComponent("newest")
        try await two.a.command("backup", "--to", newest.path, "--with-keys")

        // The first data folder is lost; its keys are kept elsewhere.
        let keys = two.folder.appendingPathComponent("keys")
        try FileManager.default.moveItem(at: two.a.folder.appendingPathComponent("keys"), to: keys)
        try FileManager.default.removeItem(at: two.a.folder)

        // What was published says that the older backup is behind.
        let refused = try await Finished.run(
          Binary.frame(),
          [
            "restore", "--from", older.path, "--data", two.a.folder.path, "--keys", keys.path, "--published",
            published.path,
          ])
        #expect(refused.status > 1)
        #expect(refused.errors.contains("backup_behind_checkpoint"), "\(refused.errors)")

        // Without it, the witness says so: the node serves nothing, says why, and waits to be told to end (issue 8, R3).
        try await two.a.run(
          "restore", "--from", older.path, "--data", two.a.folder.path, "--keys", keys.path)
        try two.a.launch()
        try await Wait.polling.until("the reason in /readyz", within: .seconds(60)) {
          guard let answer = try? await HTTP.get(two.a.ops + "/readyz") else { return false }
          return answer.status == 503 && String(decoding: answer.body, as: UTF8.self).contains("log_behind_witness: ")
        }
        #expect(try await two.a.metrics().value("frame_log_behind_witness_events") ?? 0 > 0)
        #expect(try await two.a.metrics().value("frame_ready") == 0)
        #expect((try? await HTTP.get(two.a.api + "/api/v1/frame")) == nil, "nothing is served")
        // Whoever asks is not told to start what is running, but why it does not answer.
        let asked = try await Finished.run(
          Binary.frame(), ["agent", "list", "--data", two.a.folder.path, "--json"])
        #expect(asked.status == 69 && asked.errors.contains("\"node_not_ready\""), "\(asked.errors)")
        #expect(asked.errors.contains("log_behind_witness: "), "\(asked.errors)")
        #expect(try await two.a.end() != 0)

        try FileManager.default.removeItem(at: two.a.folder)
        try await two.a.run("restore", "--from", newest.path, "--data", two.a.folder.path)
        try await two.a.start()
        try await two.transfer(two.a, two.b, "async")
        try await two.settle()
        try await two.expectSound()
      }
    }

    @Test(
      "B19, B20: an older copy that nobody restored serves nothing while a peer is there; one that went on shows two histories",
      .timeLimit(.minutes(3)))
    func copied() async throws {
      try await TwoFrames.run { two in
        try await two.transfer(two.a, two.b, "async")
        try await two.a.stop()
        let (folder, copy) = (two.a.folder, two.folder.appendingPathComponent("copy"))
        try FileManager.default.copyItem(at: folder, to: copy)
        try await two.a.start()
        let size = try #require(try await two.a.metrics().value("frame_log_size_events"))
        try await two.transfer(two.a, two.b, "async")
        func witnessed() async throws -> Double {
          try await two.b.get("/api/v1/peers/\(two.a.name)/witness")["witnessed_size"].number ?? 0
        }
        try await Wait.polling.until("B witnessing more", within: .seconds(60)) { try await witnessed() > size + 1 }
        try await two.a.stop()

        // A copy by hand: there is no mark that it was restored.
        try FileManager.default.removeItem(at: folder)
        try FileManager.default.copyItem(at: copy, to: folder)
        func expectStill(_ code: String) async throws {
          let before = two.a.wholeLog.count
          try two.a.launch()
          try await Wait.polling.until("\(code) in /readyz", within: .seconds(60)) {
            guard let answer = try? await HTTP.get(two.a.ops + "/readyz") else { return false }
            return answer.status == 503 && String(decoding: answer.body, as: UTF8.self).contains(code + ": ")
          }
          #expect((try? await HTTP.get(two.a.api + "/api/v1/frame")) == nil, "nothing is served")
          #expect(!two.a.wholeLog.dropFirst(before).contains("The frame is ready"), "nothing was")
        }
        try await expectStill("log_behind_witness")
        #expect(try await two.a.end() != 0)

        // Told to, it goes on, beyond what B has: from then on there are two histories, and no number tells.
        try await two.a.start(options: ["--accept-fork"])
        for number in 0..<Int(try await witnessed() - size) + 3 {
          #expect(try await two.a.post("/api/v1/issue", ["amount": "1.00"], key: "fork-\(number)").status == 200)
        }
        try await two.a.stop()
        try await expectStill("log_has_two_histories")
        #expect(try await two.a.metrics().value("frame_log_forked") == 1)
        #expect(try await two.a.end() != 0)
      }
    }

    private func originHash(_ two: TwoFrames) async throws -> String {
      let result = try await Finished.run("/bin/sh", ["-c", "printf %s \(two.a.name) | sha256sum | cut -c1-64"])
      return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
