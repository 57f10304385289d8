import Foundation
import FrameCore
import FrameLog
import FrameProtos
import Testing

@testable import FrameFederation

@Suite("A peer whose log has two histories")
struct EquivocationTests {
  private let a = Names.a
  private let b = Names.b

  /// A, with a treaty with B whose log key is known here.
  private func established() throws -> (book: Book, key: LogSigner) {
    let signer = logSigner(b)
    let theirs = describe(b, fingerprint: "SHA256:bb")
    var book = Book(a)
    let ours = describe(a, fingerprint: "SHA256:aa")
    try book.run(
      .requestOutgoing(
        invitationID: "i1", ours: ours, theirs: theirs, pin: pin("bb"), expires: start + .seconds(3600)),
      as: a.authority)
    try book.run(
      .peerApproved(
        peer: b, invitationID: "i1", approver: theirs, ourFingerprint: "SHA256:aa",
        document: try signedTreaty("i1", ours, theirs)), as: b.node)
    return (book, signer)
  }

  /// Two notes of one size.
  private func proof(_ signer: LogSigner, _ roots: [UInt8] = [1, 2]) -> EquivocationProof {
    let notes = roots.map { root in
      Data(signer.sign(note: "\(b.name)\n7\n\(Data(repeating: root, count: 32).base64EncodedString())\n").utf8)
    }
    return EquivocationProof(
      kind: .sameSize, key: signer.verifierKey.text, first: notes[0], second: notes[1], proof: [])
  }

  @Test("B19: the proof is recorded with both notes, the treaty is stopped, and a restart does not forget it")
  func stops() throws {
    var (book, signer) = try established()
    try book.run(.reportEquivocation(peer: b, proof: proof(signer)), as: a.node)
    #expect(book.types.last == "PeerEquivocationProven")
    let position = UInt64(book.events.count - 1)
    for state in [book.state, book.replayed] {
      #expect(throws: FederationError.equivocated(b, position: position)) { try state.requireEstablished(b) }
      #expect(state.establishedPeers.isEmpty)
      #expect(try state.equivocations[b]?.proof.verify(key: signer.verifierKey).firstSize == 7)
    }
    let directory = PeerDirectory(frame: a)
    directory.update(book.state)
    #expect(throws: FederationError.equivocated(b, position: position)) { try directory.requireEstablished(b) }
    // Said again, it changes nothing.
    let before = book.events.count
    try book.run(.reportEquivocation(peer: b, proof: proof(signer, [3, 4])), as: a.node)
    #expect(book.events.count == before)
  }

  @Test("B19: only notes that the treaty's key signed and that contradict each other stop a treaty")
  func unproven() throws {
    var (book, signer) = try established()
    let before = book.events.count
    let stranger = LogSigner(name: b.name, privateKey: .init())
    for harmless in [proof(signer, [1, 1]), proof(stranger)] {
      #expect {
        try book.run(.reportEquivocation(peer: b, proof: harmless), as: a.node)
      } throws: { ($0 as? FederationError)?.code == "equivocation_unproven" }
    }
    #expect(throws: FederationError.unknownPeer(Names.c)) {
      try book.run(.reportEquivocation(peer: Names.c, proof: proof(signer)), as: a.node)
    }
    #expect(throws: FederationError.self) {
      try book.run(.reportEquivocation(peer: b, proof: proof(signer)), as: b.node)
    }
    #expect(book.events.count == before)
    try book.state.requireEstablished(b)
  }

  @Test("a treaty that both operators establish anew ends the stop; the proof stays in the log")
  func anew() throws {
    var (book, signer) = try established()
    try book.run(.reportEquivocation(peer: b, proof: proof(signer)), as: a.node)
    try book.run(.revoke(peer: b, reason: "two histories"), as: a.authority)
    var theirs = describe(b, fingerprint: "SHA256:bb")
    signer = LogSigner(name: b.name, privateKey: .init())
    theirs.logVerifierKey = signer.verifierKey.text
    let ours = describe(a, fingerprint: "SHA256:aa")
    try book.run(
      .requestOutgoing(
        invitationID: "i2", ours: ours, theirs: theirs, pin: pin("bb"), expires: start + .seconds(3600)),
      as: a.authority)
    let text = try TreatyDocument(treatyID: "i2", revision: 0, inviter: ours, invitee: theirs)
    try book.run(
      .peerApproved(
        peer: b, invitationID: "i2", approver: theirs, ourFingerprint: "SHA256:aa",
        document: text.countersigned(text.signed(by: logSigner(a)), by: signer)), as: b.node)
    try book.state.requireEstablished(b)
    #expect(book.state.establishedPeers == [b])
    #expect(book.types.contains("PeerEquivocationProven"))
  }
}
