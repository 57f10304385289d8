import FrameCore

/// The keys of one kind: exactly one signs, at most one is prepared, the others are on their way out. A pure value.
struct AuthorityRing<Key: Sendable>: Sendable {
  struct Entry: Sendable {
    var record: AuthorityRecord
    let key: Key
  }

  let kind: AuthorityKind
  /// Active first, then in the order in which they were published. Never empty.
  private(set) var entries: [Entry]

  /// Keys of one kind at once: a bundle must fit into an event of the peer's log.
  static var keysMax: Int { 8 }

  /// - Returns: nil unless exactly one is active, at most one prepared, and no id comes twice.
  init?(_ kind: AuthorityKind, _ entries: [Entry]) {
    guard entries.count(where: { $0.record.state == .active }) == 1,
      entries.count(where: { $0.record.state == .prepared }) <= 1, entries.count <= Self.keysMax,
      Set(entries.map(\.record.id)).count == entries.count
    else { return nil }
    self.kind = kind
    self.entries = entries.filter { $0.record.state == .active } + entries.filter { $0.record.state != .active }
  }

  /// A ring of one key that signs from now on.
  init(_ kind: AuthorityKind, first key: Key, id: String, now: FrameTime, expiresAt: FrameTime) {
    self.kind = kind
    self.entries = [
      Entry(
        record: AuthorityRecord(
          id: id, state: .active, publishedAt: now, expiresAt: expiresAt, activatedAt: now), key: key)
    ]
  }

  var active: Entry { entries[0] }
  var prepared: Entry? { entries.first { $0.record.state == .prepared } }
  var keys: [Key] { entries.map(\.key) }
  var records: [AuthorityRecord] { entries.map(\.record) }

  // MARK: When

  /// The step that falls due next by the policy, and when.
  func next(_ spans: RotationSpans) -> (at: FrameTime, step: RotationStep) {
    let active = active.record
    let life = active.expiresAt - active.publishedAt
    var steps: [(at: FrameTime, step: RotationStep)] = []
    if let prepared = prepared?.record {
      // Not before everyone knows it; but rather early than with SVIDs that end with their authority.
      let known = min(prepared.publishedAt + spans.propagation, active.expiresAt - spans.longestSVID)
      steps.append((max(active.expiresAt - life / 6, known), .activate(force: true)))
    } else {
      steps.append((active.expiresAt - life / 2, .prepare))
    }
    for entry in entries.dropFirst() { steps.append((end(of: entry.record, spans), .retire(entry.record.id))) }
    // Never empty: the first is there in either case.
    return steps.dropFirst().reduce(steps[0]) { $1.at < $0.at ? $1 : $0 }
  }

  /// When nothing is valid any more that this key signed.
  private func end(of record: AuthorityRecord, _ spans: RotationSpans) -> FrameTime {
    guard let retiredAt = record.retiredAt else { return record.expiresAt }
    return min(record.expiresAt, retiredAt + spans.longestSVID)
  }

  // MARK: What

  /// Carries out one step.
  /// - Parameter make: makes a new key: its id, its end, and the key.
  /// - Returns: what happened to which key, and whether it came before everyone could know.
  mutating func apply(
    _ step: RotationStep, now: FrameTime, spans: RotationSpans, make: () throws -> (String, FrameTime, Key)
  ) throws -> (action: AuthorityChange.Action, record: AuthorityRecord, forced: Bool) {
    switch step {
    case .prepare: (.prepared, try prepare(now, make), false)
    case .activate(let force): try activate(now, spans, force: force)
    case .taint(let id): (.tainted, try taint(id), false)
    case .revoke(let id): (.revoked, try revoke(id), false)
    case .retire(let id): (.retired, try retire(id, now, spans), false)
    }
  }

  private mutating func prepare(
    _ now: FrameTime, _ make: () throws -> (String, FrameTime, Key)
  ) throws -> AuthorityRecord {
    if let prepared { throw RotationError.alreadyPrepared(kind, prepared.record.id) }
    guard entries.count < Self.keysMax else { throw RotationError.tooMany(kind, limit: Self.keysMax) }
    let (id, expiresAt, key) = try make()
    let record = AuthorityRecord(id: id, state: .prepared, publishedAt: now, expiresAt: expiresAt)
    entries.append(Entry(record: record, key: key))
    return record
  }

  private mutating func activate(
    _ now: FrameTime, _ spans: RotationSpans, force: Bool
  ) throws(RotationError) -> (AuthorityChange.Action, AuthorityRecord, Bool) {
    guard let index = entries.firstIndex(where: { $0.record.state == .prepared }) else {
      throw .nothingPrepared(kind)
    }
    let known = entries[index].record.publishedAt + spans.propagation
    guard force || now >= known else { throw .tooEarly(kind, entries[index].record.id, until: known) }
    entries[0].record.state = .old
    entries[0].record.retiredAt = now
    var next = entries.remove(at: index)
    next.record.state = .active
    next.record.activatedAt = now
    entries.insert(next, at: 0)
    return (.activated, next.record, now < known)
  }

  private mutating func taint(_ id: String) throws(RotationError) -> AuthorityRecord {
    let index = try find(id)
    guard entries[index].record.state == .old else { throw .notOld(kind, id, entries[index].record.state) }
    entries[index].record.state = .tainted
    return entries[index].record
  }

  private mutating func revoke(_ id: String) throws(RotationError) -> AuthorityRecord {
    let index = try find(id)
    guard entries[index].record.state == .tainted else { throw .notTainted(kind, id, entries[index].record.state) }
    return entries.remove(at: index).record
  }

  private mutating func retire(
    _ id: String, _ now: FrameTime, _ spans: RotationSpans
  ) throws(RotationError) -> AuthorityRecord {
    let index = try find(id)
    guard index > 0, end(of: entries[index].record, spans) <= now else { throw .stillNeeded(kind, id) }
    return entries.remove(at: index).record
  }

  private func find(_ id: String) throws(RotationError) -> Int {
    guard let index = entries.firstIndex(where: { $0.record.id == id }) else { throw .unknownAuthority(kind, id) }
    return index
  }
}
