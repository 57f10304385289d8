import FrameCore

/// Refuses what only an authority of the node's own can do, on a node whose identity comes from an agent.
package struct IdentityElsewhere: FrameError, Hashable {
  package let frame: FrameID
  /// Of the agent that gives the node its identity.
  package let socket: String
  /// What was asked for: `keys are rotated`.
  package let what: String

  package init(frame: FrameID, socket: String, what: String) {
    self.frame = frame
    self.socket = socket
    self.what = what
  }

  package var code: String { "authority_elsewhere" }
  package var kind: FrameErrorKind { .refused }
  package var message: String {
    "This node is not the authority of \(frame): its identity comes from the agent at \(socket), and \(what) there."
  }
  package var remedy: String {
    "Ask the authority behind that agent (for SPIRE: spire-server), or set identity.source to built-in in frame.yaml."
  }
}
