/// The id of a frame: its SPIFFE trust domain name, e.g. `frame-a.example` (SPIFFE-ID §2.1; CONFORMANCE S1).
///
/// Lower-case letters, digits, `.`, `-` and `_`; 1 to 255 bytes.
public struct FrameID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let name: String

  /// - Throws: ``IdentifierError`` when `name` is not a trust domain name.
  public init(_ name: String) throws(IdentifierError) {
    guard !name.isEmpty, name.utf8.count <= 255, name.utf8.allSatisfy(Self.isAllowed) else {
      throw .trustDomain(name)
    }
    self.name = name
  }

  static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  public var description: String { name }
  public static func < (a: Self, b: Self) -> Bool { a.name < b.name }
}

/// An identifier that does not follow its grammar.
public enum IdentifierError: FrameError, Hashable {
  case trustDomain(String)
  case spiffeID(String, why: String)
  case agentName(String)
  case operatorName(String)
  case agentAddress(String)
  case currency(String)
  case scale(Int)
  case idempotencyKey(String)

  public var code: String {
    switch self {
    case .trustDomain: "invalid_trust_domain"
    case .spiffeID: "invalid_spiffe_id"
    case .agentName: "invalid_agent_name"
    case .operatorName: "invalid_operator_name"
    case .agentAddress: "invalid_agent_address"
    case .currency: "invalid_currency"
    case .scale: "invalid_scale"
    case .idempotencyKey: "invalid_idempotency_key"
    }
  }
  public var kind: FrameErrorKind { .invalid }
  public var message: String {
    switch self {
    case .trustDomain(let s): "'\(s.prefix(300))' is not a trust domain name."
    case .spiffeID(let s, let why): "'\(s.prefix(300))' is not a SPIFFE ID: \(why)."
    case .agentName(let s) where FrameAccount(text: s) != nil:
      "'\(s)' is an account of the frame itself, and an agent is needed here."
    case .agentName(let s): "'\(s.prefix(100))' is not an agent name."
    case .operatorName(let s): "'\(s.prefix(100))' is not an operator name."
    case .agentAddress(let s): "'\(s.prefix(400))' is not an agent address."
    case .currency(let s): "'\(s.prefix(40))' is not a currency code."
    case .scale(let n): "\(n) is not a currency scale."
    case .idempotencyKey(let s): "'\(s.prefix(160))' is not an idempotency key."
    }
  }
  public var remedy: String {
    switch self {
    case .trustDomain: "Use 1 to 255 of a-z, 0-9, '.', '-', '_', for example frame-a.example."
    case .spiffeID: "Use spiffe://<trust domain>/<path>, for example spiffe://frame-a.example/agent/alice."
    case .agentName(let s) where FrameAccount(text: s) != nil: FrameAccount.remedy
    case .agentName: "Use 1 to 64 of a-z, 0-9, '-', '_', '.', starting with a letter or digit."
    case .operatorName: "Use 1 to 32 of a-z, 0-9 and '-', starting with a letter or digit."
    case .agentAddress: "Use <agent>@<frame>, for example alice@frame-a.example."
    case .currency: "Use 2 to 12 of A-Z and 0-9, starting with a letter, for example AVT."
    case .scale: "Use 0 to 9 decimal places."
    case .idempotencyKey: "Use 1 to 128 printable ASCII characters without spaces."
    }
  }
}
