/// An RFC 9457 problem document: what every failed request answers with, as `application/problem+json`.
package struct Problem: Codable, Sendable, Equatable {
  /// One thing that is wrong with a request.
  package struct Part: Codable, Sendable, Equatable {
    /// Where in the body, as RFC 6901 writes it.
    package var pointer: String?
    /// The parameter of the query.
    package var parameter: String?
    package let code: String
    package let detail: String

    package init(pointer: String? = nil, parameter: String? = nil, code: String, detail: String) {
      self.pointer = pointer
      self.parameter = parameter
      self.code = code
      self.detail = detail
    }
  }

  package let type: String
  package let title: String
  package let status: Int
  package let detail: String
  package let code: String
  package let remedy: String
  package var instance: String
  /// Set when the failure concerns a transfer that exists, so that the caller can ask for it later.
  package var transferId: String?
  /// Which transfer of a batch was refused, from 0.
  package var index: Int?
  /// What is wrong one by one, when it can be said of a part of the request; bounded.
  package var errors: [Part]?

  package init(
    type: String, title: String, status: Int, detail: String, code: String, remedy: String, instance: String,
    transferId: String? = nil, index: Int? = nil, errors: [Part]? = nil
  ) {
    self.type = type
    self.title = title
    self.status = status
    self.detail = detail
    self.code = code
    self.remedy = remedy
    self.instance = instance
    self.transferId = transferId
    self.index = index
    self.errors = errors
  }
}
