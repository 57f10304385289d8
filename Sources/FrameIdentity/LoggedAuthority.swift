import FrameCore

/// Where a keys folder stands, without what is secret in it.
package struct AuthorityStanding: Sendable, Equatable {
  /// Grows with each change.
  package let sequence: UInt64
  /// The key of each kind that signs.
  package let signing: [AuthorityKind: String]
  /// In force and not known to be on the log.
  package let unlogged: [AuthorityChange]

  package init(sequence: UInt64, signing: [AuthorityKind: String], unlogged: [AuthorityChange]) {
    self.sequence = sequence
    self.signing = signing
    self.unlogged = unlogged
  }
}

/// What a log has been told of its frame's keys.
///
/// The keys are always as new as this or newer, because a change is stored with them before the log hears of it (decision 0022): a
/// crash in between leaves a change that waits with the keys. Keys that lack one that the log has are an older copy.
package struct LoggedAuthority: Sendable, Equatable {
  /// Of the newest change; 0: there was none.
  package private(set) var sequence: UInt64 = 0
  /// The key of each kind that was last said to sign; none as long as the frame's first one does.
  package private(set) var signing: [AuthorityKind: String] = [:]

  package init() {}

  /// Goes on from what a snapshot holds.
  package init(sequence: UInt64, signing: [AuthorityKind: String]) {
    self.sequence = sequence
    self.signing = signing
  }

  /// The log has this change.
  /// - Parameter activated: the key that signs from it on, when that is what it says.
  package mutating func note(sequence number: UInt64, activated key: (kind: AuthorityKind, id: String)? = nil) {
    sequence = max(sequence, number)
    if let key { signing[key.kind] = key.id }
  }

  /// Whether these keys are the ones in force.
  /// - Returns: what is wrong with them, nil when nothing is.
  package func mismatch(_ keys: AuthorityStanding) -> String? {
    guard keys.sequence >= sequence else {
      return "they have \(keys.sequence) as the number of their last change, and the log knows of number \(sequence)"
    }
    let since = keys.unlogged.filter { $0.sequence > sequence }
    // The log lacks changes that it once had: it is the older copy of the two, and says nothing of what has become of the keys since.
    guard since.count == keys.sequence - sequence else { return nil }
    for kind in AuthorityKind.allCases {
      guard let logged = signing[kind], let present = keys.signing[kind], present != logged else { continue }
      if since.contains(where: { $0.kind == kind && $0.action == .activated && $0.authorityID == present }) { continue }
      return "their \(kind.rawValue) key that signs is \(present), and by the log it is \(logged)"
    }
    return nil
  }
}

/// Keys from before a change that the log knows: peers have gone on, and what these sign is refused.
package struct KeysNotInForce: FrameError, Equatable {
  package let folder: String
  package let why: String

  package init(_ folder: String, why: String) {
    self.folder = folder
    self.why = why
  }

  package var code: String { "keys_not_in_force" }
  package var kind: FrameErrorKind { .invalid }
  package var message: String { "The keys in \(folder) are not those that the log says are in force: \(why)." }
  package var remedy: String {
    "Use the keys as they were after the last rotation: those of the node's last data folder, or of a backup made since. If they are lost, "
      + "--accept-old-keys goes on with these, and each peer has to pin them (frame peer repin)."
  }
}

extension FrameAuthority {
  package var standing: AuthorityStanding { live.withLock { $0.keys.standing } }

  /// The same of a keys folder, from its manifest alone: also of one that is sealed. Blocks on the disk.
  /// - Throws: ``KeyFileError``.
  package static func standing(frame: FrameID, in directory: KeyDirectory) throws -> AuthorityStanding {
    let manifest = try AuthorityKeys.readManifest(for: frame, from: KeyStore(directory: directory, sealer: nil))
    func signing(_ entries: [AuthorityManifest.Entry]) -> String? {
      entries.first { $0.state == AuthorityState.active.rawValue }?.id
    }
    var keys: [AuthorityKind: String] = [:]
    keys[.x509] = signing(manifest.x509)
    keys[.jwt] = signing(manifest.jwt)
    return AuthorityStanding(sequence: manifest.sequence, signing: keys, unlogged: manifest.unlogged ?? [])
  }

  /// Goes on with keys that are older than the log, because the newer ones are lost: numbers go on from the log's, and the log is told
  /// that these sign. Blocks on the disk.
  /// - Parameter sequence: of the newest change that the log has.
  /// - Throws: ``RotationError/logBehind(_:)``; ``KeyFileError`` when it cannot be stored. Nothing has changed then.
  @discardableResult
  package func reinstate(beyond sequence: UInt64) throws -> [AuthorityChange] {
    try change { keys, _ in
      guard keys.unlogged.count + AuthorityKind.allCases.count <= AuthorityKeys.unloggedMax else {
        throw RotationError.logBehind(keys.unlogged.count)
      }
      keys.sequence = max(keys.sequence, sequence)
      var changes: [AuthorityChange] = []
      for kind in AuthorityKind.allCases {
        keys.sequence += 1
        let record =
          switch kind {
          case .x509: keys.x509.active.record
          case .jwt: keys.jwt.active.record
          }
        changes.append(
          AuthorityChange(
            kind: kind, action: .activated, authorityID: record.id, expiresAt: record.expiresAt.unixNanoseconds,
            sequence: keys.sequence, fingerprint: Self.bundle(frame, keys, policy).fingerprint.description,
            forced: true, byOperator: true))
      }
      keys.unlogged += changes
      return changes
    }
  }
}

extension AuthorityKeys {
  var standing: AuthorityStanding {
    AuthorityStanding(
      sequence: sequence, signing: [.x509: x509.active.record.id, .jwt: jwt.active.record.id], unlogged: unlogged)
  }
}
