import Foundation
import FrameCore
import FrameEvents
import FrameProtos
import FrameSettlement
import SwiftProtobuf

@testable import FrameBridge
@testable import FrameTreaty
@testable import FramePeering
@testable import FrameSNI
@testable import FrameIdentity

/// What peers, and strangers at the federation's doors, send.
enum FederationTargets {
  static let all = [clientHello, hostPort, discovery, invitation, treatyDocument, peerMessage, witnessAnswer]

  private static func hello(_ name: String) -> Data {
    let entry = Data([0, 0, UInt8(name.utf8.count)]) + Data(name.utf8)
    let list = Data([0, UInt8(entry.count)]) + entry
    let extensions = Data([0, 0, 0, UInt8(list.count)]) + list
    let body =
      Data([3, 3]) + Data(repeating: 1, count: 32) + Data([0, 0, 2, 0x13, 0x01, 1, 0, 0, UInt8(extensions.count)])
      + extensions
    let message = Data([1, 0, 0, UInt8(body.count)]) + body
    return Data([22, 3, 1, 0, UInt8(message.count)]) + message
  }

  /// Two readings: at once, and as it may arrive, a byte at a time and in halves.
  static let clientHello = FuzzTarget(
    "client-hello", words: ["a.example", "\u{16}\u{03}\u{01}", "\u{01}"], bytesMax: ClientHello.bytesMax + 64,
    seeds: [hello("a.example"), hello("B.Example"), Data([22, 3, 1, 0, 0]), Data("GET / HTTP/1.1\r\n".utf8)]
  ) { data in
    let whole = ClientHello.read(data)
    var slowly = ClientHello()
    var reading = ClientHello.Reading.needsMore
    for byte in data where reading == .needsMore { reading = slowly.take([byte]) }
    try FuzzTarget.require(reading == whole, "at once \(whole), byte by byte \(reading)")
    var halves = ClientHello()
    let first = halves.take(data.prefix(data.count / 2))
    let second = first == .needsMore ? halves.take(data.dropFirst(data.count / 2)) : first
    try FuzzTarget.require(second == whole, "at once \(whole), in halves \(second)")
    switch whole {
    case .name(let name):
      try FuzzTarget.require(name == name.lowercased() && (1...255).contains(name.utf8.count), "the name '\(name)'")
      return .accepted
    case .needsMore: return .refused("needs_more")
    case .noName: return .refused("no_name")
    case .notTLS: return .refused("not_tls")
    case .malformed: return .refused("malformed")
    case .tooLarge: return .refused("too_large")
    }
  }

  static let hostPort = FuzzTarget(
    "host-port", words: ["https://", ":", "[", "]", "::", "65535", "+1", "."], bytesMax: 512,
    texts: ["127.0.0.1:9443", "[::1]:1", "https://frame-a.example/", "a.example:443"]
  ) { text in
    try FuzzTarget.verdict {
      _ = try? HostPort(url: text)
      _ = try? SNIMap([(name: text, upstream: HostPort(host: "127.0.0.1", port: 1))])
      let address = try HostPort(text)
      try FuzzTarget.require((1...65_535).contains(address.port), "\(address)")
      let again = try HostPort(address.description)
      try FuzzTarget.require(again == address, "'\(address)' is read as '\(again)'")
      let map = try SNIMap([(name: address.host, upstream: address)])
      _ = map.nginx(listen: address, refusal: .alert(address))
    }
  }

  static func description(_ id: FrameID) -> PBFrameDescription {
    var description = PBFrameDescription()
    description.frameID = id.name
    description.native.origin = id.name
    description.native.code = id == FuzzKeys.frame ? "AVT" : "BVT"
    description.native.scale = 2
    description.bundleEndpoint = "https://127.0.0.1:9444/"
    description.bundleEndpointProfile = "https_spiffe"
    description.bundleFingerprint = "SHA256:\(id.name)"
    description.federationAddress = "127.0.0.1:9443"
    description.logVerifierKey = FuzzKeys.signer(id).verifierKey.text
    description.terms.subscriptions = ["CrossFrameTransferInitiated", "TokensBridgeLocked"]
    description.terms.netDebitCap = 1_000_00
    description.terms.bridgeCap = 1_000_00
    description.terms.bridgeRatePerMinute = 100_00
    return description
  }

