import FrameTreaty
import FrameCore
import FrameIdentity
import FrameEvents
import FramePeerAPI
import FrameProtos
import Foundation
import GRPCCore

/// Carries out the handshake's outputs: talks to the peer's bundle endpoint and, before there is a treaty, to its federation
/// listener. It decides nothing.
struct TreatyExchange: Sendable {
  let frame: FrameID
  let identity: SVIDSource
  let endpoints: EndpointClient
  let trust: EndpointTrust
  let clock: any FrameClock
  let metrics: PeeringMetrics
  let routing: PeerChannels.Routing
  /// Our bundle document, as the endpoint serves it.
  let ourBundle: @Sendable () throws -> Data
  /// Signs treaties.
  let signer: LogSigner

  static let callTimeout: Duration = .seconds(10)

  /// First contact: the frame's description and its bundle. With `https_spiffe` they are checked against each other and
  /// against nothing else; with `https_web` the host name's certificate vouches for both.
  func discover(
    _ peer: FrameID, at url: EndpointURL, by profile: BundleProfile
  ) async throws -> (PBFrameDescription, PinnedBundle) {
    let bundles = BundleClient(client: endpoints, clock: clock)
    let fetched: FetchedBundle
    switch profile {
    case .spiffe: fetched = try await bundles.firstContact(peer, at: url)
    case .web:
      guard let answer = try await bundles.fetch(peer, from: url, profile: trust.web) else {
        throw FederationError.endpointUnreachable("\(url)", why: "it sent no bundle")
      }
      fetched = answer
    }
    guard !fetched.bundle.x509Authorities.isEmpty else {
      throw FederationError.bundleUnusable(peer, why: "it has no X.509 authority")
    }
    // With `https_spiffe` the connection is from here on held to the bundle just fetched, so that both come from the holder
    // of one key.
    let answer = try await endpoints.get(
      url.at(Discovery.path),
      profile: profile == .web ? trust.web : .spiffe(fetched.bundle, expecting: .node(of: peer)))
    guard answer.status == 200 else {
      throw FederationError.endpointUnreachable("\(url.at(Discovery.path))", why: "status \(answer.status)")
    }
    let description = try Discovery.decode(answer.body, of: peer)
    guard description.bundleEndpointProfile == profile.rawValue else {
      throw FederationError.profileMismatch(peer, asked: profile, described: description.bundleEndpointProfile)
    }
    return (description, PinnedBundle(fetched.bundle, document: fetched.document))
  }

  /// The bundle that the peer's own endpoint serves now, over a connection that `pin` (or Web PKI, when the peer's profile is
  /// `https_web`) vouches for.
  func fetchBundle(
    _ peer: FrameID, from theirs: PBFrameDescription, vouchedBy pin: PinnedBundle
  ) async throws -> PinnedBundle {
    let held = try SPIFFEBundle(parsing: pin.document, of: peer)
    let fetched = try await BundleClient(client: endpoints, clock: clock).fetch(
      peer, from: EndpointURL(theirs.bundleEndpoint), profile: trust.profile(of: peer, theirs, held: held))
    guard let fetched else {
      throw FederationError.endpointUnreachable(theirs.bundleEndpoint, why: "it sent no bundle")
    }
    return PinnedBundle(fetched.bundle, document: fetched.document)
  }

  /// Looks at where the peer says that it will be reached. Nobody may be there yet; whoever is must be vouched for by the pin.
  /// - Throws: ``FederationError/endpointOfAnother(_:endpoint:why:)``.
  func requireNoStranger(_ treaty: Treaty, at move: TreatyEndpoints) async throws {
    guard move.bundleEndpoint != treaty.theirs.bundleEndpoint else { return }
    do {
      _ = try await fetchBundle(treaty.peer, from: move.applied(to: treaty.theirs), vouchedBy: treaty.pin)
    } catch let error as FetchError {
      guard case .refused = error else { return }
      throw FederationError.endpointOfAnother(treaty.peer, endpoint: move.bundleEndpoint, why: error.message)
    }
  }

