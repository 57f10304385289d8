import Foundation
import Testing

extension EndToEnd {
  /// The SPIFFE Workload API of a running node, as a client sees it that is not ours.
  @Suite("Workload API")
  struct WorkloadAPITests {
    private static let python = ProcessInfo.processInfo.environment["FRAME_TEST_PYTHON"] ?? "python3"

    /// PyPI `spiffe`, unmodified: fetches and validates everything, then waits until it was pushed another authority's SVID
    /// and a token of another key.
    private static let client = """
      import sys, threading
      from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
      from spiffe import JwtSource, JwtSvid, SpiffeId, TrustDomain, WorkloadApiClient, X509Source

      socket, expected = sys.argv[1], sys.argv[2]
      domain = TrustDomain("frame-w.example")

      def issuer(svid, bundle):
          public = svid.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
          assert public == svid.leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
          for authority in bundle.x509_authorities:
              try:
                  svid.leaf.verify_directly_issued_by(authority)
                  return authority.fingerprint(authority.signature_hash_algorithm)
              except Exception:
                  pass
          raise AssertionError("no authority of the bundle issued the SVID")

      with WorkloadApiClient(socket) as client:
          assert str(client.fetch_x509_svid().spiffe_id) == expected
          assert [str(s.spiffe_id) for s in client.fetch_x509_svids()] == [expected]
          assert client.fetch_x509_bundles().get_bundle_for_trust_domain(domain) is not None
          assert client.fetch_jwt_bundles().get_bundle_for_trust_domain(domain) is not None
          svid = client.fetch_jwt_svid(audience={"shop"}, subject=SpiffeId(expected))
          assert str(client.validate_jwt_svid(svid.token, "shop").spiffe_id) == expected
          for token, audience in ((svid.token, "bank"), (svid.token[:-4] + "AAAA", "shop")):
              try:
                  client.validate_jwt_svid(token, audience)
              except Exception:
                  continue
              raise AssertionError("accepted what must be refused")

      changed = threading.Event()
      with X509Source(socket_path=socket, timeout_in_seconds=30) as x509, \\
              JwtSource(socket_path=socket, timeout_in_seconds=30) as jwt:
          first = issuer(x509.svid, x509.get_bundle_for_trust_domain(domain))
          keys = set(jwt.get_bundle_for_trust_domain(domain).jwt_authorities)
          x509.subscribe_for_updates(changed.set)
          jwt.subscribe_for_updates(changed.set)
          print("READY", flush=True)
          while True:
              now = issuer(x509.svid, x509.get_bundle_for_trust_domain(domain))
              bundle = jwt.get_bundle_for_trust_domain(domain)
              new = set(bundle.jwt_authorities) - keys
              if now != first and new:
                  token = jwt.fetch_svid(audience={"shop"}).token
                  JwtSvid.parse_and_validate(token, bundle, {"shop"})
                  break
              assert changed.wait(60), "nothing was pushed"
              changed.clear()
      print("ROTATED", flush=True)
      """

    @Test("S9, S10: an unmodified Python client gets its identity from the socket, and keeps it through a rotation")
    func python() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wl-\(UUID().uuidString.prefix(8))")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-w.example", currency: "WVT", person: "wanda", in: folder.appendingPathComponent("w"))
      try await frame.start()
      let socket = "unix://" + frame.folder.appendingPathComponent("workload.sock").path
      let id = "spiffe://frame-w.example/agent/wanda"
      let script = folder.appendingPathComponent("client.py")
      try Data(Self.client.utf8).write(to: script)

      // Nobody is anybody before there is an entry.
      let stranger = try await Finished.run(
        "/usr/bin/env", [Self.python, script.path, socket, id], within: .seconds(60))
      #expect(stranger.status != 0 && stranger.errors.lowercased().contains("permission"), "\(stranger.errors)")

      let entry = try await frame.command("entry", "create", "/agent/wanda", "--selector", "unix:uid:\(getuid())")
      #expect(entry["spiffe_id"].string == id)
      let output = folder.appendingPathComponent("client.log")
      let client = try RunningProcess("/usr/bin/env", [Self.python, script.path, socket, id], output: output)
      func said(_ word: String) async throws {
        try await Wait.polling.until("the client saying \(word)", within: .seconds(90)) {
          try String(contentsOf: output, encoding: .utf8).contains(word) || client.status != nil
        }
        #expect(try String(contentsOf: output, encoding: .utf8).contains(word), "\(client.tail)")
      }
      try await said("READY")
      for kind in ["x509", "jwt"] {
        try await frame.command("authority", "prepare", "--kind", kind)
        try await frame.command("authority", "activate", "--kind", kind, "--force")
      }
      try await said("ROTATED")
      #expect(try await Wait.polling.eventually("the client ending") { client.status } == 0, "\(client.tail)")

