import Foundation
@testable import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameProjection
import FrameProtos
@testable import FrameSettlement
import Testing

/// Frames and the network between them, one random step at a time.
///
/// Messages are lost, doubled, delayed and reordered; frames crash at any step and come back with what their log gives.
struct SimWorld {
  struct Faults {
    var lossPercent = 20
    var duplicatePercent = 15
    var crashPercent = 2
    /// How often, of a thousand steps, a frame loses its log and comes back with another.
    var rebuildPermille = 0
  }

  private enum Message {
    case credit(PBTransferTerms, from: Int, to: Int)
    case resolve(String, from: Int, to: Int)
    case decision(PBTransferDecision, from: Int, to: Int)
  }

  private(set) var frames: [SimFrame]
  private var random: SeededRandom
  private let faults: Faults
  private var now = SimFixture.start
  private var network: [Message] = []
  /// Each frame's 2pc machines: gone after a crash, made again from its log.
  private var machines: [[String: TwoPhaseMachine]]
  /// Machines that pause.
  private var paused: [Set<String>]
  private var counter = 0
  private(set) var rebuilds = 0
  /// Redemptions that were under way towards a log when it was lost, and are back.
  private(set) var comeHome = 0
  private(set) var refusals: [String: Int] = [:]

  init(_ frames: [SimFrame], seed: UInt64, faults: Faults = Faults()) {
    self.frames = frames
    self.faults = faults
    random = SeededRandom(seed: seed)
    machines = frames.map { _ in [:] }
    paused = frames.map { _ in [] }
  }

  // MARK: Steps

