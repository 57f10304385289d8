internal import FrameCore
internal import FrameProtos

/// What the messages of one stream must keep to before anything is made of them (CONFORMANCE B21): items come one after the
/// other from the cursor on, none larger than an attested event can be, and heads no faster than anybody needs them.
struct StreamGate: Sendable {
  private let peer: FrameID
  private var next: UInt64
  private var heads = TokenBucket(perMinute: ProjectionLimits.headsPerMinute, burst: ProjectionLimits.headBurst)

  /// - Parameter cursor: of the last event held when the stream was opened.
  init(_ peer: FrameID, after cursor: UInt64) {
    self.peer = peer
    next = cursor &+ 1
  }

  /// - Returns: the bytes that the item takes while it waits.
  /// - Throws: ``ProjectionError/sequenceGap(peer:expected:got:)``, ``ProjectionError/malformedMessage(peer:why:)``.
  mutating func item(_ item: PBProjectedItem) throws(ProjectionError) -> Int {
    guard item.sequence == next else {
      throw .sequenceGap(peer: peer, expected: next, got: item.sequence)
    }
    let attestation = item.attestation
    let hashes = attestation.proof.reduce(0) { $0 + $1.count + ProjectionLimits.hashOverhead }
    let bytes =
      attestation.event.count + attestation.checkpoint.count + hashes + item.unknownFields.data.count
      + attestation.unknownFields.data.count
    guard bytes <= ProjectionLimits.itemBytesMax else {
      throw .malformedMessage(peer: peer, why: "item \(item.sequence) has \(bytes) bytes")
    }
    next &+= 1
    return bytes
  }

  /// - Throws: ``ProjectionError/tooManyHeads(peer:)``.
  mutating func head(at now: FrameTime) throws(ProjectionError) {
    guard heads.take(at: now) else { throw .tooManyHeads(peer: peer) }
  }
}