  /// Does one duty and says how it went. Never throws but for cancellation.
  func carryOut(
    _ attempt: HandshakeMachine.Attempt, _ treaty: Treaty
  ) async throws(CancellationError) -> HandshakeMachine.Outcome {
    do {
      switch attempt.duty {
      case .deliverInvitation: return try await deliverInvitation(treaty)
      case .notifyApproval:
        var notice = PBApprovalNotice()
        notice.invitationID = treaty.invitationID
        notice.approver = treaty.ours
        notice.inviterFingerprint = treaty.fingerprint
        notice.document = try TreatyDocument(
          treatyID: treaty.invitationID, revision: 0, inviter: treaty.theirs, invitee: treaty.ours
        ).signed(by: signer)
        let reply = try await call(treaty, .notifyApproval) { [notice] api, options in
          try await api.notifyApproval(notice, options: options)
        }
        return reply.hasInviter ? .acknowledged(inviter: reply.inviter, document: reply.document) : .delivered
      case .notifyRejection:
        var notice = PBRejectionNotice()
        notice.invitationID = treaty.invitationID
        notice.reason = treaty.reason
        _ = try await call(treaty, .notifyRejection) { [notice] api, options in
          try await api.notifyRejection(notice, options: options)
        }
        return .delivered
      case .notifyRevocation:
        var notice = PBRevocationNotice()
        notice.reason = treaty.reason
        _ = try await call(treaty, .notifyRevocation) { [notice] api, options in
          try await api.notifyRevocation(notice, options: options)
        }
        return .delivered
      case .proposeAmendment: return try await proposeAmendment(treaty)
      case .notifyAmendment:
        guard let decision = treaty.received.map({ PBAmendmentDecision($0, of: treaty) }) else { return .delivered }
        _ = try await call(treaty, .notifyAmendment) { [decision] api, options in
          try await api.notifyAmendment(decision, options: options)
        }
        return .delivered
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch let error as PeerCallError {
      if case .refused(_, let code, _) = error { return .refused(code: code) }
      return .failed(reason: error.message)
    } catch {
      return .failed(reason: (error as? any FrameError)?.message ?? error.words)
    }
  }

  private func proposeAmendment(_ treaty: Treaty) async throws -> HandshakeMachine.Outcome {
    guard let proposed = treaty.proposed else { return .failed(reason: "there is nothing to propose") }
    let proposal = PBAmendmentProposal(proposed, of: treaty)
    do {
      let answer = try await call(treaty, .proposeAmendment) { [proposal] api, options in
        try await api.proposeAmendment(proposal, options: options)
      }
      return try answer.answer
    } catch PeerCallError.refused(_, let code, _)
      where code == "amendment_invalid" || code == "treaty_document_invalid"
    {
      // It will never be taken. That it is over is certain only once the decider has it on record.
      return try await withdrawAmendment(treaty, reason: code)
    }
  }

  /// Asks the decider to drop what we proposed.
  /// - Returns: what is on its record: withdrawn, or the decision that it had made before.
  func withdrawAmendment(_ treaty: Treaty, reason: String) async throws -> HandshakeMachine.Outcome {
    var withdrawal = PBAmendmentWithdrawal()
    withdrawal.treatyID = treaty.invitationID
    withdrawal.amendmentID = treaty.proposed?.id ?? ""
    withdrawal.number = treaty.proposed?.number ?? 0
    withdrawal.reason = reason
    return try await call(treaty, .withdrawAmendment) { [withdrawal] api, options in
      try await api.withdrawAmendment(withdrawal, options: options)
    }.answer
  }

  private func deliverInvitation(_ treaty: Treaty) async throws -> HandshakeMachine.Outcome {
    let invitation = try SignedInvitation.sign(
      treaty.invitationID, to: treaty.peer, inviter: treaty.ours, bundle: try ourBundle(), expires: treaty.expires,
      with: identity.current)
    let held = try SPIFFEBundle(parsing: treaty.pin.document, of: treaty.peer)
    let answer = try await endpoints.post(
      EndpointURL(treaty.theirs.bundleEndpoint).at(SignedInvitation.path), json: JSONEncoder().encode(invitation),
      profile: trust.profile(of: treaty.peer, treaty.theirs, held: held))
    switch answer.status {
    case 200..<300: return .delivered
    case 429, 500...: return .failed(reason: "the peer's endpoint answered \(answer.status)")
    default:
      let problem = try? TextDecoding.extensible.decode(
        EndpointProblem.self, json: answer.body, JSONReader.Limits(bytes: 1 << 16))
      return .refused(code: String(problem?.code.prefix(60) ?? "status_\(answer.status)"))
    }
  }

  /// One call on a connection of its own, held to the treaty's pin. For notices only: the treaty need not be established.
  private func call<T: Sendable>(
    _ treaty: Treaty, _ method: PeerMethod,
    _ body: @escaping @Sendable (PBFramePeer.Client<PeerTransport>, CallOptions) async throws -> T
  ) async throws -> T {
    let bundle = try SPIFFEBundle(parsing: treaty.pin.document, of: treaty.peer)
    let address = try HostPort(treaty.theirs.federationAddress)
    let client = try PeerClient(
      treaty.peer, at: address, via: routing(treaty.peer, address), identity: identity, bundles: bundle, clock: clock,
      metrics: metrics)
    defer { client.close() }
    return try await PeerChannels.timed(treaty.peer, method, metrics, nil) {
      try await body(client.api, PeerChannels.options(Self.callTimeout))
    }
  }
}

/// The problem document of our bundle endpoint, as far as we read it.
struct EndpointProblem: Codable, Sendable {
  var title: String
  var status: Int
  var code: String
  var detail: String
}
