/// What this node has witnessed of a peer's log, and the peer of this one.
package struct WitnessView: Codable, Sendable {
  package struct Equivocation: Codable, Sendable {
    package let kind: String
    package let position: UInt64
    package let time: String

    package init(kind: String, position: UInt64, time: String) {
      self.kind = kind
      self.position = position
      self.time = time
    }
  }

  package let peer: String
  /// The newest checkpoint of the peer's log that was witnessed; nil before the first.
  package let witnessedSize: UInt64?
  package let witnessedRoot: String?
  /// The verifier key of the peer as our witness.
  package let witnessKey: String
  /// Size of our newest checkpoint that the peer has cosigned, if our newest cosigned one is.
  package let cosignedSize: UInt64?
  package let equivocation: Equivocation?

  package init(
    peer: String, witnessedSize: UInt64?, witnessedRoot: String?, witnessKey: String, cosignedSize: UInt64?,
    equivocation: Equivocation?
  ) {
    self.peer = peer
    self.witnessedSize = witnessedSize
    self.witnessedRoot = witnessedRoot
    self.witnessKey = witnessKey
    self.cosignedSize = cosignedSize
    self.equivocation = equivocation
  }
}
