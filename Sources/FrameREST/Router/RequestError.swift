import Foundation
import FrameAPI
import FrameCore

/// What is wrong with a request before anything is made of it.
package enum RequestError: FrameError, Equatable {
  case body(TextFailure)
  /// The path takes no body.
  case bodyUnexpected
  case bodyMissing
  case contentType(String, takes: [String])
  case parameter(String, why: String)

  package var code: String {
    switch self {
    case .body, .bodyUnexpected, .bodyMissing: "invalid_body"
    case .contentType: "unsupported_media_type"
    case .parameter: "invalid_query"
    }
  }
  package var kind: FrameErrorKind {
    if case .contentType = self { .mediaType } else { .invalid }
  }
  package var message: String {
    switch self {
    case .body(let failure): "The request body is not what this path takes: \(failure)."
    case .bodyUnexpected: "This path takes no request body."
    case .bodyMissing: "The request has no body."
    case .contentType(let type, let takes):
      "The body is said to be '\(type.prefix(80))'; this path takes \(takes.joined(separator: " or "))."
    case .parameter(let name, let why): "The query parameter '\(name.prefix(80))' \(why)."
    }
  }
  package var remedy: String {
    switch self {
    case .body, .bodyMissing: "Send a JSON object as described in /openapi.yaml."
    case .bodyUnexpected: "Send none, or an empty object."
    case .contentType(_, let takes): "Send Content-Type: \(takes.first ?? "application/json")."
    case .parameter: "See /openapi.yaml for the parameters of this path."
    }
  }

  var part: Problem.Part {
    switch self {
    case .body(let failure): Problem.Part(pointer: failure.pointer, code: code, detail: "\(failure)")
    case .parameter(let name, let why):
      Problem.Part(parameter: String(name.prefix(80)), code: code, detail: "'\(name.prefix(80))' \(why)")
    case .bodyUnexpected, .bodyMissing, .contentType: Problem.Part(code: code, detail: message)
    }
  }
}
