import Foundation
import FrameCore
import FrameEvents
import FrameProjection
import FrameProtos
import FrameSettlement
import SwiftProtobuf

@testable import FrameBridge
@testable import FrameTreaty

extension FederationTargets {
  /// A message of the peer channel, and what is decided about it with a treaty in force: the first byte is the verb, the rest
  /// the message as it came off the wire.
  static let peerMessage = FuzzTarget(
    "peer-message", words: ["frame-a.example", "frame-b.example", "T", "\u{10}\u{01}", "\u{08}", "BVT"],
    bytesMax: 16_384,
    seeds: messages()
  ) { data in
    guard let verb = data.first else { return .refused("empty") }
    let bytes = Data(data.dropFirst())
    return try FuzzTarget.verdict {
      switch verb % 12 {
      case 0: try approval(PBApprovalNotice(serializedBytes: bytes))
      case 1: try decide(rejected(PBRejectionNotice(serializedBytes: bytes)))
      case 2: try decide(.peerRevoked(peer: peer, reason: PBRevocationNotice(serializedBytes: bytes).reason))
      case 3: try decide(.amendment(peer: peer, .receive(offer(PBAmendmentProposal(serializedBytes: bytes)))))
      case 4: try decided(PBAmendmentDecision(serializedBytes: bytes))
      case 5: try decide(withdrawn(PBAmendmentWithdrawal(serializedBytes: bytes)))
      case 6: try projected(PBProjectionMessage(serializedBytes: bytes))
      case 7:
        let message = try PBCreditRequest(serializedBytes: bytes).terms
        let terms = try TransferTerms(message)
        try FuzzTarget.require(try TransferTerms(terms.message) == terms, "terms do not come back as they were read")
      case 8: _ = try PBTransferDecision(serializedBytes: bytes)
      case 9:
        let signed = try PBSignedReserveStatement(serializedBytes: bytes)
        let seen = try witnessed(signed.checkpoint)
        _ = try? ReserveStatements.verify(signed, from: peer, for: frame, by: seen)
        // And as the peer signs what it pleases.
        var own = signed
        own.signature = FuzzKeys.signer(peer).signature(over: ReserveStatements.signedBytes(signed.statement))
        _ = try ReserveStatements.verify(own, from: peer, for: frame, by: seen)
      case 10:
        let reply = try PBAddCheckpointReply(serializedBytes: bytes)
        _ = try WitnessAnswer(reply, from: peer)
      default:
        let reply = try PBConsistencyProofReply(serializedBytes: bytes)
        _ = reply.hashes.compactMap(MerkleHash.init)
      }
    }
  }

  private static let frame = FuzzKeys.frame
  private static let peer = FuzzKeys.peer
  private static let key = FuzzKeys.signer(peer).verifierKey

  /// A treaty that `frame` offered and `peer` approved, and one that is offered and open.
  private static let (established, requested): (FederationState, FederationState) = {
    var state = FederationState(frame: frame)
    let (ours, theirs) = (description(frame), description(peer))
    let pin = PinnedBundle(
      document: Data("{}".utf8), fingerprint: theirs.bundleFingerprint, sequence: 1)
    apply(
      .requestOutgoing(
        invitationID: "T", ours: ours, theirs: theirs, pin: pin, expires: FuzzKeys.now + .seconds(86_400)),
      .authority(of: frame), &state)
    let open = state
    if let text = try? TreatyDocument(treatyID: "T", revision: 0, inviter: ours, invitee: theirs) {
      let note = text.countersigned(text.signed(by: FuzzKeys.signer(frame)), by: FuzzKeys.signer(peer))
      apply(
        .peerApproved(
          peer: peer, invitationID: "T", approver: theirs, ourFingerprint: ours.bundleFingerprint, document: note),
        .node(of: peer), &state)
    }
    return (state, open)
  }()

  private static func apply(_ command: FederationCommand, _ actor: SPIFFEID, _ state: inout FederationState) {
    guard let drafts = try? state.decide(command, DecisionContext(now: FuzzKeys.now, actor: actor)) else { return }
    record(drafts, actor, &state)
  }

  private static func record(_ drafts: [EventDraft], _ actor: SPIFFEID, _ state: inout FederationState) {
    for draft in drafts {
      var event = PBEvent()
      event.position = state.version
      event.timeUnixNs = FuzzKeys.now.unixNanoseconds
      event.actor = actor.description
      event.payload = draft.payload
      state.evolve(RecordedEvent(event: event, bytes: Data()))
    }
  }

  /// Decides in both states, and evolves what was decided; the verdict is that of the established one.
  private static func decide(_ command: FederationCommand) throws {
    for state in [requested, established] {
      try FuzzTarget.require(state.treaty(peer) != nil, "there is no treaty to begin with")
      let context = DecisionContext(now: FuzzKeys.now, actor: .node(of: peer))
      guard let drafts = try? state.decide(command, context) else { continue }
      var next = state
      record(drafts, context.actor, &next)
      // A repeat is decided as well, whatever it finds.
      _ = try? next.decide(command, context)
    }
    _ = try established.decide(command, DecisionContext(now: FuzzKeys.now, actor: .node(of: peer)))
  }

