import FrameCore

/// What a newly received bundle means for the one that is held (CONFORMANCE S7, S11, S12).
package enum BundleReplacement: Sendable, Hashable {
  /// Same keys, same sequence.
  case unchanged
  /// Newer, or without a sequence to tell: use it from now on.
  case updated
  /// Other keys under the sequence that is held: use it, and report the peer.
  case changedUnderSameSequence
}

extension SPIFFEBundle {
  /// Decides whether `received` may take the place of this bundle.
  /// - Parameter authenticated: whether it came over a connection that this bundle (or Web PKI, if so configured) vouches
  ///   for. Only then may it revoke everything.
  /// - Throws: ``BundleError/otherTrustDomain(held:received:)``, ``BundleError/rollback(_:held:received:)``,
  ///   ``BundleError/unauthenticatedRevocation(_:)``. This bundle then stays.
  package func replacement(
    for received: SPIFFEBundle, authenticated: Bool
  ) throws(BundleError) -> BundleReplacement {
    guard received.trustDomain == trustDomain else {
      throw .otherTrustDomain(held: trustDomain, received: received.trustDomain)
    }
    if let held = sequence {
      // A sequence that disappears is as much a step back as a lower one.
      guard let next = received.sequence, next >= held else {
        throw .rollback(trustDomain, held: held, received: received.sequence)
      }
    }
    let same = hasSameKeys(as: received)
    guard !received.isEmpty || isEmpty || authenticated else { throw .unauthenticatedRevocation(trustDomain) }
    if sequence == received.sequence {
      if same { return .unchanged }
      return sequence == nil ? .updated : .changedUnderSameSequence
    }
    return .updated
  }
}
