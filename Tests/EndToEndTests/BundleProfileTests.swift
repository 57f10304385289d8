import Foundation
import Testing

extension EndToEnd {
  @Suite("Bundle endpoint profiles")
  struct BundleProfileTests {
    @Test(
      "S6: https_web is served and consumed: Web PKI vouches for the endpoint, there is no fall-back to or from https_spiffe, and a renewed certificate is presented without a restart",
      .timeLimit(.minutes(3)))
    func webProfile() async throws {
      let two = try await TwoFrames([(nil, "bundle_refresh_seconds", "1")])
      defer { try? FileManager.default.removeItem(at: two.folder) }
      let roots = try await WebRoots(in: two.folder)
      try await roots.issue("good", by: "ours")
      try roots.present("good")
      try two.b.configure([
        (
          "bundle", "profile",
          "https_web\n  certificate: \(roots.certificate)\n  private_key: \(roots.key)"
        )
      ])
      try two.a.configure([("bundle", "profile", "https_spiffe\n  additional_roots: \(roots.root("ours"))")])
      do {
        for frame in two.frames { try await frame.start() }
        try await expectNoFallBack(two)
        try await establish(two)
        try await expectRefreshes(two, "the bundle is fetched by Web PKI")
        try await expectRenewal(two, roots)
        for frame in two.frames { try await frame.stop() }
      } catch {
        for frame in two.frames { try? await frame.killNow() }
        throw error
      }
    }

    private func invite(_ from: TestFrame, _ to: TestFrame, _ profile: String?) async throws -> Finished {
      let options = profile.map { ["--profile", $0] } ?? []
      return try await Finished.run(
        Binary.frame(),
        [
          "peer", "invite", "--trust-domain", to.name, "--bundle-endpoint", to.bundleEndpoint, "--data",
          from.folder.path,
        ]
          + options)
    }

    /// Each endpoint is asked for by the profile that it does not have.
    private func expectNoFallBack(_ two: TwoFrames) async throws {
      let asSVID = try await invite(two.a, two.b, nil)
      #expect(asSVID.status > 1 && asSVID.errors.contains("[no_uri_san]"), "\(asSVID.errors)")
      let asWeb = try await invite(two.b, two.a, "https_web")
      #expect(asWeb.status > 1 && asWeb.errors.contains("[endpoint_handshake]"), "\(asWeb.errors)")
      let unknown = try await invite(two.a, two.b, "https")
      #expect(unknown.status > 1 && unknown.errors.contains("[bundle_profile_unknown]"), "\(unknown.errors)")
      for frame in two.frames { #expect(try await frame.get("/api/v1/peers")["peers"].array.isEmpty) }
    }

    private func establish(_ two: TwoFrames) async throws {
      let invited = try await invite(two.a, two.b, "https_web")
      #expect(invited.status == 0, "\(invited.errors)")
      let shown = try await Wait.polling.eventually("the invitation arriving") {
        try await two.b.command("peer", "show", two.a.name)["fingerprint"].string
      }
      try await two.b.command("peer", "approve", two.a.name, "--fingerprint", shown)
      for (frame, peer, profile) in [(two.a, two.b, "https_web"), (two.b, two.a, "https_spiffe")] {
        try await Wait.polling.until("the treaty being established at \(frame.name)") {
          try await frame.get("/api/v1/peers/\(peer.name)")["state"].string == "established"
        }
        #expect(try await frame.get("/api/v1/peers/\(peer.name)")["bundle_profile"].string == profile)
      }
    }

    private func refreshes(_ two: TwoFrames) async throws -> Double {
      try await two.a.metrics().value("frame_peer_bundle_refreshes_total", ["peer": two.b.name]) ?? 0
    }

    private func expectRefreshes(_ two: TwoFrames, _ what: String) async throws {
      let before = try await refreshes(two)
      try await Wait.polling.until(what) { try await refreshes(two) >= before + 2 }
    }

    /// A certificate of a root that nobody trusts is refused and changes nothing; one of the trusted root is taken over.
    private func expectRenewal(_ two: TwoFrames, _ roots: WebRoots) async throws {
      let pinned = try await two.a.command("peer", "show", two.b.name)["fingerprint"].string
      try await roots.issue("bad", by: "theirs")
      try roots.present("bad")
      kill(try #require(two.b.pid), SIGHUP)
      try await Wait.polling.until("a certificate of an unknown root being refused") {
        let labels = ["peer": two.b.name, "reason": "endpoint_handshake"]
        return try await two.a.metrics().value("frame_peer_bundle_refresh_failures_total", labels) ?? 0 >= 1
      }
      #expect(try await two.a.command("peer", "show", two.b.name)["fingerprint"].string == pinned)
      // Files that are wrong do not take the place of what is presented.
      try Data("nothing".utf8).write(to: URL(fileURLWithPath: roots.certificate))
      kill(try #require(two.b.pid), SIGHUP)
      try await Wait.polling.until("a broken file being refused") {
        try await two.b.metrics().value("frame_bundle_endpoint_certificate_reloads_total", ["result": "refused"]) ?? 0
          >= 1
      }
      try await roots.issue("renewed", by: "ours")
      try roots.present("renewed")
      kill(try #require(two.b.pid), SIGHUP)
      try await expectRefreshes(two, "the renewed certificate being accepted")
      let metrics = try await two.b.metrics()
      let expiry = metrics.value("frame_bundle_endpoint_certificate_expiry_timestamp_seconds", ["profile": "https_web"])
      #expect(expiry ?? 0 > Date().timeIntervalSince1970)
      let lifetime = metrics.value("frame_bundle_endpoint_certificate_lifetime_seconds", ["profile": "https_web"])
      #expect(lifetime ?? 0 >= 86_400)
    }
  }

  /// Two roots of a Web PKI, and leaves for 127.0.0.1 by either, made with openssl.
  private struct WebRoots {
    let folder: URL
    var certificate: String { folder.appendingPathComponent("presented.pem").path }
    var key: String { folder.appendingPathComponent("presented.key").path }

    init(in folder: URL) async throws {
      self.folder = folder.appendingPathComponent("web")
      try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
      for name in ["ours", "theirs"] {
        try await openssl(
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
          "/CN=\(name)", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", path("\(name).key"), "-out",
          root(name))
      }
      try Data("subjectAltName=IP:127.0.0.1\n".utf8).write(to: self.folder.appendingPathComponent("san.cnf"))
    }

    func root(_ name: String) -> String { path("\(name).pem") }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func issue(_ leaf: String, by root: String) async throws {
      try await openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(leaf)",
        "-keyout", path("\(leaf).key"), "-out", path("\(leaf).csr"))
      try await openssl(
        "x509", "-req", "-in", path("\(leaf).csr"), "-CA", self.root(root), "-CAkey", path("\(root).key"),
        "-CAcreateserial", "-days", "2", "-extfile", path("san.cnf"), "-out", path("\(leaf).pem"))
    }

    /// Puts a leaf where the node reads it.
    func present(_ leaf: String) throws {
      try Data(contentsOf: URL(fileURLWithPath: path("\(leaf).key"))).write(to: URL(fileURLWithPath: key))
      try Data(contentsOf: URL(fileURLWithPath: path("\(leaf).pem"))).write(to: URL(fileURLWithPath: certificate))
    }

    private func openssl(_ arguments: String...) async throws {
      let result = try await Finished.run("/usr/bin/openssl", arguments)
      #expect(result.status == 0, "openssl \(arguments): \(result.errors)")
    }
  }
}
