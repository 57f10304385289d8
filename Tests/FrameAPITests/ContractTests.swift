import Foundation
import FrameAPI
import FrameCore
import Testing
import Yams

/// `openapi.yaml` and the types of FrameAPI are two ways to write the same thing: whoever changes one has to change the other.
@Suite("The API's document and its types")
struct ContractTests {
  /// Which type a schema is of; one that is written where it is used is named by its place.
  private static let types: [String: any (Decodable & Sendable).Type] = [
    "responses/Frame": FrameView.self, "schemas/Agent": AgentView.self, "responses/Agents": AgentsView.self,
    "responses/Token": TokenView.self, "schemas/NewAgent": NewAgentBody.self, "schemas/TokenRequest": TokenBody.self,
    "schemas/FreezeReason": FreezeBody.self, "schemas/Reason": ReasonBody.self, "schemas/Note": NoteBody.self,
    "schemas/AsOf": AsOfView.self, "schemas/History": HistoryView.self,
    "schemas/Operator": OperatorView.self, "responses/Operators": OperatorsView.self,
    "schemas/NewOperator": NewOperatorBody.self, "schemas/Renewal": LicenceBody.self,
    "responses/Routes": SNIView.self, "schemas/Route": SNIView.Route.self, "responses/Reloaded": ReloadView.self,
    "schemas/Issue": MintBody.self, "schemas/Collect": CollectFeesBody.self, "schemas/Transfer": TransferBody.self,
    "schemas/OutgoingTransfer": TransferBody.self, "schemas/TransferBatch": TransferBatchBody.self,
    "schemas/Receipt": ReceiptView.self, "schemas/TransferBatchReceipt": TransferBatchView.self,
    "schemas/TransferReceipt": TransferView.self, "schemas/Fees": FeesView.self,
    "schemas/Hold": HoldView.self, "responses/Holds": HoldsView.self, "schemas/NewHold": NewHoldBody.self,
    "schemas/Capture": CaptureHoldBody.self,
    "schemas/BridgeItem": BridgeItemView.self, "responses/Reserves": ReservesView.self,
    "schemas/Reserve": ReservesView.Reserve.self, "schemas/Redeem": RedeemBody.self, "schemas/Proof": ProofBody.self,
    "schemas/Peer": PeerView.self, "responses/Peers": PeersView.self, "responses/Invitations": InvitationsView.self,
    "schemas/Reachability": ReachabilityView.self, "schemas/PeerFailure": ReachabilityView.Failure.self,
    "schemas/Invitation": InvitationBody.self, "schemas/Fingerprint": FingerprintBody.self,
    "responses/Treaty": TreatyView.self, "schemas/Terms": TermsView.self, "schemas/Endpoints": EndpointsView.self,
    "schemas/Amendment": AmendmentView.self, "responses/Amendments": AmendmentsView.self,
    "schemas/Proposal": AmendmentBody.self,
    "schemas/FormerLog": FormerLogView.self, "schemas/FormerLogClaim": FormerLogClaimView.self,
    "responses/FormerLogs": FormerLogsView.self,
    "responses/Authority": AuthorityView.self, "schemas/AuthorityKeys": AuthorityView.Ring.self,
    "responses/AuthorityChange": AuthorityChangeView.self, "schemas/Entry": EntryView.self,
    "responses/Entries": EntriesView.self, "schemas/NewEntry": NewEntryBody.self,
    "schemas/Audit": AuditView.self, "schemas/SupplyStatement": AuditView.Supply.self,
    "schemas/FormerLogSupply": AuditView.FormerLog.self, "schemas/PastSupply": PastSupplyView.self,
    "schemas/ClearDrift": ClearAuditBody.self,
    "schemas/Event": EventView.self, "responses/Events": EventsView.self,
    "responses/Attestation": AttestationView.self, "responses/Inclusion": InclusionView.self,
    "responses/Consistency": ConsistencyView.self, "responses/Witness": WitnessView.self,
    "responses/Metrics": MetricsView.self, "schemas/Problem": Problem.self,
    "requestBodies/Force": ActivateKeyBody.self, "requestBodies/AuthorityID": AuthorityKeyBody.self,
  ]

  /// Objects that no type of FrameAPI is of: the peers' signed proofs of two histories, made by FrameFederation as they are checked.
  private static let others: Set = ["responses/Equivocation"]

  private let document: Document

  init() throws { document = try Document() }

  @Test("each object in the document is one type's")
  func compares() throws {
    for (place, type) in Self.types {
      let schema = try #require(document.schema(at: place), "the document has no \(place)")
      let differences = document.differences(schema, try shape(type), at: place)
      #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }
  }

  @Test("no object in the document is without a type")
  func covers() {
    let missing = Set(document.objects()).subtracting(Self.types.keys).subtracting(Self.others)
    #expect(missing.isEmpty, "\(missing.sorted())")
  }

  @Test("lengths of texts are those that the node counts")
  func lengths() {
    let most = [TextLimit.memo, .reason, .note, .hint].map(\.most)
    let written = document.lengths(of: ["memo", "reason", "note", "hint", "purpose"])
    #expect(!written.isEmpty)
    for (place, length) in written { #expect(most.contains(length), "\(place): \(length)") }
  }

  @Test("what is written is read again by the rules of the other side")
  func roundTrip() throws {
    let body = NewHoldBody(from: "alice", amount: "1.00", expiresInSeconds: 60, memo: "ä")
    let data = try APIEncoding.encode(body)
    #expect(String(decoding: data, as: UTF8.self).contains(#""expires_in_seconds":60"#))
    let read = try TextDecoding.request.decode(NewHoldBody.self, json: data, .init(bytes: 1000))
    #expect(read.expiresInSeconds == 60 && read.memo == "ä" && read.payee == nil)
    let fragment = JSONFragment(.object([.init("a", .list([.number("1"), .boolean(true), .null, .string("x")]))]))
    let again = try JSONDecoder().decode(JSONFragment.self, from: APIEncoding.encode(fragment))
    #expect(again.value == fragment.value)
    let sums = AuditView.ByName(amounts: ["AVT@frame-a.example": "1.00", "someName": "2.00"])
    let readSums = try TextDecoding.answer.decode(
      AuditView.ByName.self, json: APIEncoding.encode(sums), .init(bytes: 1000))
    #expect(readSums.amounts == sums.amounts)
  }

  private func shape(_ type: any Decodable.Type) throws -> TypeShape { try TypeShape.of(type) }
}
