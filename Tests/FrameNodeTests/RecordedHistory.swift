import Foundation
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

/// A node's state that records what it is given: the guard checks it, nothing decides it.
struct GivenState: FrameState, HasLedger {
  var node: NodeState
  var ledger: LedgerState { node.ledger }

  func decide(_ drafts: [EventDraft], _ context: DecisionContext) -> [EventDraft] { drafts }
  mutating func evolve(_ event: RecordedEvent) { node.evolve(event) }
  mutating func snapshot(_ fields: inout SnapshotFields) throws { try node.snapshot(&fields) }
}

/// The life of `frame-a.example` in a few dozen commands: every type of event at least once, every kind of account but
/// the staked one with money in it, holds and transfers open and ended. The same every time, to the byte.
///
/// It is what the committed logs of older formats are made of: once such a log is committed, do not change what is here;
/// add to the end what a new format brings, and commit that as a new log.
struct RecordedHistory {
  struct Step {
    let actor: SPIFFEID
    let drafts: [EventDraft]
  }

  let frame: FrameID
  let native: Asset
  let logKey: LogVerifierKey
  private(set) var steps: [Step] = []

  let peer: FrameID
  let foreign: Asset
  let alice: AgentName
  let bob: AgentName
  let carol: AgentName

  static let start: Int64 = 1_700_000_000_000_000_000

  init(logKey: LogVerifierKey) throws {
    frame = try FrameID(logKey.name)
    native = try Asset(origin: frame, code: "AVT", scale: 2)
    self.logKey = logKey
    peer = try FrameID("frame-b.example")
    foreign = try Asset(origin: peer, code: "BVT", scale: 3)
    alice = try AgentName("alice")
    bob = try AgentName("bob")
    carol = try AgentName("carol")
    try money()
    holds()
    try treaties()
    transfers()
    twoPhase()
    bridge()
    try others()
    try operators()
    identity()
    try formerLogs()
  }

  var authority: SPIFFEID { .authority(of: frame) }
  var node: SPIFFEID { .node(of: frame) }

  mutating func add(_ actor: SPIFFEID, _ drafts: EventDraft...) {
    steps.append(Step(actor: actor, drafts: drafts))
  }

  func id(_ agent: AgentName) -> SPIFFEID { .agent(agent, of: frame) }

  // MARK: The ledger

  private func registered(_ name: String, _ purpose: String = "") -> EventDraft {
    EventDraft(
      .agentRegistered(
        .with {
          $0.name = name
          $0.purpose = purpose
        }))
  }

  private func transfer(_ from: AgentName?, _ to: AgentName, _ amount: Int64, fee: Int64 = 0, memo: String = "")
    -> EventDraft
  {
    var postings = Postings.move(amount, from: from.map { .liquid($0) } ?? .treasury, to: .liquid(to))
    if fee > 0, let from { postings += Postings.move(fee, from: .liquid(from), to: .fees) }
    return EventDraft(
      .tokensTransferred(
        .with {
          $0.from = from?.text ?? ""
          $0.to = to.text
          $0.amount = amount
          $0.fee = fee
          $0.memo = memo
        }), postings: postings)
  }

  private mutating func money() throws {
    add(
      authority,
      EventDraft(
        .frameFounded(
          .with {
            $0.frameID = frame.name
            $0.native = PBAsset(native)
            $0.logVerifierKey = logKey.text
            $0.format = 1
          })))
    add(authority, registered("alice"))
    add(authority, registered("bob"))
    add(node, registered("carol", "canary"))
    add(
      authority,
      EventDraft(
        .tokensIssued(
          .with {
            $0.amount = 1_000_000
            $0.memo = "the beginning"
          }), postings: Postings.move(1_000_000, from: .issuance, to: .treasury)))
    add(
      authority,
      EventDraft(
        .tokensBurned(.with { $0.amount = 1_000 }), postings: Postings.move(1_000, from: .treasury, to: .issuance)))
    // A batch: one command of three events.
    add(authority, transfer(nil, alice, 50_000), transfer(nil, bob, 20_000), transfer(nil, carol, 500))
    for number in 1...6 {
      add(
        id(alice),
        transfer(alice, bob, 100 * Int64(number), fee: Int64(number), memo: "Miete \(number), gr\u{fc}\u{df}e"))
    }
    add(id(bob), transfer(bob, alice, 7))
    add(
      authority,
      EventDraft(.feesCollected(.with { $0.amount = 20 }), postings: Postings.move(20, from: .fees, to: .treasury)))
    let reason = "asked for by a court"
    add(authority, EventDraft(.agentFrozen(.with { ($0.name, $0.reason) = ("carol", reason) })))
    add(authority, EventDraft(.agentUnfrozen(.with { ($0.name, $0.reason) = ("carol", "the court was wrong") })))
  }

