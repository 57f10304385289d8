import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// The treaty as both frames sign it: a text that people can read, in the one form that its contents have.
///
/// It is the text of a C2SP signed note with the signatures of both frames' log keys. Its first line sets it apart from
/// everything else that those keys sign: a checkpoint's first line is a frame id, and no frame id contains a slash.
package struct TreatyDocument: Sendable, Equatable {
  package static let heading = "frame/treaty/v1"
  package static let bytesMax = 16 * 1024

  /// The two frames, as the text names them.
  enum Role: String, Sendable { case inviter, invitee }

  static let bundleEndpointField = "-bundle-endpoint"
  static let federationAddressField = "-federation-address"
  static let apiField = "-api"
  /// Stands for a field without a value.
  static let absent = "-"

  /// Ends in a newline.
  package let text: String
  /// The verifier keys that must have signed: the inviter's, then the invitee's.
  package let keys: [String]

  /// - Parameters:
  ///   - treatyID: the id of the invitation that led to it.
  ///   - revision: 0 as established; each amendment adds one.
  /// - Throws: ``FederationError/descriptionInvalid(_:)``.
  package init(
    treatyID: String, revision: UInt32, inviter: PBFrameDescription, invitee: PBFrameDescription
  ) throws(FederationError) {
    var lines = [Self.heading, "treaty \(treatyID)", "revision \(revision)"]
    lines += try Self.lines(.inviter, inviter, peer: invitee)
    lines += try Self.lines(.invitee, invitee, peer: inviter)
    text = lines.map { $0 + "\n" }.joined()
    keys = [inviter.logVerifierKey, invitee.logVerifierKey]
  }

  private static func lines(
    _ role: Role, _ own: PBFrameDescription, peer: PBFrameDescription
  ) throws(FederationError) -> [String] {
    let native: Asset
    let foreign: Asset
    do {
      native = try Asset(own.native)
      foreign = try Asset(peer.native)
    } catch { throw .descriptionInvalid(error.message) }
    func amount(_ units: Int64, _ asset: Asset) -> String {
      "\(Amount(minorUnits: units).decimal(scale: asset.scale)) \(asset)"
    }
    let terms = own.terms
    let fields = [
      ("", own.frameID), ("-currency", "\(native.code) \(native.scale)"), ("-log-key", own.logVerifierKey),
      (bundleEndpointField, own.bundleEndpoint), ("-bundle-profile", own.bundleEndpointProfile),
      ("-bundle-fingerprint", own.bundleFingerprint), (federationAddressField, own.federationAddress),
      (apiField, own.apiURL), ("-holds-peer-to-net-debit-cap", amount(terms.netDebitCap, native)),
      ("-holds-peer-to-bridge-cap", amount(terms.bridgeCap, foreign)),
      ("-holds-peer-to-bridge-rate-per-minute", amount(terms.bridgeRatePerMinute, foreign)),
      ("-subscribes-to", Set(terms.subscriptions).sorted().joined(separator: " ")),
    ]
    return fields.map { "\(role.rawValue)\($0.0) \($0.1.isEmpty ? absent : $0.1)" }
  }

  /// Whether `note` is this very treaty and carries the signature of each of `keys`.
  /// - Throws: ``FederationError/documentInvalid(_:)``.
  func verify(_ note: Data, signedBy keys: [String]) throws(FederationError) {
    guard note.count <= Self.bytesMax else { throw .documentInvalid("it has \(note.count) bytes") }
    do {
      let signed = try CosignedNote(note)
      guard signed.text == text else { throw FederationError.documentInvalid("it says something else") }
      for key in keys { try signed.verify(LogVerifierKey(key)) }
    } catch let error as FederationError {
      throw error
    } catch {
      throw .documentInvalid((error as? any FrameError)?.message ?? "it cannot be read")
    }
  }

  /// This text signed by one frame alone.
  package func signed(by signer: LogSigner) -> Data { CosignedNote(text, signedBy: signer).bytes }

  /// `note`, which the other frame signed, with our signature beside it, in the order of ``keys``; `note` as it is when it
  /// is not about the same text, which no verification then accepts.
  package func countersigned(_ note: Data, by signer: LogSigner) -> Data {
    let own = CosignedNote(text, signedBy: signer)
    guard note.count <= Self.bytesMax, let other = try? CosignedNote(note) else { return note }
    let isFirst = keys.first == signer.verifierKey.text
    return ((isFirst ? own.joined(with: other) : other.joined(with: own))?.bytes) ?? note
  }
}

extension TreatyDocument {
  /// What anybody can find out about a signed treaty without a node.
  package struct Inspection: Sendable {
    package let text: String
    /// Verifier keys named in the text, in its order.
    package let keys: [String]
  }

  /// Checks a treaty offline: its form, and that every key it names has signed it. Whose keys they are is for the reader
  /// to know: a key that is given must be among those named.
  /// - Parameter known: verifier keys that the reader trusts.
  /// - Throws: ``FederationError/documentInvalid(_:)``.
  package static func inspect(_ note: Data, known: [String] = []) throws(FederationError) -> Inspection {
    guard note.count <= bytesMax else { throw .documentInvalid("it has \(note.count) bytes") }
    do {
      let signed = try CosignedNote(note)
      let lines = signed.text.split(separator: "\n", omittingEmptySubsequences: false)
      guard lines.first.map(String.init) == heading else {
        throw FederationError.documentInvalid("its first line is not '\(heading)'")
      }
      let keys = ["inviter-log-key ", "invitee-log-key "].compactMap { field in
        lines.first { $0.hasPrefix(field) }.map { String($0.dropFirst(field.count)) }
      }
      guard keys.count == 2 else { throw FederationError.documentInvalid("it does not name two log keys") }
      for key in keys { try signed.verify(LogVerifierKey(key)) }
      for key in known where !keys.contains(key) {
        throw FederationError.documentInvalid("'\(key.prefix(120))' is not one of its keys")
      }
      return Inspection(text: signed.text, keys: keys)
    } catch let error as FederationError {
      throw error
    } catch {
      throw .documentInvalid((error as? any FrameError)?.message ?? "it cannot be read")
    }
  }
}

extension Treaty {
  /// The treaty with the given terms.
  /// - Parameter move: a frame that is reached elsewhere, and where; nil when both stay where they are.
  /// - Throws: ``FederationError/descriptionInvalid(_:)``.
  package func document(
    revision: UInt32, ours: PBTreatyTerms, theirs: PBTreatyTerms,
    moving move: (party: Party, to: TreatyEndpoints)? = nil
  ) throws(FederationError) -> TreatyDocument {
    var us = self.ours
    us.terms = ours
    var them = self.theirs
    them.terms = theirs
    switch move?.party {
    case .us: us = move?.to.applied(to: us) ?? us
    case .peer: them = move?.to.applied(to: them) ?? them
    case nil: break
    }
    switch direction {
    case .outgoing: return try TreatyDocument(treatyID: invitationID, revision: revision, inviter: us, invitee: them)
    case .incoming: return try TreatyDocument(treatyID: invitationID, revision: revision, inviter: them, invitee: us)
    }
  }
  /// The treaty as it would be with an amendment that `party` has proposed: its terms, and `party`'s own endpoints as its
  /// signed text says. Of the other frame's endpoints that text must say what is so.
  /// - Throws: ``FederationError/descriptionInvalid(_:)``.
  package func document(with amendment: Amendment, by party: Party) throws(FederationError) -> TreatyDocument {
    try document(
      revision: amendment.revision, ours: amendment.ours, theirs: amendment.theirs,
      moving: move(of: party, in: amendment.document).map { (party: party, to: $0) })
  }
}
