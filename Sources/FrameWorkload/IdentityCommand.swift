import Foundation
import FrameCore
import FrameIdentity
import FrameEvents

/// What can be asked of the frame's own identity.
package enum IdentityCommand: Sendable, Equatable {
  /// A change of the authority, which is in force already, is told to the log. By the node, or the authority that asked.
  case authorityChanged(AuthorityChange)
  /// Lets local processes have an SVID. The frame's authority only.
  /// - Parameter forNode: they are the frame's node, which runs elsewhere than its authority; else they may not be.
  case createEntry(RegistrationEntry, forNode: Bool = false)
  /// Ends that. The frame's authority only.
  case removeEntry(id: String, reason: String)

  /// SHA-256 of the command in a canonical form (for `CommandEnvelope`).
  package var digest: Data {
    switch self {
    case .authorityChanged(let change): CommandDigest.of(change.key)
    case .createEntry(let entry, let forNode):
      CommandDigest.of(
        "identity.entry", entry.id, entry.spiffeID.description,
        entry.selectors.map(\.description).joined(separator: "\n"),
        "\(entry.x509Lifetime?.components.seconds ?? 0)", "\(entry.jwtLifetime?.components.seconds ?? 0)", entry.hint,
        forNode ? "node" : "")
    case .removeEntry(let id, let reason): CommandDigest.of("identity.entry-remove", id, reason)
    }
  }
}

extension AuthorityChange {
  /// The idempotency key under which the log takes it: once, however often it is told.
  package var key: String { "authority/\(kind.rawValue)/\(sequence)/\(action.rawValue)/\(authorityID)" }
}
