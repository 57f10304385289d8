import Crypto
import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import FrameProtos
import Testing

@testable import FrameTreaty

enum Names {
  static let a = frame("frame-a.example")
  static let b = frame("frame-b.example")
  static let c = frame("frame-c.example")

  static func frame(_ name: String) -> FrameID {
    // The literals above follow the grammar.
    do { return try FrameID(name) } catch { preconditionFailure("\(error)") }
  }
}

func describe(_ id: FrameID, fingerprint: String = "", federation: Int = 9443, bundle: Int = 9444) -> PBFrameDescription
{
  var description = PBFrameDescription()
  description.frameID = id.name
  description.native.origin = id.name
  description.native.code = id == Names.a ? "AVT" : "BVT"
  description.native.scale = 2
  description.bundleEndpoint = "https://127.0.0.1:\(bundle)/"
  description.bundleEndpointProfile = "https_spiffe"
  description.bundleFingerprint = fingerprint
  description.federationAddress = "127.0.0.1:\(federation)"
  description.logVerifierKey = logSigner(id).verifierKey.text
  description.terms.subscriptions = ["CrossFrameTransferInitiated", "TokensBridgeLocked"]
  description.terms.netDebitCap = 1_000_00
  description.terms.bridgeCap = 1_000_00
  description.terms.bridgeRatePerMinute = 100_00
  return description
}

/// The log key of a test frame, which follows from its name.
func logSigner(_ id: FrameID) -> LogSigner {
  let seed = Data(SHA256.hash(data: Data(id.name.utf8)))
  // Any 32 bytes are an Ed25519 key.
  do { return LogSigner(name: id.name, privateKey: try .init(rawRepresentation: seed)) } catch {
    preconditionFailure("\(error)")
  }
}

/// A treaty as established, signed by `signers`.
func signedTreaty(
  _ id: String, _ inviter: PBFrameDescription, _ invitee: PBFrameDescription,
  by signers: [FrameID] = [Names.a, Names.b]
) throws -> Data {
  let text = try TreatyDocument(treatyID: id, revision: 0, inviter: inviter, invitee: invitee)
  let first = text.signed(by: logSigner(try #require(signers.first)))
  return signers.dropFirst().reduce(first) { text.countersigned($0, by: logSigner($1)) }
}

func pin(_ text: String, sequence: UInt64 = 1) -> PinnedBundle {
  PinnedBundle(
    document: Data("{\"keys\":[],\"spiffe_sequence\":\(sequence),\"x\":\"\(text)\"}".utf8),
    fingerprint: "SHA256:\(text)",
    sequence: sequence)
}

let start = FrameTime(unixNanoseconds: 1_800_000_000_000_000_000)

/// A federation's state with a log beside it, decided and evolved as the writer does it.
struct Book: Sendable {
  private(set) var state: FederationState
  private(set) var events: [RecordedEvent] = []
  private var keys: [IdempotencyKey: (digest: Data, events: [RecordedEvent])] = [:]

  init(_ frame: FrameID) { state = FederationState(frame: frame) }

  @discardableResult
  mutating func run(
    _ command: FederationCommand, as actor: SPIFFEID, at now: FrameTime = start, key: IdempotencyKey? = nil
  ) throws -> Committed {
    if let key, let first = keys[key] {
      guard first.digest == command.digest else {
        throw LogError.idempotencyConflict(key: key.text, first: "", now: "")
      }
      return Committed(events: first.events, replayed: true)
    }
    let drafts = try state.decide(command, DecisionContext(now: now, actor: actor))
    var recorded: [RecordedEvent] = []
    for draft in drafts {
      var event = PBEvent()
      event.position = UInt64(events.count)
      event.timeUnixNs = now.unixNanoseconds
      event.actor = actor.description
      event.payload = draft.payload
      let stored = RecordedEvent(event: event, bytes: try event.serializedData())
      events.append(stored)
      recorded.append(stored)
      state.evolve(stored)
    }
    if let key { keys[key] = (command.digest, recorded) }
    return Committed(events: recorded, replayed: false)
  }

  var types: [String] { events.map(\.event.eventType.name) }

  /// What a restart makes of the log.
  var replayed: FederationState {
    var state = FederationState(frame: state.frame)
    for event in events { state.evolve(event) }
    return state
  }
}

/// The writer of a test frame.
actor MemoryWriter: RoomWriter {
  private(set) var book: Book
  var state: FederationState { book.state }
  private let clock: any FrameClock

  init(_ book: Book, clock: any FrameClock) {
    self.book = book
    self.clock = clock
  }

  func submit<View: Sendable>(
    _ command: FederationCommand, actor: SPIFFEID, key: IdempotencyKey,
    then view: @escaping @Sendable (FederationState) -> View
  ) throws -> (committed: Committed, view: View) {
    let committed = try book.run(command, as: actor, at: clock.now(), key: key)
    return (committed, view(book.state))
  }

  func submit(
    _ commands: [(command: FederationCommand, key: IdempotencyKey)], actor: SPIFFEID
  ) -> [Result<Committed, any Error>] {
    commands.map { command, key in
      Result { try book.run(command, as: actor, at: clock.now(), key: key) }
    }
  }

  func read<View: Sendable>(_ look: @escaping @Sendable (FederationState) throws -> View) throws -> View {
    try look(book.state)
  }
}

extension FrameID {
  var authority: SPIFFEID { .authority(of: self) }
  var node: SPIFFEID { .node(of: self) }
}
