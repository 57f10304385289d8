import Foundation
import FrameAPI
import FrameCore
import FrameTreaty
import FramePeering
import FrameEvents
import FrameNodeState
import FrameLog
import HTTPTypes
import Hummingbird

/// This node as a witness of its peers' logs (C2SP tlog-witness below `/witness`), and what witnesses say of its own.
package struct WitnessRoutes {
  let node: NodeCore
  let watch: PeerLogWatch
  let cosignatures: Cosignatures

  func add(to api: APIRouter) {
    api.on(.post, "/witness/add-checkpoint", .anyone) { [watch] call in Self.reply(await watch.add(call.body)) }
    api.on(.get, "/witness/{origin}/checkpoint", .anyone) { [watch] call in
      guard let newest = try await watch.newest(originHash: call.parameter("origin")) else {
        throw Refusal(
          "not_witnessed", .notFound, "No log with that origin hash was witnessed here.",
          remedy: "Use the SHA-256 of the log's origin line, in hex; only logs of treaty peers are witnessed.")
      }
      return .text(String(decoding: newest.note, as: UTF8.self), cacheControl: TileRoutes.mutable)
    }
    api.on(.get, "/log/cosigned", .anyone) { [cosignatures] _ in
      guard let newest = cosignatures.newest() else {
        throw Refusal(
          "not_cosigned", .notFound, "No witness has cosigned a checkpoint of this log yet.",
          remedy: "Establish a treaty or configure witnesses, and wait a few seconds.")
      }
      return .text(String(decoding: newest.note, as: UTF8.self), cacheControl: TileRoutes.mutable)
    }
    api.on(.get, "/api/v1/peers/{peer}/witness", .authority) { [node, watch, cosignatures] call in
      let peer = try FrameID(call.parameter("peer"))
      let (treaty, fraud) = try await node.writer.read { state in
        (try state.federation.require(peer), state.federation.equivocations[peer])
      }
      let key = try LogVerifierKey(treaty.peerLogKey)
      return .json(
        WitnessView(
          peer: peer, seen: try await watch.witness.newest(key), cosigner: try CosignatureKey(witnessOf: key),
          cosigned: cosignatures.newest(), fraud: fraud))
    }
    api.on(.get, "/api/v1/peers/{peer}/equivocation", .authority) { [node, watch] call in
      let peer = try FrameID(call.parameter("peer"))
      if let waiting = watch.unrecorded(peer) { return .json(waiting) }
      guard let fraud = try await node.writer.read({ $0.federation.equivocations[peer] }) else {
        throw Refusal(
          "no_equivocation", .notFound, "No proof stands that the log of '\(peer)' has two histories.",
          remedy: "A proof ends with the treaty; earlier ones are in the log, as PeerEquivocationProven.")
      }
      guard let digest = fraud.filed else { return .json(fraud.proof) }
      guard let proof = try await watch.filed(digest) else {
        throw Refusal(
          "evidence_missing", .notFound,
          "The proof that the log of '\(peer)' has two histories is not in '\(watch.evidence.url.lastPathComponent)'.",
          remedy: "It does not fit event \(fraud.position), which has its SHA-256: look for the file in a backup.")
      }
      return .json(proof)
    }
  }

  /// As tlog-witness has it, not as a problem document: its clients know only that.
  private static func reply(_ answer: WitnessAnswer) -> APIReply {
    let type: String
    let body: Data
    switch answer {
    case .cosigned(let lines): (type, body) = ("text/plain; charset=utf-8", lines)
    case .conflict(let size, _): (type, body) = ("text/x.tlog.size", Data("\(size)\n".utf8))
    case .malformed(let why), .forbidden(let why), .inconsistent(let why), .failed(let why):
      (type, body) = ("text/plain; charset=utf-8", Data("\(why)\n".utf8))
    case .equivocated(let proof):
      (type, body) = (
        "text/plain; charset=utf-8", Data("the log has two histories (\(proof.kind.rawValue))\n".utf8)
      )
    case .unknownOrigin: (type, body) = ("text/plain; charset=utf-8", Data("unknown origin\n".utf8))
    }
    return APIReply(
      response: Response(
        status: .init(code: answer.status), headers: [.contentType: type],
        body: .init(byteBuffer: ByteBuffer(bytes: body))))
  }
}

extension WitnessView {
  init(
    peer: FrameID, seen: SignedCheckpoint?, cosigner: CosignatureKey, cosigned: SignedCheckpoint?,
    fraud: PeerEquivocation?
  ) {
    self.init(
      peer: peer.name,
      witnessedSize: seen?.size,
      witnessedRoot: seen?.root.base64EncodedString(),
      witnessKey: cosigner.text,
      cosignedSize: cosigned.flatMap { $0.isCosigned(by: cosigner) ? $0.size : nil },
      equivocation: fraud.map {
        .init(kind: $0.proof.kind.rawValue, position: $0.position, time: $0.time.description)
      })
  }
}
