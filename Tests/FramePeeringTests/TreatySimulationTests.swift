import FrameCore
import Testing

@testable import FrameTreaty

@Suite("Treaties over a bad network")
struct TreatySimulationTests {
  @Test("loss, doubles, reordering and crashes at every step: the handshake ends in one treaty, signed by both")
  func handshake() throws {
    for seed in UInt64(1)...24 {
      var simulator = TreatySimulator(seed: seed)
      // One side invites, the other does, or both at once.
      let first = Int(seed % 3)
      if first != 1 { simulator.invite(0) }
      if first != 0 { simulator.invite(1) }
      for _ in 0..<60 {
        simulator.disturb()
        for who in 0...1 where simulator.treaty(who)?.direction == .incoming && simulator.pick(3) == 0 {
          simulator.approve(who)
        }
      }
      simulator.settle()
      for who in 0...1 where simulator.treaty(who)?.state == .requested { simulator.approve(who) }
      simulator.settle()
      let (a, b) = (try #require(simulator.treaty(0)), try #require(simulator.treaty(1)))
      #expect(a.state == .established && b.state == .established, "seed \(seed): \(a.state) \(b.state)")
      #expect(a.invitationID == b.invitationID, "seed \(seed)")
      #expect(a.document == b.document && !a.document.isEmpty, "seed \(seed)")
      #expect(throws: Never.self) { try TreatyDocument.inspect(a.document) }
      #expect(a.direction != b.direction, "seed \(seed)")
    }
  }

  @Test(
    "amendments and moves proposed, crossed, decided, withdrawn and lapsed over a bad network: both sides agree in the end"
  )
  func amendments() throws {
    var (accepted, moved) = (0, 0)
    for seed in UInt64(1)...24 {
      var simulator = TreatySimulator(seed: seed)
      simulator.invite(0)
      simulator.settle()
      simulator.approve(1)
      simulator.settle()
      for _ in 0..<120 {
        simulator.disturb()
        let who = simulator.pick(2)
        switch simulator.pick(15) {
        case 0, 1: simulator.propose(who, lifetime: .seconds(simulator.pick(4) == 0 ? 1 : 600))
        case 2: simulator.decide(who, accept: true)
        case 3: simulator.decide(who, accept: false)
        case 4: simulator.withdraw(who)
        case 5:
          var place = TreatyEndpoints(of: describe(Names.a))
          place.federationAddress = "host-\(who).example:\(9000 + simulator.pick(900))"
          simulator.relocate(who, to: place)
        default: break
        }
        agree(simulator, seed, isQuiet: false)
      }
      simulator.settle()
      agree(simulator, seed, isQuiet: true)
      let treaty = try #require(simulator.treaty(0))
      accepted += Int(treaty.revision)
      moved += [treaty.ours, treaty.theirs].count { $0.federationAddress.hasPrefix("host-") }
    }
    #expect(accepted > 8 && moved > 2, "the runs must get somewhere: \(accepted) accepted, \(moved) moved")
  }

  /// At one revision there is one text and one set of terms; the revisions are never more than the one step apart that the
  /// proposer has not heard of yet.
  private func agree(_ simulator: TreatySimulator, _ seed: UInt64, isQuiet: Bool) {
    guard let a = simulator.treaty(0), let b = simulator.treaty(1) else { return }
    if a.revision == b.revision {
      #expect(a.document == b.document, "seed \(seed)")
      #expect(a.ours == b.theirs && a.theirs == b.ours, "seed \(seed)")
    } else {
      let (ahead, behind) = a.revision > b.revision ? (a, b) : (b, a)
      #expect(ahead.revision == behind.revision + 1, "seed \(seed)")
      #expect(ahead.received?.state == .accepted && ahead.received?.id == behind.proposed?.id, "seed \(seed)")
      #expect(behind.proposed?.state == .pending, "seed \(seed)")
      #expect(!isQuiet, "seed \(seed): \(a.revision) and \(b.revision) at rest")
    }
    guard isQuiet else { return }
    for (proposer, decider) in [(a, b), (b, a)] {
      // What is not decided waits for a person at both sides; what is, ended the same at both.
      guard let proposed = proposer.proposed else { continue }
      if decider.received?.id == proposed.id {
        #expect(decider.received?.state == proposed.state, "seed \(seed)")
      } else {
        #expect(proposed.state != .pending, "seed \(seed): the decider does not know \(proposed.id)")
      }
    }
  }
}
