import FrameTreaty
import FrameCore
import FrameIdentity
import FrameProtos
import Foundation
import SwiftProtobuf

/// An invitation on its way: what the inviter says of itself, the bundle it asks to be pinned by, and a signature by its
/// node SVID that this very bundle vouches for. It proves possession of the keys and that nothing was altered; whose keys
/// they are is what the invited operator checks by the fingerprint.
package struct SignedInvitation: Codable, Sendable {
  /// A serialised FrameInvitationRequested: `peer` is the invited frame, `peer_bundle` the inviter's own bundle.
  let payload: Data
  let proof: SVIDSignature

  static let purpose = "ws3/invitation"
  static let path = "/ws3/invitations"
  static let bytesMax = 128 * 1024
  /// An invitation may not be open for longer than this.
  static let lifetimeMax: Duration = .seconds(31 * 86_400)

  static func sign(
    _ id: String, to invitee: FrameID, inviter: PBFrameDescription, bundle: Data, expires: FrameTime,
    with svid: X509SVID
  ) throws -> SignedInvitation {
    var payload = PBFrameInvitationRequested()
    payload.invitationID = id
    payload.peer = invitee.name
    payload.inviter = inviter
    payload.peerBundle = bundle
    payload.expiresUnixNs = expires.unixNanoseconds
    let bytes = try payload.serializedData()
    return SignedInvitation(payload: bytes, proof: try SVIDSignature.sign(bytes, purpose: purpose, with: svid))
  }

  /// What a verified invitation says.
  struct Verified: Sendable {
    let id: String
    let peer: FrameID
    let inviter: PBFrameDescription
    let pin: PinnedBundle
    let expires: FrameTime
  }

  /// - Parameter invitee: who we are; an invitation to somebody else is worth nothing here.
  /// - Throws: ``FederationError``, `BundleError`, `SPIFFERefusal`, `SVIDSignatureError`.
  func verify(as invitee: FrameID, clock: any FrameClock) async throws -> Verified {
    let request: PBFrameInvitationRequested
    do { request = try PBFrameInvitationRequested(serializedBytes: payload) } catch {
      throw FederationError.invitationInvalid("its payload cannot be read")
    }
    guard request.peer == invitee.name else {
      throw FederationError.invitationInvalid("it is for '\(request.peer.prefix(100))', not for '\(invitee)'")
    }
    let peer = try DescriptionRules.check(request.inviter)
    let bundle = try SPIFFEBundle(parsing: request.peerBundle, of: peer)
    guard !bundle.x509Authorities.isEmpty else {
      throw FederationError.bundleUnusable(peer, why: "it has no authority")
    }
    _ = try await proof.verify(
      payload, purpose: Self.purpose, by: SPIFFEVerifier(bundles: bundle, clock: clock),
      expecting: .exactly(.node(of: peer)))
    let expires = FrameTime(unixNanoseconds: request.expiresUnixNs)
    guard expires <= clock.now() + Self.lifetimeMax else {
      throw FederationError.invitationInvalid("it would be open for more than 31 days")
    }
    return Verified(
      id: request.invitationID, peer: peer, inviter: request.inviter,
      pin: PinnedBundle(bundle, document: request.peerBundle),
      expires: expires)
  }
}

/// What a frame says of itself at `/.well-known/frame`: a FrameDescription in protobuf's JSON form.
enum Discovery {
  static let path = "/.well-known/frame"
  static let bytesMax = 64 * 1024

  static func encode(_ description: PBFrameDescription) throws -> Data {
    var options = JSONEncodingOptions()
    options.preserveProtoFieldNames = true
    return try description.jsonUTF8Data(options: options)
  }

  /// - Throws: ``FederationError/descriptionInvalid(_:)``.
  static func decode(_ data: Data, of peer: FrameID) throws(FederationError) -> PBFrameDescription {
    guard data.count <= bytesMax else { throw .descriptionInvalid("it has \(data.count) bytes") }
    var options = JSONDecodingOptions()
    options.ignoreUnknownFields = true
    // Protobuf's reader takes a field under two spellings; ours has seen to it that there is one, and that it is there once.
    let tree: TextTree
    do { tree = try TextTree(json: data, JSONReader.Limits(bytes: bytesMax)) } catch {
      throw .descriptionInvalid("as a document, \(error.words)")
    }
    if let name = tree.nameInTwoSpellings { throw .descriptionInvalid("'\(name.prefix(80))' is there twice") }
    let description: PBFrameDescription
    do { description = try PBFrameDescription(jsonUTF8Data: Data(tree.json().utf8), options: options) } catch {
      throw .descriptionInvalid("it cannot be read (\(error.words))")
    }
    let named = try DescriptionRules.check(description)
    guard named == peer else { throw .descriptionInvalid("it describes '\(named)', not '\(peer)'") }
    return description
  }
}

extension PinnedBundle {
  init(_ bundle: SPIFFEBundle, document: Data) {
    self.init(document: document, fingerprint: bundle.fingerprint.description, sequence: bundle.sequence ?? 0)
  }
}
