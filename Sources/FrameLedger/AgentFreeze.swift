package import FrameCore

/// Why and since when the authority keeps an agent's money from moving out by the agent's own commands.
///
/// What comes in is credited, and what is already under way (a locked 2pc transfer, a hold with a payee, a redemption) is
/// carried to its end, so that no peer is left hanging.
package struct AgentFreeze: Sendable, Hashable {
  package let reason: String
  package let since: FrameTime

  package init(reason: String, since: FrameTime) {
    self.reason = reason
    self.since = since
  }
}
