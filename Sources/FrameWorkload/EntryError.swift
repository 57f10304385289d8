import FrameCore

/// Why a registration entry is refused.
package enum EntryError: FrameError, Hashable {
  case otherTrustDomain(SPIFFEID, FrameID)
  case reserved(SPIFFEID)
  case notNode(SPIFFEID)
  case badSelector(String)
  case pathUnusable(String, why: String)
  case noSelectors(SPIFFEID)
  case tooManySelectors(Int)
  case hintTooLong(Int)
  case lifetime(String, Int)
  case exists(String)
  case unknown(String)
  case tooMany(Int)
  case notAuthority(String)
  case reasonTooLong(Int)

  package var code: String {
    switch self {
    case .otherTrustDomain: "entry_other_trust_domain"
    case .reserved: "entry_reserved_id"
    case .notNode: "entry_not_node"
    case .badSelector: "entry_bad_selector"
    case .pathUnusable: "entry_path_unusable"
    case .noSelectors: "entry_no_selectors"
    case .tooManySelectors: "entry_too_many_selectors"
    case .hintTooLong: "entry_hint_too_long"
    case .lifetime: "entry_lifetime"
    case .exists: "entry_exists"
    case .unknown: "entry_unknown"
    case .tooMany: "entry_too_many"
    case .notAuthority: "not_authority"
    case .reasonTooLong: "entry_reason_too_long"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .exists, .tooMany: .conflict
    case .unknown: .notFound
    case .notAuthority: .forbidden
    default: .invalid
    }
  }
  package var message: String {
    switch self {
    case .otherTrustDomain(let id, let frame): "'\(id)' is not in the trust domain \(frame)."
    case .reserved(let id): "'\(id)' is not for workloads."
    case .notNode(let id): "'\(id)' is not the frame's node."
    case .badSelector(let text): "'\(text.shown(120))' is not a selector."
    case .pathUnusable(let path, let why): "'\(path.shown(120))' cannot tell who a process is: \(why)."
    case .noSelectors(let id): "The entry for '\(id)' has no selector: every local process would get it."
    case .tooManySelectors(let count):
      "The entry has \(count) selectors; \(RegistrationEntry.selectorsMax) are the most."
    case .hintTooLong(let count): "The hint has \(count) bytes; \(RegistrationEntry.hintBytesMax) are the most."
    case .lifetime(let field, let seconds): "\(field) is \(seconds)."
    case .exists(let id): "The entry \(id) has the same SPIFFE ID and selectors."
    case .unknown(let id): "There is no registration entry '\(id.shown(80))'."
    case .tooMany(let count): "The frame has \(count) registration entries, which is the most."
    case .notAuthority(let actor): "'\(actor)' may not do this."
    case .reasonTooLong(let count): TextLimit.reason.excess("reason", count)
    }
  }
  package var remedy: String {
    switch self {
    case .otherTrustDomain: "A frame names its own workloads only."
    case .reserved:
      "Use another path, for example /agent/alice or /operator/backup. /node is the node's own; for a node that runs elsewhere than its authority add --for-node."
    case .notNode: "Use /node, or leave --for-node away."
    case .badSelector: "Use unix:uid:<number>, unix:gid:<number> or unix:path:</absolute/path>."
    case .pathUnusable:
      "Name the program itself, with all links resolved, as the node's machine sees it; only its owner and group may be able to write it."
    case .noSelectors: "Name at least one, for example unix:uid:1000."
    case .tooManySelectors, .hintTooLong, .reasonTooLong: "Use fewer."
    case .lifetime: "Use at least 30 seconds (JWT: 1) and at most what identity in frame.yaml allows."
    case .exists: "Use that entry, or delete it first."
    case .unknown: "List them with 'frame entry list'."
    case .tooMany: "Delete those that are not used any more."
    case .notAuthority: "Only the frame's authority may; use the frame command on the node's data folder."
    }
  }
}
