import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// Where a frame is reached, as it says of itself in a treaty.
///
/// How its bundle endpoint proves itself (``BundleProfile``), its log key and its pinned bundle are no part of it: a frame that
/// moves stays who it is (decision 0031).
package struct TreatyEndpoints: Sendable, Equatable {
  /// `https://host:port`.
  package var bundleEndpoint: String
  /// `host:port` of the gRPC listener.
  package var federationAddress: String
  /// Empty when it is not published.
  package var apiURL: String

  package init(of description: PBFrameDescription) {
    bundleEndpoint = description.bundleEndpoint
    federationAddress = description.federationAddress
    apiURL = description.apiURL
  }

  /// As a treaty's text says. The signatures are not looked at: that is for whoever compares the whole text.
  /// - Parameters:
  ///   - note: a signed treaty (``TreatyDocument``).
  ///   - role: whose endpoints.
  /// - Returns: nil when the note is no treaty.
  init?(in note: Data, of role: TreatyDocument.Role) {
    guard note.count <= TreatyDocument.bytesMax, let text = try? CosignedNote(note).text else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first.map(String.init) == TreatyDocument.heading else { return nil }
    func value(_ field: String) -> String? {
      let name = "\(role.rawValue)\(field) "
      guard let line = lines.first(where: { $0.hasPrefix(name) }) else { return nil }
      let value = line.dropFirst(name.count)
      return value == TreatyDocument.absent ? "" : String(value)
    }
    guard let bundle = value(TreatyDocument.bundleEndpointField),
      let federation = value(TreatyDocument.federationAddressField), let api = value(TreatyDocument.apiField)
    else { return nil }
    bundleEndpoint = bundle
    federationAddress = federation
    apiURL = api
  }

  /// What a frame says of itself, with these endpoints.
  package func applied(to description: PBFrameDescription) -> PBFrameDescription {
    var description = description
    description.bundleEndpoint = bundleEndpoint
    description.federationAddress = federationAddress
    description.apiURL = apiURL
    return description
  }

  /// The first address that was not there before and is another frame's: one of its endpoints, or at a host of its name.
  /// - Throws: ``FederationError/endpointInvalid(_:)`` when an address cannot be read.
  func intrusion(on other: PBFrameDescription, from old: TreatyEndpoints) throws(FederationError) -> String? {
    let present = [try? HostPort(url: other.bundleEndpoint), try? HostPort(other.federationAddress)]
    var new: [HostPort] = []
    if bundleEndpoint != old.bundleEndpoint { new.append(try FederationError.address(url: bundleEndpoint)) }
    if federationAddress != old.federationAddress { new.append(try FederationError.address(federationAddress)) }
    func folded(_ place: HostPort) -> HostPort { HostPort(host: place.host.lowercased(), port: place.port) }
    let taken = Set(present.compactMap { $0 }.map(folded))
    return new.first { taken.contains(folded($0)) || $0.host.lowercased() == other.frameID }?.description
  }
}

/// Changes of its own endpoints that an operator asks for; nil leaves one as it is.
package struct EndpointChanges: Sendable {
  /// `https://host:port`.
  package var bundleEndpoint: String?
  /// `host:port`.
  package var federationAddress: String?
  /// Empty to publish none.
  package var apiURL: String?

  package init() {}

  package func applied(to endpoints: TreatyEndpoints) -> TreatyEndpoints {
    var endpoints = endpoints
    if let bundleEndpoint { endpoints.bundleEndpoint = bundleEndpoint }
    if let federationAddress { endpoints.federationAddress = federationAddress }
    if let apiURL { endpoints.apiURL = apiURL }
    return endpoints
  }
}

extension Treaty {
  /// Whose word something is.
  package enum Party: Sendable { case us, peer }

  func description(of party: Party) -> PBFrameDescription { party == .us ? ours : theirs }

  /// Where a frame is reached by the treaty as it stands.
  package func endpoints(of party: Party) -> TreatyEndpoints { TreatyEndpoints(of: description(of: party)) }

  /// The part that a frame has in the treaty's text.
  func role(of party: Party) -> TreatyDocument.Role {
    (direction == .outgoing) == (party == .us) ? .inviter : .invitee
  }

  /// Where a frame would be reached by an amended text; nil when it stays where it is, or the note is no treaty.
  package func move(of party: Party, in note: Data) -> TreatyEndpoints? {
    guard let endpoints = TreatyEndpoints(in: note, of: role(of: party)), endpoints != self.endpoints(of: party) else {
      return nil
    }
    return endpoints
  }

  /// Whether a proposal of ours that is open would move our own endpoints.
  var proposesMove: Bool {
    guard let proposed, proposed.state == .pending else { return false }
    return move(of: .us, in: proposed.document) != nil
  }
}