  private mutating func holds() {
    for (number, amount) in [Int64(300), 40, 30, 25].enumerated() {
      add(
        id(alice),
        EventDraft(
          .holdCreated(
            .with {
              $0.holdID = "h\(number + 1)"
              $0.from = "alice"
              $0.payee = number == 2 ? "" : "bob"
              $0.amount = amount
              $0.expiresUnixNs = Self.start + 3_600_000_000_000
              $0.memo = "a room for a night"
            }), postings: Postings.move(amount, from: .liquid(alice), to: .held(alice))))
    }
    add(id(bob), captured(100, releasing: 0))
    add(id(bob), captured(150, releasing: 50))
    add(
      id(bob),
      EventDraft(
        .holdReleased(
          .with {
            $0.holdID = "h2"
            $0.from = "alice"
            $0.amount = 40
            $0.reason = "not needed"
          }), postings: Postings.move(40, from: .held(alice), to: .liquid(alice))))
    add(
      node,
      EventDraft(
        .holdExpired(
          .with {
            $0.holdID = "h3"
            $0.from = "alice"
            $0.amount = 30
          }), postings: Postings.move(30, from: .held(alice), to: .liquid(alice))))
  }

  private func captured(_ amount: Int64, releasing rest: Int64) -> EventDraft {
    var postings = Postings.move(amount, from: .held(alice), to: .liquid(bob))
    if rest > 0 { postings += Postings.move(rest, from: .held(alice), to: .liquid(alice)) }
    return EventDraft(
      .holdCaptured(
        .with {
          $0.holdID = "h1"
          $0.from = "alice"
          $0.to = "bob"
          $0.amount = amount
          $0.released = rest
          $0.memo = "night \(amount)"
        }), postings: postings)
  }

  // MARK: The rest

  private mutating func others() throws {
    add(
      node,
      EventDraft(
        .supplyDriftDetected(
          .with {
            $0.size = 12
            $0.delta = -4
            $0.findings = 1
            $0.code = "supply_delta"
            $0.detail = "at 3: off by -4"
          })))
    add(
      authority,
      EventDraft(
        .supplyDriftCleared(
          .with {
            $0.size = 12
            $0.accepted = 1
            $0.note = "a drill"
          })))
  }

  private mutating func operators() throws {
    let name = try OperatorName("acme")
    let dora = try AgentName("acme.dora")
    add(
      authority,
      EventDraft(
        .operatorLicensed(
          .with {
            $0.operatorName = name.text
            $0.licenceID = "licence-1"
            $0.scopes = ["agents", "transfers"]
            $0.hosts = [
              .with {
                $0.name = "acme.example"
                $0.upstream = "127.0.0.1:9643"
              }
            ]
            $0.issuedUnixNs = Self.start
            $0.expiresUnixNs = Self.start + 86_400_000_000_000
          })))
    add(.ofOperator(name, in: frame), registered(dora.text))
    add(authority, transfer(nil, dora, 10))
    add(
      authority, EventDraft(.operatorSuspended(.with { ($0.operatorName, $0.reason) = (name.text, "unpaid") })))
    add(authority, EventDraft(.operatorResumed(.with { $0.operatorName = name.text })))
    add(
      authority,
      EventDraft(.operatorAgentReleased(.with { ($0.operatorName, $0.agent) = (name.text, dora.text) })))
    add(authority, EventDraft(.operatorRemoved(.with { ($0.operatorName, $0.reason) = (name.text, "moved on") })))
  }

  private mutating func identity() {
    func change(_ sequence: UInt64) -> PBAuthorityChange {
      .with {
        $0.kind = "x509"
        $0.authorityID = "authority-\(sequence % 2)"
        $0.expiresUnixNs = Self.start + 86_400_000_000_000
        $0.sequence = sequence
        $0.fingerprint = "SHA256:0\(sequence)"
      }
    }
    add(node, EventDraft(.authorityPrepared(.with { $0.change = change(2) })))
    add(node, EventDraft(.authorityActivated(.with { $0.change = change(3) })))
    add(authority, EventDraft(.authorityTainted(.with { $0.change = change(4) })))
    add(authority, EventDraft(.authorityRevoked(.with { $0.change = change(5) })))
    add(node, EventDraft(.authorityRetired(.with { $0.change = change(6) })))
    for number in 1...2 {
      add(
        authority,
        EventDraft(
          .registrationEntryCreated(
            .with {
              $0.entryID = "entry-\(number)"
              $0.spiffeID = "spiffe://\(frame.name)/agent/\(number == 1 ? "alice" : "bob")"
              $0.selectors = ["unix:uid:\(1000 + number)"]
              $0.x509SvidTtlSeconds = 3_600
              $0.hint = "desk"
            })))
    }
    add(
      authority,
      EventDraft(
        .registrationEntryRemoved(
          .with {
            $0.entryID = "entry-2"
            $0.spiffeID = "spiffe://\(frame.name)/agent/bob"
            $0.reason = "left"
          })))
  }
}
