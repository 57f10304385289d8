import FrameCanary
import FrameCore
import FrameNodeState
import FrameIdentity

/// Tokens by the keys in the data folder on a node whose identity comes from an agent. They say no more than that somebody can read
/// the folder: the command line as the frame's authority (docs/decisions/0004), and the node's own canary. Nobody but this node's
/// API takes them, and no bundle has their key.
package struct LocalTokens: Sendable {
  /// Of the keys in the data folder; never served, never pinned.
  let bundle: SPIFFEBundle
  private let subjects: Set<SPIFFEID>

  package init(bundle: SPIFFEBundle, subjects: Set<SPIFFEID>) {
    self.bundle = bundle
    self.subjects = subjects
  }

  /// Nil when those keys are the frame's authority anyway.
  package init?(_ node: NodeCore) {
    guard node.upstream != nil else { return nil }
    var subjects: Set<SPIFFEID> = [.authority(of: node.frame)]
    if let canary = try? AgentName(CanaryConfiguration.agent) { subjects.insert(.agent(canary, of: node.frame)) }
    self.init(bundle: node.authority.bundle, subjects: subjects)
  }

  /// Whether a token names one of these keys as its own, and the frame's authority does not have it: what that signs counts for
  /// everyone, also when somebody has given it the keys of this folder.
  func signed(_ token: String, unless authority: SPIFFEBundle?) -> Bool {
    guard let id = JWTSVIDVerifier.keyID(of: token) else { return false }
    return bundle.jwtAuthorities.contains { $0.keyID == id }
      && authority?.jwtAuthorities.contains { $0.keyID == id } != true
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
