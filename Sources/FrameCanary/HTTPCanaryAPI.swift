import AsyncHTTPClient
import Foundation
import FrameCore
import NIOCore
import NIOFoundationCompat

/// ``CanaryAPI`` over HTTP with a bearer token.
package struct HTTPCanaryAPI: CanaryAPI {
  /// An answer larger than this is not one of ours.
  static let maximumAnswer = 64 * 1024

  private let client: HTTPClient
  private let baseURL: @Sendable () async throws -> String
  private let token: @Sendable () async throws -> String

  /// - Parameters:
  ///   - baseURL: where the node's own API listens, e.g. `http://127.0.0.1:8080`; asked each time, since a port chosen by
  ///     the system is known only once the listener is up.
  ///   - token: a JWT-SVID of the canary's agent that is valid now.
  package init(
    client: HTTPClient, baseURL: @escaping @Sendable () async throws -> String,
    token: @escaping @Sendable () async throws -> String
  ) {
    self.client = client
    self.baseURL = baseURL
    self.token = token
  }

  package func start(
    _ request: CanaryRequest, timeout: Duration
  ) async throws(CanaryAPIError) -> CanaryReceipt {
    let body = StartBody(to: request.to.description, amount: request.amount, memo: "canary")
    return try await call(
      "/teg/cross-registry-transfer?backend=\(request.backend.rawValue)", body: body,
      idempotencyKey: request.idempotencyKey, timeout: timeout)
  }

  package func look(at transferID: String, timeout: Duration) async throws(CanaryAPIError) -> CanaryReceipt {
    try await call(
      "/teg/cross-registry-transfer/\(transferID)", body: nil, idempotencyKey: nil, timeout: timeout)
  }

  /// A POST when there is a body, else a GET.
  private func call(
    _ path: String, body: StartBody?, idempotencyKey: String?, timeout: Duration
  ) async throws(CanaryAPIError) -> CanaryReceipt {
    let status: Int
    let data: ByteBuffer
    do {
      var request = HTTPClientRequest(url: try await baseURL() + path)
      request.method = body == nil ? .GET : .POST
      request.headers.add(name: "Authorization", value: "Bearer \(try await token())")
      request.headers.add(name: "User-Agent", value: "frame-canary")
      if let idempotencyKey { request.headers.add(name: "Idempotency-Key", value: idempotencyKey) }
      if let body {
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(body)))
      }
      let response = try await client.execute(request, timeout: .nanoseconds(timeout.nanoseconds))
      status = Int(response.status.code)
      data = try await response.body.collect(upTo: Self.maximumAnswer)
    } catch let error as HTTPClientError where Self.isTimeout(error) {
      throw .noAnswer(.timeout, error.words)
    } catch is CancellationError {
      throw .noAnswer(.timeout, "cancelled")
    } catch {
      throw .noAnswer(.unreachable, error.words)
    }
    return try Self.interpret(status: status, data)
  }

  private static func isTimeout(_ error: HTTPClientError) -> Bool {
    error == .deadlineExceeded || error == .readTimeout || error == .connectTimeout
      || error == .getConnectionFromPoolTimeout
  }

  /// What an answer means, by status first: the body of a problem only refines it.
  static func interpret(status: Int, _ body: ByteBuffer) throws(CanaryAPIError) -> CanaryReceipt {
    let answer = try? TextDecoding.extensible.decode(
      Answer.self, json: Data(buffer: body), JSONReader.Limits(bytes: Self.maximumAnswer))
    switch status {
    case 200..<300:
      guard let id = answer?.transfer_id, !id.isEmpty, let state = answer?.state else {
        throw .problem(.badResponse, code: "no_receipt", transferID: nil)
      }
      return CanaryReceipt(transferID: id, state: state)
    case 401, 403: throw .problem(.unauthorized, code: answer?.code ?? "http_\(status)", transferID: nil)
    case 503: throw .problem(.peerUnavailable, code: answer?.code ?? "http_503", transferID: answer?.transfer_id)
    case 400..<500:
      let code = answer?.code ?? "http_\(status)"
      throw .problem(code == "insufficient_funds" ? .noFunds : .refused, code: code, transferID: answer?.transfer_id)
    case 500...:
      throw .problem(.internal, code: answer?.code ?? "http_\(status)", transferID: answer?.transfer_id)
    default: throw .problem(.badResponse, code: "http_\(status)", transferID: nil)
    }
  }

  private struct StartBody: Encodable {
    let to: String
    let amount: String
    let memo: String
  }

  /// The fields of a receipt or of a problem document that matter here.
  private struct Answer: Decodable {
    let transfer_id: String?
    let state: String?
    let code: String?
  }
}
