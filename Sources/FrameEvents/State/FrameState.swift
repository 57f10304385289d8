package import FrameCore
package import FrameProtos
package import Foundation

/// The state of a frame as a pure value: what the writer decides against and evolves (DESIGN §3).
///
/// Each room brings a sub-state; the composition root joins them and is the only one that knows all commands.
package protocol FrameState: SnapshotState, Sendable {
  associatedtype Command: Sendable

  /// Decides what a command does, without doing it. Pure: no clock, no randomness, no I/O.
  /// - Returns: the events it produces, in order; they are appended together or not at all. Empty means the command is
  ///   accepted and changes nothing (an acknowledgement of something already true).
  /// - Throws: any `FrameError`: the rejection.
  func decide(_ command: Command, _ context: DecisionContext) throws -> [EventDraft]

  /// Applies a recorded event. Total: an event that is in the log has happened.
  mutating func evolve(_ event: RecordedEvent)

  /// What the event is the last word about, if that must be found again for ever and no state is to hold it: the writer keeps
  /// subjects beside the idempotency keys, mostly on disk. Of two events about one subject the first is the one that counts.
  static func subject(of event: StoredEvent) -> String?
}

extension FrameState {
  package static func subject(of event: StoredEvent) -> String? { nil }
}

/// What a decision may know of the world beside the state.
package struct DecisionContext: Sendable {
  /// What the clock says: what ends, lasts or is counted per minute is held against this, and states it in the event
  /// (``RecordedEvent/clock``). It can be behind the last event's time; it is never made to run with that.
  package let now: FrameTime
  package let actor: SPIFFEID
  /// Where the log has the last word about the command's subject (``FrameState/subject(of:)``); nil when it has none.
  package let lastWord: UInt64?

  package init(now: FrameTime, actor: SPIFFEID, lastWord: UInt64? = nil) {
    self.now = now
    self.actor = actor
    self.lastWord = lastWord
  }
}

/// An event before the log has given it a position and a time.
package struct EventDraft: Sendable {
  package var payload: PBEvent.OneOf_Payload
  package var postings: [PBPosting]

  package init(_ payload: PBEvent.OneOf_Payload, postings: [PBPosting] = []) {
    self.payload = payload
    self.postings = postings
  }
}

/// An event as it is in the log.
package struct RecordedEvent: Sendable, Equatable {
  package let event: StoredEvent
  /// The stored bytes: what the Merkle leaf hashes. A part of those of its whole batch: its indices may not begin at 0. A
  /// state cannot rest on them: while an event is being decided there are none yet.
  package var bytes: Data

  package var position: UInt64 { event.position }
  /// Its place in the order of events: never before that of an earlier one.
  package var time: FrameTime { FrameTime(unixNanoseconds: event.timeUnixNs) }
  /// What the clock said when it was decided: its `time`, unless an earlier event was recorded with a clock that was ahead.
  /// What a state counts by (windows, rates) is counted by this.
  package var clock: FrameTime { event.clockUnixNs == 0 ? time : FrameTime(unixNanoseconds: event.clockUnixNs) }

  package init(event: StoredEvent, bytes: Data) {
    self.event = event
    self.bytes = bytes
  }

  package init(event: PBEvent, bytes: Data) { self.init(event: StoredEvent(event), bytes: bytes) }

  /// - Throws: `LogError.damagedEvent` when the bytes are not an event.
  package init(bytes: Data) throws {
    do {
      self.init(event: try PBEvent(serializedBytes: bytes), bytes: bytes)
    } catch {
      throw LogError.damagedEvent(error.words)
    }
  }
}

/// A command on its way to the writer. Passed from hand to hand as a whole: never copied.
package final class CommandEnvelope<Command: Sendable>: Sendable {
  package let actor: SPIFFEID
  package let key: IdempotencyKey
  /// SHA-256 of the command in a canonical form that its room defines: the same key with another digest is a conflict.
  package let digest: Data
  /// How many events the command makes, at most; 1 for what makes a few. Queue and batches are bounded by the sum.
  package let weight: Int
  /// Of the key: made by the caller, not by the one thread that decides.
  package let fingerprint: KeyFingerprint
  /// Of what the command is about, where there may be a last word about it.
  package let subject: KeyFingerprint?
  // Last: where it begins must not depend on what it is.
  package let command: Command

  package init(
    _ command: Command, actor: SPIFFEID, key: IdempotencyKey, digest: Data, weight: Int = 1, subject: String? = nil
  ) {
    self.command = command
    self.actor = actor
    self.key = key
    self.digest = digest
    self.weight = max(1, weight)
    fingerprint = KeyFingerprint(key.text)
    self.subject = subject.map(KeyFingerprint.init(subject:))
  }

  /// For commands whose key already says all there is to say of them (keys that the node derives from facts).
  package convenience init(_ command: Command, actor: SPIFFEID, derivedKey text: String, subject: String? = nil) {
    self.init(
      command, actor: actor, key: IdempotencyKey(derived: text), digest: CommandDigest.of(text), subject: subject)
  }
}

/// The writer's answer: the events are on disk.
package struct Committed: Sendable, Equatable {
  /// In order; empty when the command had nothing to change.
  package let events: CommandEvents
  /// The key was seen before: these are the events of the first time, nothing was appended now.
  package let replayed: Bool

  package init(events: [RecordedEvent], replayed: Bool) {
    self.init(events: CommandEvents(events, 0..<events.count), replayed: replayed)
  }

  package init(events: CommandEvents, replayed: Bool) {
    self.events = events
    self.replayed = replayed
  }
}

/// One command's events, numbered from 0: a part of the array of all events that became durable with them, which lives on
/// as long as this does.
package struct CommandEvents: RandomAccessCollection, Sendable, Equatable {
  private let batch: [RecordedEvent]
  private let range: Range<Int>

  /// - Precondition: `range` is within `batch`.
  package init(_ batch: [RecordedEvent], _ range: Range<Int>) {
    self.batch = batch
    self.range = range
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { range.count }
  package subscript(index: Int) -> RecordedEvent {
    precondition(indices.contains(index), "the command has \(range.count) events, none at \(index)")
    return batch[range.lowerBound + index]
  }

  package static func == (a: Self, b: Self) -> Bool { a.elementsEqual(b) }
}

/// Checks that are not a room's own business but must hold for whatever is appended: zero sums, emission policy, balances.
/// The ledger provides it; the log applies it to every draft before it is stored.
package protocol AppendGuard<State>: Sendable {
  associatedtype State
  /// - Throws: a `FrameError`; the whole command is then rejected and nothing is appended.
  func check(_ draft: EventDraft, actor: SPIFFEID, state: State) throws

  /// Checks all drafts of one command, in order. A guard whose verdict on a draft depends on the drafts before it (funds)
  /// provides its own; `state` is that before the command.
  /// - Throws: a `FrameError`; nothing of the command is appended.
  func check(_ drafts: [EventDraft], actor: SPIFFEID, state: State) throws
}

extension AppendGuard {
  package func check(_ drafts: [EventDraft], actor: SPIFFEID, state: State) throws {
    for draft in drafts { try check(draft, actor: actor, state: state) }
  }
}
