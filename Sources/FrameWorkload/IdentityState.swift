import FrameCore
import FrameIdentity
import FrameEvents
import FrameProtos

/// The registration entries, and how far the log knows the changes of the authority. Pure (DESIGN §3).
package struct IdentityState: Sendable, FrameState {
  package static let entriesMax = 1024

  package let frame: FrameID
  /// Grows with each change of the entries.
  package private(set) var version: UInt64 = 0
  /// What the log has been told of the authority's keys.
  package private(set) var logged = LoggedAuthority()

  package init(frame: FrameID) { self.frame = frame }

  /// In the order in which they were made.
  package private(set) var entries: [RegistrationEntry] = []

  /// - Throws: ``EntryError``.
  package func decide(_ command: IdentityCommand, _ context: DecisionContext) throws -> [EventDraft] {
    switch command {
    case .authorityChanged(let change):
      guard context.actor == .node(of: frame) || context.actor == .authority(of: frame) else {
        throw EntryError.notAuthority(context.actor.description)
      }
      return [EventDraft(Self.payload(change))]
    case .createEntry(let entry, let forNode): return [try create(entry, forNode, context)]
    case .removeEntry(let id, let reason): return [try remove(id, reason, context)]
    }
  }

  package mutating func evolve(_ recorded: RecordedEvent) {
    switch recorded.event.payload {
    case .authorityPrepared, .authorityActivated, .authorityTainted, .authorityRevoked, .authorityRetired:
      logged.note(recorded)
    case .registrationEntryCreated(let event):
      // What decide let into the log is well-formed; an entry that a newer version wrote in another form serves nobody.
      guard let entry = try? RegistrationEntry(event) else { return }
      entries.append(entry)
      version += 1
    case .registrationEntryRemoved(let event):
      entries.removeAll { $0.id == event.entryID }
      version += 1
    default: break
    }
  }

  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.same("frame", frame)
    try fields.field("version", &version)
    try fields.field("logged", &logged)
    try fields.field("entries", &entries)
  }

  private func create(_ entry: RegistrationEntry, _ forNode: Bool, _ context: DecisionContext) throws(EntryError)
    -> EventDraft
  {
    try requireAuthority(context)
    guard entry.spiffeID.trustDomain == frame, !entry.spiffeID.path.isEmpty else {
      throw .otherTrustDomain(entry.spiffeID, frame)
    }
    // Whoever has that id speaks for the frame to its peers: never by accident.
    let isNode = entry.spiffeID == .node(of: frame)
    guard isNode == forNode else { throw isNode ? .reserved(entry.spiffeID) : .notNode(entry.spiffeID) }
    guard entries.count < Self.entriesMax else { throw .tooMany(entries.count) }
    let twin = entries.first { $0.spiffeID == entry.spiffeID && $0.selectors == entry.selectors }
    if let twin { throw .exists(twin.id) }
    var event = PBRegistrationEntryCreated()
    event.entryID = entry.id
    event.spiffeID = entry.spiffeID.description
    event.selectors = entry.selectors.map(\.description)
    event.x509SvidTtlSeconds = UInt32(clamping: entry.x509Lifetime?.components.seconds ?? 0)
    event.jwtSvidTtlSeconds = UInt32(clamping: entry.jwtLifetime?.components.seconds ?? 0)
    event.hint = entry.hint
    return EventDraft(.registrationEntryCreated(event))
  }

  private func remove(_ id: String, _ reason: String, _ context: DecisionContext) throws(EntryError) -> EventDraft {
    try requireAuthority(context)
    guard let entry = entries.first(where: { $0.id == id }) else { throw .unknown(id) }
    guard TextLimit.reason.admits(reason) else { throw .reasonTooLong(TextLimit.length(of: reason)) }
    var event = PBRegistrationEntryRemoved()
    event.entryID = id
    event.spiffeID = entry.spiffeID.description
    event.reason = reason
    return EventDraft(.registrationEntryRemoved(event))
  }

  private func requireAuthority(_ context: DecisionContext) throws(EntryError) {
    guard context.actor == .authority(of: frame) else { throw .notAuthority(context.actor.description) }
  }

  private static func payload(_ change: AuthorityChange) -> PBEvent.OneOf_Payload {
    var message = PBAuthorityChange()
    message.kind = change.kind.rawValue
    message.authorityID = change.authorityID
    message.expiresUnixNs = change.expiresAt
    message.sequence = change.sequence
    message.fingerprint = change.fingerprint
    message.forced = change.forced
    switch change.action {
    case .prepared: return .authorityPrepared(.with { $0.change = message })
    case .activated: return .authorityActivated(.with { $0.change = message })
    case .tainted: return .authorityTainted(.with { $0.change = message })
    case .revoked: return .authorityRevoked(.with { $0.change = message })
    case .retired: return .authorityRetired(.with { $0.change = message })
    }
  }
}

extension RegistrationEntry {
  fileprivate init(_ event: PBRegistrationEntryCreated) throws {
    func lifetime(_ seconds: UInt32) -> Duration? { seconds == 0 ? nil : .seconds(Int64(seconds)) }
    try self.init(
      id: event.entryID, spiffeID: try SPIFFEID(event.spiffeID),
      selectors: try event.selectors.map { try Selector($0) },
      x509Lifetime: lifetime(event.x509SvidTtlSeconds), jwtLifetime: lifetime(event.jwtSvidTtlSeconds), hint: event.hint
    )
  }
}
