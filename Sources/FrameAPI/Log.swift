package struct EventView: Codable, Sendable {
  package struct PostingView: Codable, Sendable {
    package let owner: String
    package let kind: String
    package let asset: String
    package let minorUnits: Int64

    package init(owner: String, kind: String, asset: String, minorUnits: Int64) {
      self.owner = owner
      self.kind = kind
      self.asset = asset
      self.minorUnits = minorUnits
    }
  }

  package let position: UInt64
  package let time: String
  /// What the clock said, where that was behind `time`.
  package let clock: String?
  package let type: String
  package let actor: String
  package let idempotencyKey: String
  package let postings: [PostingView]
  package let payload: JSONFragment

  package init(
    position: UInt64, time: String, clock: String?, type: String, actor: String, idempotencyKey: String,
    postings: [PostingView], payload: JSONFragment
  ) {
    self.position = position
    self.time = time
    self.clock = clock
    self.type = type
    self.actor = actor
    self.idempotencyKey = idempotencyKey
    self.postings = postings
    self.payload = payload
  }
}

package struct EventsView: Codable, Sendable {
  package let size: UInt64
  package let events: [EventView]

  package init(size: UInt64, events: [EventView]) {
    self.size = size
    self.events = events
  }
}

package struct AttestationView: Codable, Sendable {
  package let position: UInt64
  package let eventType: String
  package let proof: String

  package init(position: UInt64, eventType: String, proof: String) {
    self.position = position
    self.eventType = eventType
    self.proof = proof
  }
}

/// Hashes are in base64, proofs from the leaf up.
package struct InclusionView: Codable, Sendable {
  package let position: UInt64
  package let size: UInt64
  package let leaf: String
  package let root: String
  package let proof: [String]
  package let checkpoint: String?

  package init(position: UInt64, size: UInt64, leaf: String, root: String, proof: [String], checkpoint: String?) {
    self.position = position
    self.size = size
    self.leaf = leaf
    self.root = root
    self.proof = proof
    self.checkpoint = checkpoint
  }
}

package struct ConsistencyView: Codable, Sendable {
  package let from: UInt64
  package let to: UInt64
  package let fromRoot: String
  package let toRoot: String
  package let proof: [String]

  package init(from: UInt64, to: UInt64, fromRoot: String, toRoot: String, proof: [String]) {
    self.from = from
    self.to = to
    self.fromRoot = fromRoot
    self.toRoot = toRoot
    self.proof = proof
  }
}
