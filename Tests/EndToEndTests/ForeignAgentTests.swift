import Foundation
import Testing

extension EndToEnd {
  /// The Workload API client against an agent that shares no code with it: gRPC's own server, and an authority as SPIRE has it behind
  /// another one: an RSA root without SPIFFE ID, an intermediate in the chain, JWT keys without `use` and in any order.
  @Suite("An agent that is not ours")
  struct ForeignAgentTests {
    private static let python = ProcessInfo.processInfo.environment["FRAME_TEST_PYTHON"] ?? "python3"

    /// Arguments: socket, file for a token of alice. SIGHUP: another SVID; SIGUSR1: one of a few seconds.
    private static let agent = """
      import base64, datetime, json, random, signal, sys, threading
      from concurrent import futures
      import grpc
      from cryptography import x509
      from cryptography.hazmat.primitives import hashes, serialization
      from cryptography.hazmat.primitives.asymmetric import ec, rsa
      from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
      from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
      from spiffe._proto import workload_pb2 as pb, workload_pb2_grpc as api

      DOMAIN = "spiffe://frame-x.example"

      def certificate(name, key, issuer, signer, uri, ca, seconds):
          now = datetime.datetime.now(datetime.timezone.utc)
          subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
          builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject)
              .public_key(key.public_key()).serial_number(x509.random_serial_number())
              .not_valid_before(now - datetime.timedelta(seconds=10))
              .not_valid_after(now + datetime.timedelta(seconds=seconds))
              .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
              .add_extension(x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, key_encipherment=not ca,
                  content_commitment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                  decipher_only=False), critical=True)
              .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
          if issuer:
              builder = builder.add_extension(
                  x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
          if uri:
              builder = builder.add_extension(
                  x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
          if not ca:
              builder = builder.add_extension(
                  x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
          return builder.sign(signer, hashes.SHA256())

      def der(certificate):
          return certificate.public_bytes(serialization.Encoding.DER)

      def b64(data):
          return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

      root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
      root = certificate("root", root_key, None, root_key, None, True, 86400)
      middle_key = ec.generate_private_key(ec.SECP256R1())
      middle = certificate("server", middle_key, root, root_key, DOMAIN, True, 43200)
      jwt_keys = {f"key-{n}": ec.generate_private_key(ec.SECP256R1()) for n in (1, 2)}
      changed = threading.Condition()
      state = {"number": 0, "seconds": 3600}

      def svid():
          key = ec.generate_private_key(ec.SECP256R1())
          leaf = certificate("node", key, middle, middle_key, DOMAIN + "/node", False, state["seconds"])
          pkcs8 = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
              serialization.NoEncryption())
          other = pb.X509SVID(spiffe_id=DOMAIN + "/other", x509_svid=b"x", x509_svid_key=b"x", bundle=b"x")
          return pb.X509SVIDResponse(svids=[other, pb.X509SVID(spiffe_id=DOMAIN + "/node",
              x509_svid=der(leaf) + der(middle), x509_svid_key=pkcs8, bundle=der(root))])

      def jwks():
          keys = []
          for kid, key in random.sample(list(jwt_keys.items()), len(jwt_keys)):
              numbers = key.public_key().public_numbers()
              keys.append({"kty": "EC", "kid": kid, "crv": "P-256", "x": b64(numbers.x.to_bytes(32, "big")),
                  "y": b64(numbers.y.to_bytes(32, "big"))})
          return pb.JWTBundlesResponse(bundles={DOMAIN: json.dumps({"keys": keys}).encode()})

      class Agent(api.SpiffeWorkloadAPIServicer):
          def stream(self, context, make):
              values = [value for name, value in context.invocation_metadata() if name == "workload.spiffe.io"]
              if values != ["true"]:
                  context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
              while context.is_active():
                  number = state["number"]
                  yield make()
                  with changed:
                      while state["number"] == number and context.is_active():
                          changed.wait(0.2)

          def FetchX509SVID(self, request, context):
              return self.stream(context, svid)

          def FetchJWTBundles(self, request, context):
              return self.stream(context, jwks)

      def again(seconds):
          with changed:
              state.update(number=state["number"] + 1, seconds=seconds)
              changed.notify_all()

      def token():
          now = int(datetime.datetime.now().timestamp())
          parts = [{"alg": "ES256", "kid": "key-2", "typ": "JWT"},
              {"sub": DOMAIN + "/agent/alice", "aud": [DOMAIN + "/api"], "exp": now + 300, "iat": now}]
          signed = ".".join(b64(json.dumps(part).encode()) for part in parts)
          r, s = decode_dss_signature(jwt_keys["key-2"].sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
          return signed + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

      # Before there are threads, so that none of them takes the signals that the loop below waits for.
      signals = {signal.SIGHUP: 3600, signal.SIGUSR1: 8}
      signal.pthread_sigmask(signal.SIG_BLOCK, signals)
      server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
      api.add_SpiffeWorkloadAPIServicer_to_server(Agent(), server)
      server.add_insecure_port("unix:" + sys.argv[1])
      server.start()
      with open(sys.argv[2], "w") as file:
          file.write(token())
      print("SERVING", flush=True)
      while True:
          again(signals[signal.sigwait(signals)])
      """

