import Foundation
import FrameCore
import FrameEvents
import FrameLog
import FrameProtos
import Testing

@testable import FrameTreaty
@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("The node as a witness over HTTP")
struct WitnessRoutesTests {
  private static let peer = "frame-b.example"

  private static func description(_ name: String, _ key: LogVerifierKey, fingerprint: String) -> PBFrameDescription {
    var description = PBFrameDescription()
    description.frameID = name
    description.native.origin = name
    description.native.code = "BVT"
    description.native.scale = 2
    description.bundleEndpoint = "https://127.0.0.1:9444/"
    description.bundleEndpointProfile = "https_spiffe"
    description.bundleFingerprint = fingerprint
    description.federationAddress = "127.0.0.1:9443"
    description.logVerifierKey = key.text
    description.terms.netDebitCap = 1_000
    description.terms.bridgeCap = 1_000
    description.terms.bridgeRatePerMinute = 100
    return description
  }

  /// A treaty with a peer whose log key is the signer's.
  private static func establish(_ fixture: NodeFixture, _ signer: LogSigner) async throws {
    let node = fixture.node
    let peer = try FrameID(Self.peer)
    let theirs = description(Self.peer, signer.verifierKey, fingerprint: "SHA256:bb")
    let ours = description(fixture.frame.name, node.signer.verifierKey, fingerprint: "SHA256:aa")
    let pin = PinnedBundle(
      document: Data(#"{"keys":[],"spiffe_sequence":1}"#.utf8), fingerprint: "SHA256:bb", sequence: 1)
    let text = try TreatyDocument(treatyID: "i1", revision: 0, inviter: ours, invitee: theirs)
    let document = text.countersigned(text.signed(by: node.signer), by: signer)
    _ = try await node.submit(
      .federation(
        .requestOutgoing(
          invitationID: "i1", ours: ours, theirs: theirs, pin: pin, expires: node.clock.now() + .seconds(60))),
      actor: .authority(of: fixture.frame), key: node.freshKey("request"))
    _ = try await node.submit(
      .federation(
        .peerApproved(
          peer: peer, invitationID: "i1", approver: theirs, ourFingerprint: "SHA256:aa", document: document)),
      actor: .node(of: peer), key: node.freshKey("approved"))
    try await fixture.parts.federation.prime()
  }

  private static func body(_ signer: LogSigner, old: Int, size: Int, root: UInt8) -> [UInt8] {
    Array(CheckpointSubmission(oldSize: UInt64(old), proof: [], note: note(signer, size, root)).body)
  }

  private static func note(_ signer: LogSigner, _ size: Int, _ root: UInt8) -> Data {
    let text = "\(peer)\n\(size)\n\(Data(repeating: root, count: 32).base64EncodedString())\n"
    return Data(signer.sign(note: text).utf8)
  }

  @Test("R1: keys and memory of peers without the log begin no second one")
  func lostLog() async throws {
    await #expect {
      try await NodeFixture.with(preparing: { folder in
        let seen = folder.appendingPathComponent("witness/\(Self.peer)+0123abcd")
        try FileManager.default.createDirectory(at: seen, withIntermediateDirectories: true)
      }) { _ in }
    } throws: { ($0 as? any FrameError)?.code == "log_lost" }
    try await NodeFixture.with { #expect($0.node.writer.durableSize() > 0) }
  }

  @Test("L5: a peer's checkpoint is cosigned for whoever brings it, with the answers of tlog-witness")
  func witness() async throws {
    let signer = LogSigner(name: Self.peer, privateKey: .init())
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let path = "/witness/add-checkpoint"
        func add(_ body: [UInt8]) async throws -> Answer {
          try await api.send(.post, path, body, authorization: .some(nil))
        }
        let first = Self.body(signer, old: 0, size: 3, root: 1)
        try await add(first).expect(404)
        try await Self.establish(fixture, signer)
        let hash = Witness.originHash(Self.peer)
        try await api.get("/witness/\(hash)/checkpoint", token: .some(nil)).expectProblem(404, "not_witnessed")

        let cosigned = try await add(first).expect(200)
        let key = try CosignatureKey(witnessOf: fixture.node.signer.verifierKey)
        let whole = Self.note(signer, 3, 1) + Data(cosigned.bytes)
        #expect(try AttestationVerifier.verify(checkpoint: whole, key: signer.verifierKey).isCosigned(by: key))
        let kept = try await api.get("/witness/\(hash)/checkpoint", token: .some(nil)).expect(200)
        let newest = try AttestationVerifier.verify(checkpoint: Data(kept.bytes), key: signer.verifierKey)
        #expect(newest.size == 3 && newest.isCosigned(by: key))

        let conflict = try await add(Self.body(signer, old: 2, size: 5, root: 2)).expect(409)
        #expect(conflict.text == "3\n")
        #expect(conflict.header("content-type") == "text/x.tlog.size")
        let impostor = LogSigner(name: Self.peer, privateKey: .init())
        try await add(Self.body(impostor, old: 3, size: 5, root: 2)).expect(403)
        try await add(Array("old 3\n".utf8)).expect(400)
        // Anyone can send a wrong proof with a right checkpoint: refused, and nobody is accused.
        try await add(Self.body(signer, old: 3, size: 5, root: 2)).expect(422)
        try await api.get("/api/v1/peers/\(Self.peer)/equivocation").expectProblem(404, "no_equivocation")
        let view = try await api.get("/api/v1/peers/\(Self.peer)/witness").expect(200)
        #expect(view.json["witnessed_size"].integer == 3)
      }
    }
  }

  @Test("B19: two notes of one size stop the treaty, whoever brings them, and the proof is given out")
  func equivocation() async throws {
    let signer = LogSigner(name: Self.peer, privateKey: .init())
    try await NodeFixture.with { fixture in
      try await Self.establish(fixture, signer)
      try await fixture.api { api in
        let path = "/witness/add-checkpoint"
        try await api.send(
          .post, path, Self.body(signer, old: 0, size: 3, root: 1), authorization: .some(nil)
        ).expect(200)
        try await api.send(
          .post, path, Self.body(signer, old: 3, size: 3, root: 2), authorization: .some(nil)
        ).expect(422)
        let answer = try await api.get("/api/v1/peers/\(Self.peer)/equivocation").expect(200)
        let proof = try JSONDecoder().decode(EquivocationProof.self, from: Data(answer.bytes))
        #expect(try proof.verify(key: signer.verifierKey).firstSize == 3)
        let view = try await api.get("/api/v1/peers/\(Self.peer)/witness").expect(200)
        #expect(view.json["equivocation"]["kind"].string == "same_size")
        let state = try await fixture.node.writer.read { $0.federation }
        #expect(throws: FederationError.self) { try state.requireEstablished(try FrameID(Self.peer)) }
        // It is no longer known as a log that is witnessed here.
        try await api.send(
          .post, path, Self.body(signer, old: 3, size: 3, root: 1), authorization: .some(nil)
        ).expect(404)
      }
    }
  }
}
