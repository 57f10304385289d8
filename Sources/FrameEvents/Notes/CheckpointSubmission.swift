package import Foundation

/// The body of a C2SP tlog-witness `add-checkpoint` request: old size, consistency proof, checkpoint.
package struct CheckpointSubmission: Sendable, Equatable {
  package let oldSize: UInt64
  package let proof: [Data]
  /// The signed note.
  package let note: Data

  /// The most hashes a request may have.
  package static let proofMax = 63
  /// The largest note, with what may come before it.
  package static let bytesMax = SignedNote.maximumBytes + 64 + proofMax * 45

  package init(oldSize: UInt64, proof: [Data], note: Data) {
    self.oldSize = oldSize
    self.proof = proof
    self.note = note
  }

  package var body: Data {
    let lines = ["old \(oldSize)"] + proof.map { $0.base64EncodedString() } + [""]
    return Data((lines.joined(separator: "\n") + "\n").utf8) + note
  }

  /// The signed note of a body that may be no request in other ways: what a log has signed speaks for itself.
  package static func note(in body: Data) -> Data? {
    guard body.count <= bytesMax, let end = body.firstRange(of: Data([0x0a, 0x0a])) else { return nil }
    return Data(body[end.upperBound...])
  }

  /// - Throws: `LogError.badNote` when the body is not such a request.
  package init(body: Data) throws {
    guard body.count <= Self.bytesMax, let text = String(validating: body, as: UTF8.self) else {
      throw LogError.badNote("the request is too large or not UTF-8")
    }
    var rest = text[...]
    func line() throws -> Substring {
      guard let end = rest.utf8.firstIndex(of: 0x0a) else { throw LogError.badNote("the request ends within a line") }
      defer { rest = rest[rest.utf8.index(after: end)...] }
      return rest[..<end]
    }
    let first = try line()
    guard first.hasPrefix("old "), let old = UInt64(first.dropFirst(4)), String(old) == first.dropFirst(4) else {
      throw LogError.badNote("'\(first.prefix(80))' is not an old size line")
    }
    var proof: [Data] = []
    while true {
      let next = try line()
      if next.isEmpty { break }
      guard proof.count < Self.proofMax else { throw LogError.badNote("it has more than \(Self.proofMax) hashes") }
      guard let hash = Data(base64Encoded: String(next)), hash.count == 32, hash.base64EncodedString() == next else {
        throw LogError.badNote("'\(next.prefix(80))' is not a hash")
      }
      proof.append(hash)
    }
    self.init(oldSize: old, proof: proof, note: Data(rest.utf8))
  }
}

/// What a witness answers to `add-checkpoint`, as tlog-witness numbers it.
package enum WitnessAnswer: Sendable, Equatable {
  /// 200: signature lines over the checkpoint.
  case cosigned(Data)
  /// 409: the size last cosigned is another one. The note that was cosigned, so that the log can see that it is its own.
  case conflict(size: UInt64, note: Data)
  /// 400.
  case malformed(String)
  /// 403: not signed by the origin's key.
  case forbidden(String)
  /// 403: nothing of the log is cosigned any more, because it has two histories; between treaty peers only, and with the proof.
  case equivocated(EquivocationProof)
  /// 404.
  case unknownOrigin
  /// 422: not consistent with what was cosigned.
  case inconsistent(String)
  /// 500: the witness could not remember it. The log has done nothing wrong, and asks again.
  case failed(String)

  package var status: Int {
    switch self {
    case .cosigned: 200
    case .malformed: 400
    case .forbidden, .equivocated: 403
    case .unknownOrigin: 404
    case .conflict: 409
    case .inconsistent: 422
    case .failed: 500
    }
  }

  /// For metric labels.
  package var result: String {
    switch self {
    case .cosigned: "ok"
    case .malformed: "malformed"
    case .forbidden: "forbidden"
    case .equivocated: "equivocation"
    case .unknownOrigin: "unknown_origin"
    case .conflict: "conflict"
    case .inconsistent: "inconsistent"
    case .failed: "failed"
    }
  }

  package static let results = [
    "ok", "malformed", "forbidden", "equivocation", "unknown_origin", "conflict", "inconsistent", "failed",
  ]
}
