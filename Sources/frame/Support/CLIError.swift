import Foundation
import FrameCore

/// What the command line itself refuses or cannot do; what a node answers is ``ProblemDocument``.
enum CLIError: FrameError, Equatable {
  case nodeUnreachable(url: String, why: String)
  /// It is up, and serves nothing yet: what it waits for is at its ops listener.
  case nodeNotReady(url: String, why: String)
  case badAnswer(url: String, why: String)
  case noNode(path: String)
  case noFile(path: String, why: String)
  /// There is something at the path, or may be, that this user may not look at.
  case noAccess(path: String, why: String)
  case badTransferFile(path: String, why: String)
  case portInUse(port: Int, name: String, option: String)
  case portNotAllowed(port: Int, name: String, why: String)
  case folderNotWritable(path: String, WriteFailure)
  case childDied(frame: String, status: String, log: String, tail: String)
  case timedOut(what: String, seconds: Int)
  case auditFailed(frame: String, problems: String)
  case sameFrame(String)
  case unexpected(String)
  case outputFailed(why: String)
  case shutdownOverdue(seconds: Double, running: [String])

  var code: String {
    switch self {
    case .nodeUnreachable: "node_unreachable"
    case .nodeNotReady: "node_not_ready"
    case .badAnswer: "bad_answer"
    case .noNode: "no_frame_here"
    case .noFile: "no_such_file"
    case .noAccess: "no_access"
    case .badTransferFile: "bad_transfer_file"
    case .portInUse: "port_in_use"
    case .portNotAllowed: "port_not_allowed"
    case .folderNotWritable: "not_writable"
    case .childDied: "node_died"
    case .timedOut: "timed_out"
    case .auditFailed: "audit_failed"
    case .sameFrame: "same_frame"
    case .unexpected: "unexpected_state"
    case .outputFailed: "output_failed"
    case .shutdownOverdue: "shutdown_overdue"
    }
  }

  var kind: FrameErrorKind {
    switch self {
    case .nodeUnreachable, .nodeNotReady, .timedOut, .childDied, .outputFailed: .unavailable
    case .badAnswer, .auditFailed, .unexpected, .shutdownOverdue: .internal
    case .noNode, .noFile: .notFound
    case .badTransferFile, .sameFrame: .invalid
    case .portInUse: .conflict
    case .portNotAllowed, .noAccess: .forbidden
    case .folderNotWritable(_, let failure): failure.kind
    }
  }

  var message: String {
    switch self {
    case .nodeUnreachable(let url, let why): "The node at \(url) does not answer: \(why)."
    case .nodeNotReady(let url, let why): "The node at \(url) is running and not ready: \(why)."
    case .badAnswer(let url, let why): "The answer of \(url) is not what this command expects: \(why)."
    case .noNode(let path): "There is no frame at \(path)."
    case .noFile(let path, let why): "The file \(path) cannot be read: \(why)."
    case .noAccess(let path, let why): "\(path) cannot be looked at: \(why)."
    case .badTransferFile(let path, let why): "The file \(path) is not a list of transfers: \(why)."
    case .portInUse(let port, let name, _): "Port \(port) (\(name)) is in use by another process."
    case .portNotAllowed(let port, let name, let why): "Port \(port) (\(name)) cannot be opened: \(why)."
    case .folderNotWritable(let path, let failure): "The folder \(path) cannot be written: \(failure.why)."
    case .childDied(let frame, let status, _, let tail):
      "The node of \(frame) ended (\(status))." + (tail.isEmpty ? "" : " The end of its log is below.")
    case .timedOut(let what, let seconds): "\(what) did not happen within \(seconds) s."
    case .auditFailed(let frame, let problems): "The audit of \(frame) is not clean: \(problems)."
    case .sameFrame(let frame): "Both folders are of \(frame)."
    case .unexpected(let what): "\(what)."
    case .outputFailed(let why): "The output cannot be written: \(why)."
    case .shutdownOverdue(let seconds, let running):
      "The node did not stop within \(seconds) s and is ended now. Still running: "
        + (running.isEmpty ? "nothing that is known" : running.joined(separator: ", ")) + "."
    }
  }

