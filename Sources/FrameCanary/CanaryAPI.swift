import FrameCore

/// One transfer the canary asks for. The same request with the same key has one effect, however often it is sent.
package struct CanaryRequest: Hashable, Sendable {
  package let backend: CanaryBackend
  package let to: AgentAddress
  /// Decimal string in our native currency.
  package let amount: String
  package let idempotencyKey: String
}

/// What the API says of a transfer.
package struct CanaryReceipt: Hashable, Sendable {
  package let transferID: String
  /// `completed`, `pending`, `in_doubt`, `refused` or `compensated`.
  package let state: String

  package init(transferID: String, state: String) {
    self.transferID = transferID
    self.state = state
  }
}

/// The canary's view of its node's public API.
package protocol CanaryAPI: Sendable {
  /// `POST /teg/cross-registry-transfer?backend=…`.
  /// - Throws: ``CanaryAPIError``.
  func start(_ request: CanaryRequest, timeout: Duration) async throws(CanaryAPIError) -> CanaryReceipt
  /// `GET /teg/cross-registry-transfer/{id}`.
  /// - Throws: ``CanaryAPIError``.
  func look(at transferID: String, timeout: Duration) async throws(CanaryAPIError) -> CanaryReceipt
}

/// A call that brought no receipt.
package enum CanaryAPIError: Error, Hashable, CustomStringConvertible {
  /// No answer: whether the node acted is unknown.
  case noAnswer(CanaryFailure, String)
  /// An answer that says no: nothing is in flight because of this call.
  case problem(CanaryFailure, code: String, transferID: String?)

  package var failure: CanaryFailure {
    switch self {
    case .noAnswer(let failure, _), .problem(let failure, _, _): failure
    }
  }

  package var description: String {
    switch self {
    case .noAnswer(let failure, let why): "\(failure.rawValue): \(why)"
    case .problem(let failure, let code, _): "\(failure.rawValue): \(code)"
    }
  }
}
