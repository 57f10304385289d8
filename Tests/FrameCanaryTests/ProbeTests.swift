import FrameCore
import Testing

@testable import FrameCanary

@Suite("One probe")
struct ProbeTests {
  let completed = CanaryReceipt(transferID: "t1", state: "completed")
  let pending = CanaryReceipt(transferID: "t1", state: "pending")

  @Test("a completed answer settles at once")
  func settlesAtOnce() {
    var probe = Probe()
    #expect(probe.handle(.receipt(completed)) == .finish(.settled))
  }

  @Test("a pending answer is looked at until it completes", arguments: ["pending", "in_doubt"])
  func follows(state: String) {
    var probe = Probe()
    #expect(probe.handle(.receipt(.init(transferID: "t1", state: state))) == .look(transferID: "t1"))
    #expect(probe.handle(.receipt(pending)) == .look(transferID: "t1"))
    #expect(probe.handle(.receipt(completed)) == .finish(.settled))
  }

  @Test("a request that brought no answer leaves the transfer unresolved, never failed for certain")
  func noAnswer() {
    var probe = Probe()
    let outcome = Probe.Outcome.unresolved(.request, .timeout, transferID: nil)
    #expect(probe.handle(.error(.noAnswer(.timeout, "10 s"))) == .finish(outcome))
  }

  @Test("a refusal is certain and keeps its reason")
  func refusal() {
    var probe = Probe()
    let error = CanaryAPIError.problem(.peerUnavailable, code: "peer_unavailable", transferID: nil)
    #expect(probe.handle(.error(error)) == .finish(.failed(.request, .peerUnavailable)))
  }

  @Test("a refund after the caller's return fails the settle phase")
  func compensated() {
    var probe = Probe()
    _ = probe.handle(.receipt(pending))
    let receipt = CanaryReceipt(transferID: "t1", state: "compensated")
    #expect(probe.handle(.receipt(receipt)) == .finish(.failed(.settle, .compensated)))
  }

  @Test("a look that goes wrong says nothing about the transfer")
  func failedLook() {
    var probe = Probe()
    _ = probe.handle(.receipt(pending))
    #expect(probe.handle(.error(.noAnswer(.unreachable, "reset"))) == .look(transferID: "t1"))
    #expect(probe.handle(.limitReached) == .finish(.unresolved(.settle, .timeout, transferID: "t1")))
  }

  @Test("what has finished stays finished")
  func terminal() {
    var probe = Probe()
    _ = probe.handle(.receipt(completed))
    #expect(probe.handle(.limitReached) == .finish(.settled))
    #expect(probe.state == .finished(.settled))
  }
}

@Suite("When rounds are due")
struct TickGridTests {
  let start = Duration.seconds(1000)

  @Test("O15: a round within its interval skips nothing and the next is due on the grid")
  func regular() {
    var grid = TickGrid(start: start, interval: .seconds(60))
    let (skipped, due) = grid.advance(after: start + .seconds(3), jitter: 0)
    #expect(skipped == 0)
    #expect(due == start + .seconds(60))
  }

  @Test("O15: an overrun skips the ticks it covered and queues none")
  func overrun() {
    var grid = TickGrid(start: start, interval: .seconds(60))
    let (skipped, due) = grid.advance(after: start + .seconds(150), jitter: 0)
    #expect(skipped == 2)
    #expect(due == start + .seconds(180))
    #expect(grid.advance(after: start + .seconds(181), jitter: 0) == (0, start + .seconds(240)))
  }

  @Test("O15: jitter moves a tick by at most a tenth and never the grid", arguments: [0, 0.5, 1, 7])
  func jitter(value: Double) {
    var grid = TickGrid(start: start, interval: .seconds(60))
    let first = grid.advance(after: start, jitter: value).due
    #expect(first >= start + .seconds(60) && first <= start + .seconds(66))
    #expect(grid.advance(after: first, jitter: 0) == (0, start + .seconds(120)))
  }
}

@Suite("What one probe sends")
struct AmountTests {
  @Test(
    "B18: the amount fits both currencies exactly",
    arguments: [(UInt8(2), UInt8(2), Int64(1)), (2, 4, 1), (4, 2, 100), (0, 9, 1), (9, 0, 1_000_000_000)])
  func fits(ours: UInt8, theirs: UInt8, expected: Int64) {
    let amount = CanaryConfiguration().amount(ours: ours, theirs: theirs)
    #expect(amount == Amount(minorUnits: expected))
    #expect(amount.rescaled(from: ours, to: theirs) != nil)
  }
}