  /// Lines to show below the error.
  var details: [String] {
    if case .childDied(_, _, _, let tail) = self { tail.split(separator: "\n").map(String.init) } else { [] }
  }

  var remedy: String {
    switch self {
    case .nodeUnreachable: "Start it with frame serve, or name another one with --data, --config or --url."
    case .nodeNotReady: "Wait, or do what its reason asks for; frame_ready and /readyz show when it is ready."
    case .badAnswer: "Use the frame binary of the node's own version."
    case .noFile: "Check its name and its permissions."
    case .noAccess: "Run the command as the user that the node runs as; nobody else may read its folder."
    case .badTransferFile: "See frame transfer batch --help for what it has to look like."
    case .noNode: "Name its folder with --data or its frame.yaml with --config, or make one with frame init."
    case .portInUse(_, _, let option): "Stop that process, or choose another port with \(option)."
    case .portNotAllowed: "Use a port above 1023 and an address of this machine."
    case .folderNotWritable(_, let failure): failure.remedy
    case .childDied(_, _, let log, _): "See \(log)."
    case .timedOut: "See the nodes' log files."
    case .auditFailed: "See the runbook of FrameSupplyDelta; stop the frame before anything is moved."
    case .sameFrame: "Name the peer's data folder with --with."
    case .unexpected: "See the nodes' log files."
    case .outputFailed: "Make room or write it elsewhere; what the command did before is done."
    case .shutdownOverdue:
      "Nothing acknowledged is lost; see the lines before this one, and start the node again."
    }
  }
}

/// An RFC 9457 problem document: why the node said no.
struct ProblemDocument: Decodable, FrameError {
  /// As the node sent it.
  private(set) var document = Data()
  let code: String
  let message: String
  let remedy: String
  let status: Int
  let transferID: String?

  var kind: FrameErrorKind {
    // Some refusals of the protocol have a status of their own (417, 431): it is the request that is wrong.
    FrameErrorKind.allCases.first { $0.httpStatus == status } ?? ((400..<500).contains(status) ? .invalid : .internal)
  }

  enum CodingKeys: String, CodingKey {
    case code, detail, remedy, status
    case transferID = "transfer_id"
  }

  init(code: String, message: String, remedy: String, status: Int, transferID: String? = nil) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.status = status
    self.transferID = transferID
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    code = try container.decode(String.self, forKey: .code)
    message = try container.decode(String.self, forKey: .detail)
    remedy = try container.decodeIfPresent(String.self, forKey: .remedy) ?? ""
    status = try container.decode(Int.self, forKey: .status)
    transferID = try container.decodeIfPresent(String.self, forKey: .transferID)
  }

  /// - Returns: nil unless `data` is one.
  init?(_ data: Data) {
    let decoding = TextDecoding(spelling: .asWritten, unknown: .skipped, null: .absent)
    guard var problem = try? decoding.decode(ProblemDocument.self, json: data, APIClient.answerLimits) else {
      return nil
    }
    problem.document = data
    self = problem
  }

  /// An error as a program reads it, in one line: the node's problem document if it is one, else one of the same form; with the
  /// command's exit code, and the idempotency key that was made for it, so that it can be repeated.
  static func json(of error: any FrameError, status: ExitStatus) -> String {
    var fields: [String: TextTree] = [
      "type": .string("urn:frame:problem:\(error.code)"), "code": .string(error.code),
      "detail": .string(error.message.sentence),
      "remedy": .string(error.remedy),
    ]
    let sent = (error as? ProblemDocument).flatMap { try? TextTree(json: $0.document, APIClient.answerLimits) }
    for member in sent?.members ?? [] { fields[member.name] = member.value }
    fields["exit_code"] = .number(String(status.rawValue))
    if let key = KeyOptions.made { fields["idempotency_key"] = .string(key) }
    return Shown.json(TextTree.object(fields.map { .init($0.key, $0.value) }).json(sorted: true))
  }
}
