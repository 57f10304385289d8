import FrameBridge
import FrameCore
import FrameLedger
import FrameEvents
import FrameProjection
import FrameProtos
import Testing

@Suite("Rates when the clock is set")
struct ClockStepTests {
  @Test("a bridge under its rate goes on after the clock was ahead while one event was written")
  func bridgeRate() throws {
    var pair = try BridgePair(.init(bridgeCap: 100_000, bridgeRatePerMinute: 600))
    let right = pair.now
    // One event of B's with a clock that is four minutes, then 400 days ahead.
    for ahead in [Duration.seconds(240), .seconds(400 * 86_400)] {
      try pair.b.append(
        EventDraft(.agentRegistered(.with { $0.name = "a\(ahead.components.seconds)" })),
        actor: .authority(of: pair.b.id), now: right + ahead)
    }
    for step in 0..<20 {
      pair.now = right + .seconds(step * 61)
      try pair.lock("l\(step)", 500)
      try pair.deliver()
      #expect(pair.inbound.pendingIssues.isEmpty, "step \(step)")
      #expect(pair.wrapped == Int64(500 * (step + 1)))
    }
    let times = pair.b.log.map(\.time)
    #expect(times == times.sorted(), "event times never go back")
    #expect(pair.b.log.last?.clock == pair.now && pair.b.log.last?.time != pair.now)
    let replayed = pair.b.replayed().bridge.peer(pair.a.id).inbound.issueRate
    #expect(replayed == pair.inbound.issueRate, "a replay counts alike")
  }

  @Test("a window that was filled by a clock that was ahead is closed for two minutes at most once it is right")
  func fullWindow() {
    let start = SimFixture.start
    for ahead in [1, 30, 60, 61, 240, 400 * 86_400] {
      var window = SlidingWindow()
      window.add(600, at: start + .seconds(ahead))
      #expect(window.sum(at: start + .seconds(ahead)) == 600)
      let closed = (0...600).filter { window.sum(at: start + .seconds($0)) > 0 }
      #expect(closed.count <= 121, "ahead \(ahead): \(closed.count) seconds")
      // What is added under the right clock counts for a minute, whatever was added under the wrong one.
      window.add(100, at: start + .seconds(200))
      #expect(window.sum(at: start + .seconds(200)) >= 100)
      #expect(window.sum(at: start + .seconds(320)) == 0)
    }
  }

  @Test("what was added before a small step back still counts after it")
  func smallStepBack() {
    var window = SlidingWindow()
    window.add(600, at: SimFixture.start + .seconds(30))
    #expect(window.sum(at: SimFixture.start) == 600)
    window.add(5, at: SimFixture.start)
    #expect(window.sum(at: SimFixture.start + .seconds(1)) == 605)
    #expect(window.sum(at: SimFixture.start + .seconds(62)) == 600)
  }
}
