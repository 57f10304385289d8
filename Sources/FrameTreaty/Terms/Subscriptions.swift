import FrameProtos

/// The event types that travel between frames, by what they are to the money they speak of (decision 0031).
package enum Subscriptions {
  /// They ask the subscriber to begin something, and their sender alone begins it. Without the subscription it begins no more,
  /// so such a subscription can be dropped and nothing is left half done.
  package static let requests: Set<String> = [
    EventType.crossFrameTransferInitiated.name, EventType.tokensBridgeLocked.name,
  ]

  /// They tell what has become of money that is on its way, or send back money that is outstanding. Without one of them that
  /// money would be held for ever.
  package static let outcomes: Set<String> = [
    EventType.crossFrameTransferSettled.name, EventType.crossFrameTransferRefused.name,
    EventType.wrappedTokensIssued.name, EventType.wrappedTokensRedeemed.name, EventType.tokensBridgeUnlocked.name,
  ]

  /// Every type that is ever sent to a peer.
  package static let carried = requests.union(outcomes)

  /// - Throws: ``FederationError/amendmentInvalid(_:)`` when a subscription may not be changed so.
  package static func check(from old: PBTreatyTerms, to new: PBTreatyTerms) throws(FederationError) {
    let (before, after) = (Set(old.subscriptions), Set(new.subscriptions))
    if let lost = before.subtracting(after).intersection(outcomes).min() {
      throw .amendmentInvalid(
        "\(lost) tells what became of money that is on its way or outstanding; it cannot be dropped from a subscription"
      )
    }
    if let idle = after.subtracting(before).subtracting(carried).min() {
      throw .amendmentInvalid("'\(idle.prefix(60))' is not an event that frames send each other")
    }
  }
}

extension Treaty {
  /// Whether the peer asks us to send events of that type.
  package func sends(_ type: EventType) -> Bool { theirs.terms.subscriptions.contains(type.name) }
}