  private static func approval(_ notice: PBApprovalNotice) throws {
    let text = try TreatyDocument(
      treatyID: notice.invitationID, revision: 0, inviter: description(frame), invitee: notice.approver)
    try decide(
      .peerApproved(
        peer: peer, invitationID: notice.invitationID, approver: notice.approver,
        ourFingerprint: notice.inviterFingerprint,
        document: text.countersigned(notice.document, by: FuzzKeys.signer(frame))))
  }

  private static func rejected(_ notice: PBRejectionNotice) -> FederationCommand {
    .peerRejected(peer: peer, invitationID: notice.invitationID, reason: notice.reason)
  }

  private static func offer(_ proposal: PBAmendmentProposal) -> AmendmentOffer {
    AmendmentOffer(
      treatyID: proposal.treatyID, id: proposal.amendmentID, number: proposal.number, revision: proposal.revision,
      ours: proposal.callee, theirs: proposal.proposer, document: proposal.document,
      expires: FrameTime(unixNanoseconds: proposal.expiresUnixNs), note: proposal.note)
  }

  private static func decided(_ decision: PBAmendmentDecision) throws {
    guard case .decided(let state, let document, let reason) = try decision.answer else { return }
    try decide(.amendment(peer: peer, .decided(id: decision.amendmentID, state, document: document, reason: reason)))
  }

  private static func withdrawn(_ message: PBAmendmentWithdrawal) -> FederationCommand {
    .amendment(
      peer: peer,
      .withdraw(treatyID: message.treatyID, id: message.amendmentID, number: message.number, reason: message.reason))
  }

  /// A note as it is after the witness has seen it.
  private static func witnessed(_ note: Data) throws -> WitnessedCheckpoint {
    WitnessedCheckpoint(try AttestationVerifier.verify(checkpoint: note, key: key), of: peer, key: key)
  }

  private static func projected(_ message: PBProjectionMessage) throws {
    switch message.kind {
    case .item(let item):
      _ = try AttestedEvent(verifying: item.attestation, from: peer, by: witnessed(item.attestation.checkpoint))
    case .head(let head): _ = try AttestationVerifier.verify(checkpoint: head.checkpoint, key: key)
    case nil: throw AmountError.malformed("empty")
    }
  }

  private static func messages() -> [Data] {
    func message(_ verb: UInt8, _ message: some Message) -> Data {
      // Messages without required fields always serialise.
      Data([verb]) + ((try? message.serializedBytes() as Data) ?? Data())
    }
    var approval = PBApprovalNotice()
    approval.invitationID = "T"
    approval.approver = description(peer)
    approval.inviterFingerprint = description(frame).bundleFingerprint
    if let text = try? TreatyDocument(
      treatyID: "T", revision: 0, inviter: description(frame), invitee: description(peer))
    {
      approval.document = text.signed(by: FuzzKeys.signer(peer))
    }
    // Ended the process: a carriage return and a newline are one character.
    var returned = approval
    returned.approver.terms.subscriptions = ["x\r"]
    var rejection = PBRejectionNotice()
    rejection.invitationID = "T"
    rejection.reason = "no"
    var revocation = PBRevocationNotice()
    revocation.reason = "over"
    var proposal = PBAmendmentProposal()
    proposal.treatyID = "T"
    proposal.amendmentID = "A"
    proposal.number = 1
    proposal.revision = 1
    proposal.proposer = description(peer).terms
    proposal.callee = description(frame).terms
    proposal.callee.netDebitCap = 5
    proposal.expiresUnixNs = (FuzzKeys.now + .seconds(3600)).unixNanoseconds
    var changed = description(frame)
    changed.terms = proposal.callee
    if let text = try? TreatyDocument(treatyID: "T", revision: 1, inviter: changed, invitee: description(peer)) {
      proposal.document = text.signed(by: FuzzKeys.signer(peer))
    }
    var decision = PBAmendmentDecision()
    decision.treatyID = "T"
    decision.amendmentID = "A"
    decision.outcome = .rejected
    var withdrawal = PBAmendmentWithdrawal()
    withdrawal.treatyID = "T"
    withdrawal.amendmentID = "A"
    withdrawal.number = 1
    var head = PBProjectionMessage()
    head.head.sequence = .max
    head.head.checkpoint = Data(
      FuzzKeys.signer(peer).sign(note: "\(peer.name)\n1\n\(String(repeating: "A", count: 43))=\n").utf8)
    var credit = PBCreditRequest()
    credit.terms.transferID = "t"
    credit.terms.origin = peer.name
    credit.terms.destination = frame.name
    credit.terms.from = "alice"
    credit.terms.to = "bob"
    credit.terms.asset = description(peer).native
    credit.terms.amount = 1
    var statement = PBReserveStatement()
    statement.frameID = peer.name
    statement.peer = frame.name
    var signed = PBSignedReserveStatement()
    signed.statement = (try? statement.serializedBytes()) ?? Data()
    signed.checkpoint = head.head.checkpoint
    var reply = PBAddCheckpointReply()
    reply.status = 409
    reply.body = Data("12\n".utf8)
    var proof = PBConsistencyProofReply()
    proof.hashes = [Data(repeating: 1, count: 32)]
    return [
      message(0, approval), message(1, rejection), message(2, revocation), message(3, proposal), message(4, decision),
      message(5, withdrawal), message(6, head), message(7, credit), message(9, signed), message(10, reply),
      message(11, proof), message(0, returned),
    ]
  }
}