  static let discovery = FuzzTarget(
    "discovery",
    words: [
      "\"frame_id\"", "\"native\"", "\"terms\"", "\"scale\"", "\"-1\"", "1e18", "null", "\"NaN\"", "{\"a\":", "[[",
    ],
    seeds: [try? Discovery.encode(description(FuzzKeys.peer))].compactMap { $0 }
  ) { data in
    try FuzzTarget.verdict {
      let found = try Discovery.decode(data, of: FuzzKeys.peer)
      let again = try Discovery.decode(try Discovery.encode(found), of: FuzzKeys.peer)
      try FuzzTarget.require(again == found, "a description does not come back as it was read")
    }
  }

  static let invitation = FuzzTarget(
    "invitation", words: ["\"payload\"", "\"proof\"", "\"x5c\"", "\"signature\"", "AAAA", "="], bytesMax: 8_192,
    texts: [#"{"payload":"CgFh","proof":{"signature":"MAA=","x5c":["MAA="]}}"#]
  ) { text in
    try FuzzTarget.verdict {
      let invitation = try TextDecoding.document.decode(
        SignedInvitation.self, json: Data(text.utf8), JSONReader.Limits(bytes: 8_192))
      _ = try FuzzKeys.wait { try await invitation.verify(as: FuzzKeys.frame, clock: FuzzKeys.Clock()) }
    }
  }

  static func signedSeeds() throws -> [(target: String, name: String, bytes: Data)] {
    let (svid, authority) = try IdentityTargets.svid(of: FuzzKeys.peer)
    let bundle = SPIFFEBundle(
      trustDomain: FuzzKeys.peer, x509Authorities: [authority], jwtAuthorities: [], sequence: 1, refreshHint: nil)
    let invitation = try SignedInvitation.sign(
      "T", to: FuzzKeys.frame, inviter: description(FuzzKeys.peer), bundle: try bundle.serialized(),
      expires: FuzzKeys.now + .seconds(3600), with: svid)
    return [("invitation", "good", try JSONEncoder().encode(invitation))]
  }

  private static func treaty() -> [String] {
    let (a, b) = (description(FuzzKeys.frame), description(FuzzKeys.peer))
    guard let text = try? TreatyDocument(treatyID: "T", revision: 0, inviter: a, invitee: b) else { return [] }
    let note = text.countersigned(text.signed(by: FuzzKeys.signer(FuzzKeys.frame)), by: FuzzKeys.signer(FuzzKeys.peer))
    return [String(decoding: note, as: UTF8.self), text.text]
  }

  static let treatyDocument = FuzzTarget(
    "treaty-document", words: ["\n", "inviter-log-key ", "invitee-log-key ", "-", "revision ", "treaty "],
    bytesMax: TreatyDocument.bytesMax, texts: treaty()
  ) { text in
    try FuzzTarget.verdict {
      let raw = Data(text.utf8)
      for role in [TreatyDocument.Role.inviter, .invitee] { _ = TreatyEndpoints(in: raw, of: role) }
      // And signed by both, whatever it says: what two frames with keys could hand to an auditor.
      let body = text.hasSuffix("\n") ? text : text + "\n"
      let one = CosignedNote(body, signedBy: FuzzKeys.signer(FuzzKeys.frame))
      let both = one.joined(with: CosignedNote(body, signedBy: FuzzKeys.signer(FuzzKeys.peer)))
      if let both { _ = try? TreatyDocument.inspect(both.bytes) }
      _ = try TreatyDocument.inspect(raw)
    }
  }

  static let witnessAnswer = FuzzTarget(
    "witness-answer", words: ["\n", "409"], bytesMax: 2_048,
    seeds: [Data([200]) + Data("x".utf8), Data([153]) + Data("12\n".utf8)]
  ) { data in
    // 409 and its like are above a byte: the first says which of the answers it is.
    let status = [200, 400, 403, 404, 409, 422, 500, 0][Int(data.first ?? 0) & 7]
    guard let answer = WitnessAnswer(status: status, body: Data(data.dropFirst())) else { return .refused("no_answer") }
    var reply = PBAddCheckpointReply(answer)
    reply.body = Data(data.dropFirst())
    let again = try WitnessAnswer(reply, from: FuzzKeys.peer)
    try FuzzTarget.require(again.status == answer.status, "\(answer) comes back as \(again)")
    return .accepted
  }
}
