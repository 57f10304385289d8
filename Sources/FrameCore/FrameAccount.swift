/// The accounts of the frame itself that answers and requests name, spelt as no agent can be.
public enum FrameAccount: String, Sendable, CaseIterable {
  case treasury, fees, issuance

  /// `frame:treasury`: an agent's name has no colon.
  public var text: String { "frame:\(rawValue)" }
  public init?(text: String) {
    guard text.hasPrefix("frame:") else { return nil }
    self.init(rawValue: String(text.dropFirst("frame:".count)))
  }

  /// What to do where one of them was named and only an agent can be: none of them holds, crosses to a peer or is paid by a transfer.
  static let remedy =
    "Name an agent: the treasury only pays agents of this frame (frame transfer), so pay one first. Money comes to the treasury by frame issue and frame fees collect; frame supply shows it."
}

/// Words that a person would take for something of the frame's own: no agent and no operator is registered under them.
///
/// Logs that had such agents before the rule keep them.
public enum ReservedNames {
  public static let words: Set<String> = [
    "treasury", "fees", "fee", "issuance", "issuer", "mint", "clearing", "bridge", "bridge_reserve", "bridge-reserve",
    "reserve", "reserves", "held", "holds", "staked", "liquid", "wrapped", "supply", "frame", "node", "authority",
    "operator", "operators", "agent", "agents", "peer", "peers", "api", "locked_for_bridge", "burn", "pool", "system",
    "circulating", "issued", "delta", "unknown",
  ]

  /// Neither itself one of the words, nor one with other separators: `bridge.reserve`, `fees_`.
  public static func contain(_ name: String) -> Bool {
    let plain = name.utf8.filter { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
    return words.contains(name) || plainWords.contains(Array(plain))
  }

  private static let plainWords = Set(
    words.map { Array($0.utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }) })
}
