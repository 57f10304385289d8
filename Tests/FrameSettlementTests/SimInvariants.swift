@testable import FrameAudit
import FrameBridge
import FrameCore
import FrameLedger
import FrameProtos
import Testing

@testable import FrameSettlement

// What must hold at every step, seen from above: no frame could check it alone.
extension SimWorld {
  /// Minor units at the finest scale, so that frames of different scales can be added up.
  private func fine(_ units: Int64, _ asset: Asset) -> Int64 {
    Amount(minorUnits: units).rescaled(from: asset.scale, to: 6)?.minorUnits ?? .max
  }

  func checkInvariants(_ comment: Comment) {
    for frame in frames { checkSupply(of: frame, comment) }
    for (i, a) in frames.enumerated() {
      for b in frames[(i + 1)...] { checkClearing(a, b, comment) }
    }
    for a in frames {
      for b in frames where a.id != b.id { checkBridge(origin: a, destination: b, comment) }
    }
  }

  private func checkSupply(of frame: SimFrame, _ comment: Comment) {
    var sums: [Asset?: Int64] = [:]
    for (account, balance) in frame.state.ledger.accounts {
      sums[account.asset, default: 0] += balance
      #expect(balance >= 0 || account.kind == .clearing || account.kind == .issuance, "\(account) \(comment)")
    }
    for (asset, sum) in sums { #expect(sum == 0, "supply of \(String(describing: asset)) at \(frame.id) \(comment)") }
  }

  /// Clearing accounts mirror each other up to exactly what is in flight, and nothing is both paid and refunded.
  private func checkClearing(_ a: SimFrame, _ b: SimFrame, _ comment: Comment) {
    let difference = fine(a.balance(.clearing(b.id)), a.native) + fine(b.balance(.clearing(a.id)), b.native)
    let inFlight = inFlight(from: a, to: b, comment) + inFlight(from: b, to: a, comment)
    #expect(difference == inFlight, "clearing of \(a.id) and \(b.id) \(comment)")
    for (frame, peer) in [(a, b), (b, a)] where !Self.isTakenOver(frame, peer) {
      let cap = frame.state.federation.treaty(peer.id)?.terms.netDebitCap ?? 0
      #expect(frame.balance(.clearing(peer.id)) >= -cap, "net debit cap of \(peer.id) at \(frame.id) \(comment)")
    }
  }

  private func inFlight(from a: SimFrame, to b: SimFrame, _ comment: Comment) -> Int64 {
    var total: Int64 = 0
    // What stood towards a log that b has lost is decided about by people.
    let since = Self.start(of: b, in: a)
    for event in a.log where event.position > since {
      let terms: PBTransferTerms
      switch event.event.payload {
      case .crossRegistryTransferLocked(let p): terms = p.terms
      case .crossFrameTransferInitiated(let p): terms = p.terms
      default: continue
      }
      guard terms.destination == b.id.name, let here = a.state.settlement.outgoing(terms.transferID) else { continue }
      let there = b.phase(terms.transferID, from: a.id)
      let amount = fine(terms.amount, a.native)
      switch (here.phase, there) {
      case (.initiated, .credited?), (.locked, nil), (.locked, .refused?): break
      case (.initiated, _): total += amount
      case (.locked, .credited?): total -= amount
      case (.completed, .credited?), (.aborted, .refused?), (.compensated, .refused?): break
      default:
        Issue.record("\(terms.transferID) is \(here.phase) here and \(String(describing: there)) there \(comment)")
      }
    }
    return total
  }

  /// Operators may take over what no cap of the new treaty would have let through.
  private static func isTakenOver(_ a: SimFrame, _ b: SimFrame) -> Bool {
    [(a, b), (b, a)].contains { frame, peer in
      frame.state.federation.logs.former(of: peer.id).contains { $0.state == .recognised }
    }
  }

  /// Where the present log of `peer` begins to count in the log of `frame`.
  private static func start(of peer: SimFrame, in frame: SimFrame) -> UInt64 {
    frame.log.last { event in
      if case .peerLogReplaced(let p) = event.event.payload { p.peer == peer.id.name } else { false }
    }?.position ?? 0
  }

  /// No transfer is credited twice and none is refunded twice, whatever was delivered how often.
  func checkOnce(_ comment: Comment) {
    for frame in frames {
      var credits: [String: Int] = [:]
      var refunds: [String: Int] = [:]
      for event in frame.log {
        switch event.event.payload {
        case .crossRegistryTransferCredited(let p): credits["\(p.terms.origin)/\(p.terms.transferID)", default: 0] += 1
        case .crossFrameTransferSettled(let p) where p.terms.destination == frame.id.name:
          credits["\(p.terms.origin)/\(p.terms.transferID)", default: 0] += 1
        case .crossRegistryTransferAborted(let p): refunds[p.terms.transferID, default: 0] += 1
        case .crossFrameTransferCompensated(let p): refunds[p.terms.transferID, default: 0] += 1
        case .wrappedTokensIssued(let p): credits["issue/\(p.origin)/\(p.lockID)", default: 0] += 1
        case .tokensBridgeUnlocked(let p): credits["unlock/\(p.destination)/\(p.redeemID)", default: 0] += 1
        case .formerLogItemReturned(let p): refunds["\(p.log)/\(p.kind)/\(p.itemID)", default: 0] += 1
        default: break
        }
      }
      for (id, count) in credits { #expect(count == 1, "\(id) \(comment)") }
      for (id, count) in refunds { #expect(count == 1, "\(id) \(comment)") }
    }
  }

  /// What an auditor says who has nothing but the two logs.
  private func checkAudit(_ a: SimFrame, _ b: SimFrame, _ comment: Comment) {
    let match = DealingsMatch(a.dealings(), b.dealings(), tail: DealingsRecount(frame: a.id.name))
    #expect(match.problems.isEmpty, "audit of \(a.id) and \(b.id) \(comment)")
    #expect(match.transfersInFlight == 0 && match.bridgeInFlight == 0, "\(comment)")
    // What was with a log that one of them has lost is counted, and is nobody's fault.
    let hasFormer = [(a, b), (b, a)].contains { !$0.state.federation.logs.former(of: $1.id).isEmpty }
    #expect(match.withOtherLogs == 0 || hasFormer, "\(comment)")
  }

  /// `reserve = outstanding + in flight` as each side sees it, and never more outstanding than locked as nobody can see.
  private func checkBridge(origin a: SimFrame, destination b: SimFrame, _ comment: Comment) {
    let outbound = a.state.bridge.peer(b.id).outbound
    let inbound = b.state.bridge.peer(a.id).inbound
    #expect(outbound.imbalance == 0, "imbalance at \(a.id) towards \(b.id) \(comment)")
    #expect(inbound.imbalance == 0, "imbalance at \(b.id) from \(a.id) \(comment)")
    #expect(a.state.bridge.peer(b.id).breaker == nil, "breaker at \(a.id) \(comment)")
    #expect(inbound.issued <= outbound.locked, "issued over locked \(comment)")
    #expect(outbound.unlocked <= inbound.redeemed, "unlocked over redeemed \(comment)")
    #expect(inbound.outstanding <= outbound.reserve, "outstanding over reserve \(comment)")
    #expect(a.balance(.bridgeReserve(b.id)) == outbound.reserve, "reserve account \(comment)")
    let unbacked = b.state.ledger.agents.reduce(0) { $0 + b.state.bridge.unbacked($1.name, of: a.id, a.native) }
    // What was being redeemed with a log that is lost counts as issued when it is recognised, and comes home after that.
    let present = b.state.bridge.peer(a.id).log
    let onItsWay = b.state.bridge.former.values.filter { $0.heir != nil && $0.heir == present }
      .reduce(0) { $0 + $1.redeeming.values.reduce(0, +) }
    #expect(
      -b.balance(.issuance(of: a.native)) == inbound.outstanding - onItsWay + unbacked, "wrapped supply \(comment)")
    #expect(a.balance(.clearing(b.id)) == a.state.settlement.clearing[b.id] ?? 0, "clearing as told \(comment)")
    let cap = Self.isTakenOver(a, b) ? .max : b.state.federation.treaty(a.id)?.terms.bridgeCap ?? 0
    #expect(inbound.outstanding <= cap, "bridge cap \(comment)")
  }

  /// After everything was delivered: no transfer is open, clearing mirrors, the bridge has nothing in flight.
  func checkRest(_ comment: Comment) {
    checkInvariants(comment)
    checkOnce(comment)
    for frame in frames { #expect(frame.findings.isEmpty, "findings at \(frame.id) \(comment)") }
    for (i, a) in frames.enumerated() {
      for b in frames[(i + 1)...] { checkAudit(a, b, comment) }
    }
    for frame in frames {
      #expect(frame.state.settlement.openPeers.isEmpty, "open transfers at \(frame.id) \(comment)")
      for agent in frame.state.ledger.agents { #expect(frame.balance(.held(agent.name)) == 0, "held \(comment)") }
      for peer in frames where peer.id != frame.id {
        let here = fine(frame.balance(.clearing(peer.id)), frame.native)
        let there = fine(peer.balance(.clearing(frame.id)), peer.native)
        #expect(here + there == 0, "clearing of \(frame.id) and \(peer.id) \(comment)")
        let bridge = frame.state.bridge.peer(peer.id)
        #expect(bridge.outbound.inFlight == 0, "in flight at \(frame.id) towards \(peer.id) \(comment)")
        #expect(bridge.inbound.inFlight == 0, "in flight at \(frame.id) from \(peer.id) \(comment)")
      }
    }
  }
}
