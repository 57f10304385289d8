import FrameCanary
import FrameCore
import FrameIdentity

/// Tokens by the keys in the data folder on a node whose identity comes from an agent. They say no more than that somebody can read
/// the folder: the command line as the frame's authority (docs/decisions/0004), and the node's own canary. Nobody but this node's
/// API takes them, and no bundle has their key.
package struct LocalTokens: Sendable {
  /// Of the keys in the data folder; never served, never pinned.
  let bundle: SPIFFEBundle
  private let subjects: Set<SPIFFEID>

  /// Nil when those keys are the frame's authority anyway.
  init?(_ node: NodeCore) {
    guard node.upstream != nil else { return nil }
    bundle = node.authority.bundle
    var subjects: Set<SPIFFEID> = [.authority(of: node.frame)]
    if let canary = try? AgentName(CanaryConfiguration.agent) { subjects.insert(.agent(canary, of: node.frame)) }
    self.subjects = subjects
  }

  /// Whether a token names one of these keys as its own.
  func signed(_ token: String) -> Bool {
    guard let id = JWTSVIDVerifier.keyID(of: token) else { return false }
    return bundle.jwtAuthorities.contains { $0.keyID == id }
  }

  /// - Throws: a `Refusal` for everyone else: who that is, the frame's authority says.
  func admit(_ id: SPIFFEID) throws {
    guard subjects.contains(id) else {
      throw Refusal(
        "token_not_of_authority", .unauthenticated, "The keys in the data folder do not vouch for '\(id)'.",
        remedy: "Use a JWT-SVID of the frame's authority; identity.source in frame.yaml says where that is.")
    }
  }
}
