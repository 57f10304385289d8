package import FrameEvents

/// What a room makes of a peer's event that has just been received: drafts that are appended together with the
/// `PeerEventProjected`, and why it was not acted on, if it was not.
///
/// A reactor never throws for what a peer sent: the cursor always moves on, and a peer cannot block its own stream with
/// one bad event.
package struct ReactorOutcome: Sendable {
  package var drafts: [EventDraft]
  /// Stable code of the refusal to act, or "".
  package var rejected: String
  /// What the event says counts although it was not acted on, so that its bytes are kept.
  package var counts: Bool

  package init(drafts: [EventDraft] = [], rejected: String = "", counts: Bool = false) {
    self.drafts = drafts
    self.rejected = rejected
    self.counts = counts
  }

  /// The event is not this room's business, or needs no effect.
  package static let none = ReactorOutcome()
  package static func rejected(_ code: String) -> ReactorOutcome { .init(rejected: code) }

  /// Both rooms' outcomes as one.
  package static func + (a: Self, b: Self) -> Self {
    .init(
      drafts: a.drafts + b.drafts, rejected: a.rejected.isEmpty ? b.rejected : a.rejected, counts: a.counts || b.counts)
  }
}