  mutating func step() throws {
    now = now + .milliseconds(Int.random(in: 1...2_000, using: &random))
    let index = Int.random(in: 0..<frames.count, using: &random)
    if faults.rebuildPermille > 0, Int.random(in: 0..<1_000, using: &random) < faults.rebuildPermille {
      return try rebuild(index)
    }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<10: begin(.twoPhase, at: index)
    case 10..<18: begin(.async, at: index)
    case 18..<24: lock(at: index)
    case 24..<29: redeem(at: index)
    case 29..<55: try deliverMessage()
    case 55..<63: wake(index)
    case 63..<85: try project(to: index)
    case 85..<88: bringProof(to: index)
    case 88..<94: relay(index)
    case 94..<97: giveUpOnAnswers(at: index)
    default: if random.chance(faults.crashPercent * 10) { crash(index) }
    }
  }

  private func other(_ index: Int, _ random: inout SeededRandom) -> Int {
    (index + Int.random(in: 1..<frames.count, using: &random)) % frames.count
  }

  private mutating func agent() -> AgentName {
    SimFixture.agent(SimFixture.agents[Int.random(in: 0..<SimFixture.agents.count, using: &random)])
  }

  private mutating func note(_ error: any Error) {
    refusals[(error as? any FrameError)?.code ?? "\(error)", default: 0] += 1
  }

  private mutating func begin(_ backend: TransferBackend, at index: Int) {
    let to = other(index, &random)
    counter += 1
    let id = "t\(counter)"
    let from = agent()
    // Sometimes nobody is there to be paid.
    let payee = random.chance(15) ? SimFixture.agent("nobody") : agent()
    let amount = Int64.random(in: 1...(random.chance(10) ? 300_000 : 20_000), using: &random)
    do {
      let terms = try TransferTerms(
        id: id, from: AgentAddress(name: from, frame: frames[index].id),
        to: AgentAddress(name: payee, frame: frames[to].id), asset: frames[index].native,
        amount: Amount(minorUnits: amount), memo: "")
      let command: SettlementCommand =
        backend == .twoPhase ? .lock(terms, deadline: now + .seconds(20)) : .initiate(terms)
      try frames[index].settlement(
        command, actor: .agent(from, of: frames[index].id), key: "k\(counter)", now: now)
      if backend == .twoPhase { drive(index, id, .start) }
    } catch { note(error) }
  }

  private mutating func lock(at index: Int) {
    let to = other(index, &random)
    counter += 1
    let (from, recipient) = (agent(), random.chance(10) ? SimFixture.agent("late") : agent())
    do {
      try frames[index].bridge(
        .lock(
          id: "l\(counter)", destination: frames[to].id, from: from, recipient: recipient,
          amount: Amount(minorUnits: Int64.random(in: 1...30_000, using: &random)), memo: "l\(counter)"),
        actor: .agent(from, of: frames[index].id), key: "k\(counter)", now: now)
    } catch { note(error) }
  }

  private mutating func redeem(at index: Int) {
    let origin = other(index, &random)
    counter += 1
    let from = agent()
    let held = frames[index].balance(.wrapped(from, frames[origin].native))
    guard held > 0 else { return }
    do {
      try frames[index].bridge(
        .redeem(
          id: "r\(counter)", origin: frames[origin].id, from: from, recipient: agent(),
          amount: Amount(minorUnits: Int64.random(in: 1...held, using: &random)), memo: "r\(counter)"),
        actor: .agent(from, of: frames[index].id), key: "k\(counter)", now: now)
    } catch { note(error) }
  }

  /// Everybody redeems half of what can be redeemed, and no stream carries it yet.
  mutating func redeemAll(at index: Int) throws {
    let origin = other(index, &random)
    for name in SimFixture.agents {
      let from = SimFixture.agent(name)
      let state = frames[index].state
      let native = frames[origin].native
      let backed =
        state.ledger.balance(.wrapped(from, native)) - state.bridge.unbacked(from, of: frames[origin].id, native)
      guard backed > 1 else { continue }
      counter += 1
      do {
        try frames[index].bridge(
          .redeem(
            id: "r\(counter)", origin: frames[origin].id, from: from, recipient: agent(),
            amount: Amount(minorUnits: min(backed / 2, 50_000))), actor: .agent(from, of: frames[index].id),
          key: "k\(counter)", now: now)
      } catch { note(error) }
    }
  }

  // MARK: Two-phase transfers

  /// Feeds a machine and carries out what it wants until it waits for something.
  private mutating func drive(_ index: Int, _ id: String, _ input: TwoPhaseMachine.Input) {
    if machines[index][id] == nil, let transfer = frames[index].state.settlement.outgoing(id) {
      machines[index][id] = TwoPhaseMachine(transfer)
    }
    guard var machine = machines[index][id] else { return }
    paused[index].remove(id)
    guard let to = frames.firstIndex(where: { $0.id == machine.terms.destination }) else { return }
    var input = input
    while true {
      let action = machine.handle(input, now: now)
      machines[index][id] = machine
      switch action {
      case .askCredit(let terms): return network.append(.credit(terms.message, from: index, to: to))
      case .askOutcome(let id): return network.append(.resolve(id, from: index, to: to))
      case .commit(let credited, let position):
        input = record(
          .commit(transferID: id, peer: machine.terms.destination, creditedAmount: credited, peerPosition: position),
          index)
      case .abort(let reason):
        input = record(.abort(transferID: id, peer: machine.terms.destination, reason: reason), index)
      case .wait:
        paused[index].insert(id)
        return
      case .finished:
        machines[index][id] = nil
        return
      }
    }
  }

  private mutating func record(_ command: SettlementCommand, _ index: Int) -> TwoPhaseMachine.Input {
    if random.chance(5) { return .notRecorded }
    do {
      try frames[index].settlement(command, actor: .node(of: frames[index].id), now: now)
      return .recorded
    } catch {
      Issue.record("a decided transfer could not be recorded: \(error)")
      return .notRecorded
    }
  }

  private mutating func deliverMessage() throws {
    guard !network.isEmpty else { return }
    let index = Int.random(in: 0..<network.count, using: &random)
    let message = network[index]
    if !random.chance(faults.duplicatePercent) { network.remove(at: index) }
    if random.chance(faults.lossPercent) { return }
    deliver(message)
  }

  private mutating func deliver(_ message: Message) {
    switch message {
    case .credit(let terms, let from, let to):
      let peer = frames[from].id
      do {
        try frames[to].settlement(.credit(terms, peer: peer), actor: .node(of: peer), now: now)
        answer(terms.transferID, from: to, to: from)
      } catch { note(error) }
    case .resolve(let id, let from, let to):
      let peer = frames[from].id
      do {
        try frames[to].settlement(.refuseUnknown(transferID: id, peer: peer), actor: .node(of: peer), now: now)
        answer(id, from: to, to: from)
      } catch { note(error) }
    case .decision(let decision, _, let to):
      // A late answer after the outcome is on record finds no machine, or one that is finished.
      if machines[to][decision.transferID] != nil { drive(to, decision.transferID, .decided(decision)) }
    }
  }

  private mutating func answer(_ id: String, from: Int, to: Int) {
    guard let decision = frames[from].decision(id, from: frames[to].id) else {
      Issue.record("a delivered question has no answer")
      return
    }
    network.append(.decision(decision, from: from, to: to))
  }

  /// Calls of a frame time out: their outcome is unknown to it.
  private mutating func giveUpOnAnswers(at index: Int) {
    for id in machines[index].keys.sorted() where !paused[index].contains(id) && random.chance(50) {
      drive(index, id, .unknown)
    }
  }

  private mutating func wake(_ index: Int) {
    for id in paused[index].sorted() where random.chance(60) { drive(index, id, .timer) }
  }

  private mutating func crash(_ index: Int) {
    let before = frames[index].state
    frames[index].restart()
    let after = frames[index].state
    #expect(before.ledger.accounts.filter { $0.value != 0 } == after.ledger.accounts.filter { $0.value != 0 })
    #expect(before.settlement.outgoing == after.settlement.outgoing)
    #expect(before.settlement.incoming == after.settlement.incoming)
    #expect(before.settlement.open == after.settlement.open)
    #expect(before.bridge.peers == after.bridge.peers)
    #expect(before.bridge.former == after.bridge.former)
    machines[index] = [:]
    paused[index] = []
    let open = frames[index].state.settlement.openPeers.flatMap {
      frames[index].state.settlement.openTransfers(to: $0, backend: .twoPhase)
    }
    for transfer in open { drive(index, transfer.id, .start) }
  }

  /// The frame loses all it had and begins again under its name; whoever survives ends the old treaty and makes one with the new log.
  mutating func rebuild(_ index: Int) throws {
    let old = frames[index]
    rebuilds += 1
    frames[index] = try SimFixture.frame(old.id.name, code: old.native.code, scale: Int(old.native.scale))
    // Connections to it are closed: nothing that was on its way arrives.
    network.removeAll { message in
      switch message {
      case .credit(_, let from, let to), .resolve(_, let from, let to), .decision(_, let from, let to):
        from == index || to == index
      }
    }
    machines[index] = [:]
    paused[index] = []
    for other in frames.indices where other != index {
      for (id, machine) in machines[other] where machine.terms.destination == old.id {
        machines[other][id] = nil
        paused[other].remove(id)
      }
      try SimFixture.revoke(&frames[other], old.id, now: now)
      try SimFixture.establish(&frames[other], with: frames[index], now: now)
      try SimFixture.establish(&frames[index], with: frames[other], now: now)
    }
  }

  /// All that stands towards lost logs is decided about: every other one is recognised, if the rebuilt frame can say it; the rest is written off.
  /// - Parameter keeping: how many of a hundred bridge items are not returned by it.
  mutating func decideFormerLogs(keeping: Int = 0) throws {
    var number = 0
    for index in frames.indices {
      try giveBack(index, keeping: keeping)
      let authority = SPIFFEID.authority(of: frames[index].id)
      for former in frames[index].state.federation.logs.former.values.sorted(by: { $0.since < $1.since })
      where former.state == .undecided {
        number += 1
        func operate(_ index: Int, _ peer: FrameID, _ command: FormerLogCommand) throws {
          counter += 1
          try frames[index].submit(
            .formerLog(peer, command), actor: .authority(of: frames[index].id), key: "op\(counter)", digest: .init(),
            now: now)
        }
        let peer = former.log.frame
        if number % 2 == 0 {
          let id = "p\(number)"
          if (try? operate(index, peer, .propose(log: former.log, id: id, note: ""))) != nil {
            try settle()
            let rebuilt = try #require(frames.firstIndex { $0.id == peer })
            do { try operate(rebuilt, frames[index].id, .accept(proposalID: id)) } catch {
              try operate(rebuilt, frames[index].id, .reject(proposalID: id, reason: "no funds"))
            }
            try settle()
          }
        }
        if frames[index].state.federation.logs.former[former.log]?.state == .undecided {
          // A treasury that cannot bear the loss is given what it needs.
          let issue = LedgerCommand.issue(Amount(minorUnits: 100_000_000), memo: "")
          counter += 1
          try frames[index].submit(
            .ledger(issue), actor: authority, key: "issue\(counter)", digest: issue.digest, now: now)
          try operate(index, peer, .writeOff(log: former.log, note: ""))
        }
        checkInvariants("\(former.log) decided")
        try giveBack(index, keeping: keeping)
      }
    }
    try settle()
  }

  /// - Parameter keeping: how many of a hundred bridge items stay behind. The node is killed between some of the others.
  private mutating func giveBack(_ index: Int, keeping: Int) throws {
    let node = SPIFFEID.node(of: frames[index].id)
    for item in frames[index].state.settlement.toGiveBack {
      try frames[index].settlement(.giveBack(transferID: item.id, log: item.log), actor: node, now: now)
    }
    for (log, item) in frames[index].state.bridge.toReturn where !random.chance(keeping) {
      try frames[index].bridge(.returnItem(log: log, kind: item.kind, id: item.id), actor: node, now: now)
      if item.kind == .wrapped { comeHome += 1 }
      if random.chance(20) { crash(index) }
      checkInvariants("\(item.id) of \(log) is back")
    }
  }

  // MARK: Projection and bridge

  /// Delivers a part of one peer's stream, with repeats and with gaps, which are refused.
  private mutating func project(to index: Int) throws {
    let from = other(index, &random)
    let peer = frames[from].id
    let held = frames[index].state.projection.cursor(of: peer).sequence
    let positions = Array(frames[from].state.projection.positions(for: frames[index].id, after: 0, limit: .max))
    guard !positions.isEmpty else { return }
    var sequence = held + 1
    if random.chance(faults.duplicatePercent), held > 0 { sequence = UInt64.random(in: 1...held, using: &random) }
    let isGap = random.chance(5)
    if isGap { sequence = held + 2 }
    for _ in 0..<Int.random(in: 1...4, using: &random) where sequence <= UInt64(positions.count) {
      let attested = frames[from].attested(positions[Int(sequence - 1)])
      if isGap {
        #expect(throws: ProjectionError.self) { try frames[index].receive(sequence, attested, now: now) }
        return
      }
      try frames[index].receive(sequence, attested, now: now)
      sequence += 1
    }
  }

  /// Somebody brings a proof by hand, before or after the stream does.
  private mutating func bringProof(to index: Int) {
    let from = other(index, &random)
    let candidates = frames[from].log.filter { $0.event.counterparty(from: frames[from].id) == frames[index].id.name }
    guard let event = candidates.randomElement(using: &random) else { return }
    let attested = frames[from].attested(event.position)
    let command: BridgeCommand
    switch event.event.payload {
    case .tokensBridgeLocked: command = .issue(attested)
    case .wrappedTokensRedeemed: command = .unlock(attested)
    default: return
    }
    do { try frames[index].bridge(command, actor: .agent(agent(), of: frames[index].id), now: now) } catch {
      note(error)
    }
  }

  private mutating func relay(_ index: Int) {
    let node = SPIFFEID.node(of: frames[index].id)
    let state = frames[index].state
    for peer in state.bridge.peers.keys.sorted() {
      let pending = state.bridge.pending(with: peer, ledger: state.ledger, federation: state.federation, now: now)
      for item in pending.issues + pending.unlocks where item.reason.isEmpty {
        let isIssue = state.bridge.peer(peer).inbound.pendingIssues[item.item.id] != nil
        let command: BridgeCommand =
          isIssue
          ? .issuePending(peer: peer, lockID: item.item.id, log: state.bridge.peer(peer).log)
          : .unlockPending(peer: peer, redeemID: item.item.id, log: state.bridge.peer(peer).log)
        do { try frames[index].bridge(command, actor: node, now: now) } catch { note(error) }
      }
    }
  }

  // MARK: Quiet

  /// The network heals: everything is delivered and every timer fires until nothing changes.
  mutating func settle() throws {
    for index in frames.indices {
      let command = LedgerCommand.registerAgent(SimFixture.agent("late"), purpose: "")
      _ = try? frames[index].submit(
        .ledger(command), actor: .authority(of: frames[index].id), key: "late", digest: command.digest, now: now)
    }
    for _ in 0..<400 {
      let before = frames.map(\.log.count)
      now = now + .seconds(61)
      while !network.isEmpty { deliver(network.removeFirst()) }
      for index in frames.indices {
        for peer in frames[index].state.settlement.openPeers {
          for transfer in frames[index].state.settlement.openTransfers(to: peer, backend: .twoPhase) {
            drive(index, transfer.id, .unknown)
            drive(index, transfer.id, .timer)
          }
        }
        relay(index)
        for from in frames.indices where from != index {
          let peer = frames[from].id
          let held = frames[index].state.projection.cursor(of: peer).sequence
          let positions = frames[from].state.projection.positions(for: frames[index].id, after: held, limit: .max)
          for (offset, position) in positions.enumerated() {
            try frames[index].receive(held + UInt64(offset) + 1, frames[from].attested(position), now: now)
          }
        }
      }
      if network.isEmpty, frames.map(\.log.count) == before { return }
    }
    Issue.record("the frames do not come to rest")
  }
}