      let shown = try await frame.command("authority", "show")
      #expect(shown["sequence"].number == 5 && shown["unlogged"].number == 0)
      #expect(shown["x509"]["keys"].array.map { $0["state"].string } == ["active", "old"])
      let old = try #require(shown["x509"]["keys"].array.last?["id"].string)
      try await frame.command("authority", "taint", "--kind", "x509", "--id", old)
      try await frame.command("authority", "revoke", "--kind", "x509", "--id", old)
      let types = try await frame.get("/api/v1/log/events?limit=1000")["events"].array.compactMap { $0["type"].string }
      #expect(
        types.filter { $0.hasPrefix("Authority") } == [
          "AuthorityPrepared", "AuthorityActivated", "AuthorityPrepared", "AuthorityActivated", "AuthorityTainted",
          "AuthorityRevoked",
        ])
      let metrics = try await frame.metrics()
      #expect(metrics.value("frame_authority_changes_total", ["kind": "x509", "action": "activated"]) == 1)
      #expect((metrics.value("frame_workload_api_updates_total", ["method": "FetchX509SVID"]) ?? 0) >= 3)
      try await frame.command("entry", "delete", try #require(entry["entry_id"].string))
      #expect(try await frame.command("entry", "list")["entries"].array.isEmpty)
      try await frame.stop()
    }

    /// PyPI `spiffe`: an X.509-SVID, and a token for the audience that is asked for, printed.
    private static let identity = """
      import sys
      from spiffe import WorkloadApiClient

      socket, expected, audience = sys.argv[1:4]
      with WorkloadApiClient(socket) as client:
          assert str(client.fetch_x509_svid().spiffe_id) == expected
          svid = client.fetch_jwt_svid(audience={audience})
          assert str(svid.spiffe_id) == expected
          print(svid.token)
      """

    @Test("S9: an operator's own process gets the operator's SVIDs from the socket, as long as the operator stands")
    func operators() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("op-\(UUID().uuidString.prefix(8))")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let frame = try await TestFrame(
        name: "frame-o.example", currency: "OVT", person: "olga", in: folder.appendingPathComponent("o"))
      try await frame.start()
      let script = folder.appendingPathComponent("identity.py")
      try Data(Self.identity.utf8).write(to: script)
      let id = try #require(try await frame.command("operator", "add", "acme")["spiffe_id"].string)
      try await frame.command("entry", "create", "/operator/acme", "--selector", "unix:uid:\(getuid())")
      func ask() async throws -> Finished {
        let socket = "unix://" + frame.folder.appendingPathComponent("workload.sock").path
        return try await Finished.run(
          "/usr/bin/env", [Self.python, script.path, socket, id, "spiffe://frame-o.example/api"], within: .seconds(60))
      }
      func status(_ token: String) async throws -> Int {
        try await HTTP.get(frame.api + "/api/v1/operators/acme", token: token).status
      }
      let first = try await ask()
      #expect(first.status == 0, "\(first.errors)")
      let token = first.output.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(try await status(token) == 200)
      try await frame.command("operator", "suspend", "acme", "--reason", "a test")
      let suspended = try await ask()
      #expect(suspended.status != 0 && suspended.errors.lowercased().contains("permission"), "\(suspended.errors)")
      #expect(try await status(token) == 403)
      try await frame.command("operator", "resume", "acme")
      let resumed = try await ask()
      #expect(resumed.status == 0, "\(resumed.errors)")
      try await frame.stop()
    }

    @Test("S16: a frame whose keys are sealed starts with the passphrase, and says what is missing without it")
    func sealed() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seal-\(UUID().uuidString.prefix(8))")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let secret = folder.appendingPathComponent("secret")
      try Data("correct horse battery\n".utf8).write(to: secret)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: secret.path)
      let data = folder.appendingPathComponent("s").path
      let made = try await Finished.run(
        Binary.frame(),
        [
          "init", "--frame-id", "frame-s.example", "--currency", "SVT", "--data", data, "--seal-passphrase-file",
          secret.path,
        ])
      #expect(made.status == 0, "\(made.errors)")
      let key = try String(contentsOfFile: data + "/keys/log.key", encoding: .utf8)
      #expect(key.contains("FRAME SEALED KEY") && !key.contains("PRIVATE KEY"))
      // Every command that loads keys opens the seal; none is there to answer, which comes after it.
      let opened = try await Finished.run(Binary.frame(), ["agent", "list", "--data", data])
      #expect(opened.errors.contains("[node_unreachable]"), "\(opened.errors)")
      try Data("another passphrase\n".utf8).write(to: secret)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: secret.path)
      let wrong = try await Finished.run(Binary.frame(), ["agent", "list", "--data", data])
      #expect(wrong.status > 1 && wrong.errors.contains("[key_seal_wrong_secret]"), "\(wrong.errors)")
      try Data("correct horse battery\n".utf8).write(to: secret)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: secret.path)
      let unsealed = try await Finished.run(Binary.frame(), ["authority", "unseal", "--data", data])
      #expect(unsealed.status == 0, "\(unsealed.errors)")
      #expect(try String(contentsOfFile: data + "/keys/log.key", encoding: .utf8).contains("FRAME LOG PRIVATE KEY"))
      let missing = try await Finished.run(Binary.frame(), ["agent", "list", "--data", data])
      #expect(missing.errors.contains("[key_seal_missing]"), "\(missing.errors)")
      let sealed = try await Finished.run(Binary.frame(), ["authority", "seal", "--data", data])
      #expect(sealed.status == 0, "\(sealed.errors)")
    }
  }
}
