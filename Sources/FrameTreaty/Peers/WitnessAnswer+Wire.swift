import FrameCore
import FrameEvents
import FrameProtos
import Foundation

// tlog-witness's answers as the peer channel carries them.

extension PBAddCheckpointReply {
  package init(_ answer: WitnessAnswer) {
    self.init()
    status = UInt32(answer.status)
    switch answer {
    case .cosigned(let lines): body = lines
    case .conflict(let size, let note):
      body = Data("\(size)\n".utf8)
      self.note = note
    case .malformed(let why), .forbidden(let why), .inconsistent(let why), .failed(let why):
      body = Data("\(why)\n".utf8)
    case .equivocated(let proof):
      body = Data("the log has two histories (\(proof.kind.rawValue))\n".utf8)
      equivocation = proof.document
    case .unknownOrigin: break
    }
  }
}

extension WitnessAnswer {
  /// - Throws: ``PeerCallError`` when it is not an answer of tlog-witness.
  package init(_ reply: PBAddCheckpointReply, from peer: FrameID) throws {
    // What is no proof leaves a refusal with a reason.
    if reply.status == 403, !reply.equivocation.isEmpty,
      let proof = try? EquivocationProof(document: reply.equivocation)
    {
      self = .equivocated(proof)
      return
    }
    guard let answer = WitnessAnswer(status: Int(reply.status), body: reply.body, note: reply.note) else {
      throw PeerCallError.refused(
        peer: peer, code: "malformed_answer", message: "\(reply.status) is no answer of a witness.")
    }
    self = answer
  }

  /// - Parameter note: with 409, the checkpoint last cosigned, if the witness sent it.
  package init?(status: Int, body: Data, note: Data = Data()) {
    let text = String(decoding: body.prefix(1_000), as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
    switch status {
    case 200: self = .cosigned(body)
    case 400: self = .malformed(text)
    case 403: self = .forbidden(text)
    case 404: self = .unknownOrigin
    case 409:
      guard let size = UInt64(text), String(size) == text else { return nil }
      self = .conflict(size: size, note: note)
    case 422: self = .inconsistent(text)
    case 500: self = .failed(text)
    default: return nil
    }
  }
}
