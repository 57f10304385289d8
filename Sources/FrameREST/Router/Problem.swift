import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import Hummingbird

extension Problem {
  package init(_ error: any FrameError, instance: String, transferID: String? = nil) {
    self.init(
      status: error.kind.httpStatus, code: error.code, detail: error.message.sentence, remedy: error.remedy,
      instance: instance,
      transferID: transferID)
  }

  package init(
    status: Int, code: String, detail: String, remedy: String, instance: String, transferID: String? = nil
  ) {
    let title = code.split(separator: "_").joined(separator: " ")
    self.init(
      type: "urn:frame:problem:\(code)", title: title.prefix(1).uppercased() + title.dropFirst(), status: status,
      detail: detail, code: code, remedy: remedy, instance: instance, transferId: transferID)
  }

  /// Turns any error a handler can throw into a problem; what we did not foresee is a 500 that reveals nothing inside.
  package static func from(_ error: any Error, instance: String) -> Problem {
    switch error {
    case let refused as TransferProblem:
      return Problem(refused.error, instance: instance, transferID: refused.transferID)
    case let refused as TransferBatchError:
      var problem = Problem(refused, instance: instance)
      problem.index = refused.index
      problem.errors = refused.items.map { item in
        (item.error as? RequestError)?.part
          ?? Part(pointer: "/transfers/\(item.index)", code: item.error.code, detail: item.error.message.sentence)
      }
      return problem
    case let refused as RequestError:
      var problem = Problem(refused, instance: instance)
      problem.errors = [refused.part]
      return problem
    case let known as any FrameError:
      return Problem(known, instance: instance)
    case let http as any HTTPResponseError:
      let status = http.status.code
      let (code, remedy) =
        switch status {
        case 404: ("not_found", "See /openapi.yaml for the paths that exist.")
        case 405: ("method_not_allowed", "See /openapi.yaml for the methods of this path.")
        case 413: ("body_too_large", "Send at most 64 KiB.")
        default: ("bad_request", "See /openapi.yaml for what this path takes.")
        }
      return Problem(status: status, code: code, detail: http.status.reasonPhrase, remedy: remedy, instance: instance)
    default:
      return Problem(
        status: 500, code: "internal", detail: "The request failed inside the node.",
        remedy: "See the node's log; retry with the same Idempotency-Key.", instance: instance)
    }
  }

  package func response() -> Response {
    var response = JSONReply.response(self, status: .init(code: status, reasonPhrase: title))
    response.headers[.contentType] = "application/problem+json"
    // What is refused now may be there a second later: a tile, a receipt.
    response.headers[.cacheControl] = "no-store"
    if status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }
}

/// A refusal of a transfer that has an id.
package struct TransferProblem: Error {
  package let error: any FrameError
  package let transferID: String
}

/// A reply of JSON.
package enum JSONReply {
  package static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
    do {
      var buffer = ByteBuffer(bytes: try APIEncoding.bytes(value))
      buffer.writeInteger(UInt8(ascii: "\n"))
      return Response(
        status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: buffer))
    } catch {
      // Our own value types always encode (no non-conforming floats in them); this is what remains if one ever does not.
      return Response(status: .internalServerError)
    }
  }
}