    @Test(
      "S9: a chain through an intermediate, JWT keys and tokens of a foreign authority; a renewal; an SVID that expires while the agent is away, and its return",
      .timeLimit(.minutes(4)))
    func foreign() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ag-\(UUID().uuidString.prefix(8))")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let (socket, token) = (folder.appendingPathComponent("a.sock"), folder.appendingPathComponent("token"))
      let script = folder.appendingPathComponent("agent.py")
      try Data(Self.agent.utf8).write(to: script)
      func startAgent() async throws -> RunningProcess {
        let output = folder.appendingPathComponent("agent-\(UUID().uuidString.prefix(4)).log")
        let agent = try RunningProcess(
          "/usr/bin/env", [Self.python, script.path, socket.path, token.path], output: output)
        try await Wait.polling.until("the agent serving") {
          #expect(agent.isRunning, "\(agent.tail)")
          return try String(contentsOf: output, encoding: .utf8).contains("SERVING")
        }
        return agent
      }
      let node = try await TestFrame(
        name: "frame-x.example", currency: "XVT", person: "alice", in: folder.appendingPathComponent("x"),
        options: ["--identity-socket", "unix://" + socket.path])
      let peer = try await TestFrame(
        name: "frame-c.example", currency: "CVT", person: "bob", in: folder.appendingPathComponent("c"))
      let two = TwoFrames(node, peer, in: folder)
      do {
        var agent = try await startAgent()
        for frame in two.frames { try await frame.start() }
        try await two.fund()
        try await two.federate()
        let shown = try await node.command("authority", "show")
        #expect(shown["x509"]["keys"].array.map { $0["state"].string } == ["upstream"])
        #expect(shown["jwt"]["keys"].array.map { $0["id"].string } == ["key-1", "key-2"])
        try await two.transfer(node, peer, "2pc")
        try await two.transfer(peer, node, "async")
        let bearer = try String(contentsOf: token, encoding: .utf8)
        #expect(try await HTTP.get(node.api + "/api/v1/agents/alice", token: bearer).status == 200)

        func rotations() async throws -> Double {
          try await node.metrics().value("frame_svid_rotations_total", ["kind": "x509"]) ?? 0
        }
        let before = try await rotations()
        kill(agent.pid, SIGHUP)
        try await Wait.polling.until("another SVID") { try await rotations() > before }
        try await two.transfer(node, peer, "2pc")
        let again = try await node.command("authority", "show")
        #expect(
          again["sequence"].number == shown["sequence"].number, "the keys are the same, in whatever order they come")

        // The last SVID is used to its end, and not beyond it.
        kill(agent.pid, SIGUSR1)
        try await Wait.polling.until("an SVID of a few seconds") { try await rotations() > before + 1 }
        try await agent.end(SIGKILL)
        let expiry = try await node.metrics().value("frame_svid_expiry_timestamp_seconds", ["kind": "x509"]) ?? 0
        let stillReady = try await HTTP.get(node.ops + "/readyz").status == 200
        // A machine that is very busy may be past it already.
        #expect(stillReady || Date().timeIntervalSince1970 >= expiry)
        try await Wait.polling.until("the node saying that its identity has expired") {
          let ready = try await HTTP.get(node.ops + "/readyz")
          return ready.status == 503 && ready.text.contains("identity")
        }
        try? FileManager.default.removeItem(at: socket)
        agent = try await startAgent()
        try await Wait.polling.until("the node having an identity again", within: .seconds(60)) {
          try await HTTP.get(node.ops + "/readyz").status == 200
        }
        let other = try await node.command("authority", "show")
        #expect((other["sequence"].number ?? 0) > (shown["sequence"].number ?? 0), "another authority, a higher number")
        for frame in two.frames { try await frame.stop() }
        try await agent.end(SIGKILL)
      } catch {
        for frame in two.frames {
          print("--- log of \(frame.name) ---\n" + frame.tail)
          try? await frame.killNow()
        }
        throw error
      }
    }
  }
}
