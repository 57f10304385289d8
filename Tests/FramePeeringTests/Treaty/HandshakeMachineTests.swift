import Foundation
import FrameCore
import FrameProtos
import FrameTesting
import Testing

@testable import FrameTreaty

@Suite("Handshake")
struct HandshakeMachineTests {
  let peer = Names.a

  private func treaty(
    _ state: TreatyState, _ direction: Treaty.Direction, id: String = "i1", endedByPeer: Bool = false
  ) -> Treaty {
    var treaty = Treaty(
      peer: peer, invitationID: id, state: state, direction: direction, ours: describe(Names.b),
      theirs: describe(peer), pin: pin("aa"), expires: start + .seconds(3600), since: start)
    treaty.endedByPeer = endedByPeer
    return treaty
  }

  private func attempt(_ actions: [HandshakeMachine.Action]) throws -> HandshakeMachine.Attempt {
    guard case .attempt(let attempt, _) = try #require(actions.first) else { throw TimedOut(what: "attempt") }
    return attempt
  }

  private func waiting(_ actions: [HandshakeMachine.Action]) throws -> (HandshakeMachine.Attempt, Duration) {
    guard case .wait(let attempt, let duration) = try #require(actions.first) else { throw TimedOut(what: "wait") }
    return (attempt, duration)
  }

  @Test(
    "a crash at any step resumes: what the log says is owed is done at start",
    arguments: [
      (TreatyState.requested, Treaty.Direction.outgoing, HandshakeMachine.Duty.deliverInvitation),
      (.approved, .incoming, .notifyApproval), (.rejected, .incoming, .notifyRejection),
      (.revoked, .outgoing, .notifyRevocation), (.revoked, .incoming, .notifyRevocation),
    ])
  func resume(_ state: TreatyState, _ direction: Treaty.Direction, _ duty: HandshakeMachine.Duty) throws {
    var machine = HandshakeMachine()
    let actions = machine.handle(.treaty(treaty(state, direction)), now: start)
    #expect(try attempt(actions).duty == duty)
  }

  @Test("nothing is owed when the peer ended it, when it is established, or when it waits for our operator")
  func nothing() {
    var machine = HandshakeMachine()
    for quiet in [
      treaty(.established, .incoming), treaty(.requested, .incoming), treaty(.revoked, .incoming, endedByPeer: true),
      treaty(.rejected, .outgoing, endedByPeer: true),
    ] { #expect(machine.handle(.treaty(quiet), now: start).isEmpty) }
  }

  @Test(
    "an invitation that a treaty of before stands in the way of is brought again, and at once when the peer's crosses it"
  )
  func standingInTheWay() throws {
    var machine = HandshakeMachine()
    let open = treaty(.requested, .outgoing)
    let first = try attempt(machine.handle(.treaty(open), now: start))
    let (again, pause) = try waiting(machine.handle(.finished(first, .refused(code: "already_federated")), now: start))
    #expect(pause == HandshakeMachine.invitationPollInterval)
    #expect(machine.troubles[peer] == "already_federated")
    let hurried = try attempt(machine.handle(.crossed(open), now: start))
    #expect(hurried.duty == .deliverInvitation && machine.troubles[peer] == nil)
    #expect(machine.handle(.timer(again), now: start + pause).isEmpty, "the try of before is past")
    #expect(machine.handle(.finished(hurried, .delivered), now: start).isEmpty)
    // Delivered once, it is brought again all the same when the peer shows that it does not have it.
    #expect(try attempt(machine.handle(.crossed(open), now: start)).duty == .deliverInvitation)
    // Other refusals are no matter of time, and nothing is brought that has lapsed.
    let refused = try attempt(machine.handle(.crossed(open), now: start))
    #expect(machine.handle(.finished(refused, .refused(code: "not_the_peer")), now: start).isEmpty)
    let last = try attempt(machine.handle(.crossed(open), now: start))
    #expect(
      machine.handle(.finished(last, .refused(code: "already_federated")), now: open.expires + .seconds(1)).isEmpty)
  }

  @Test("an approval is told for ever, with growing pauses, until the inviter answers; then the treaty is established")
  func approvalForEver() throws {
    var machine = HandshakeMachine()
    var now = start
    var current = try attempt(machine.handle(.treaty(treaty(.approved, .incoming)), now: now))
    var pauses: [Duration] = []
    for _ in 0..<500 {
      let (next, pause) = try waiting(machine.handle(.finished(current, .failed(reason: "down")), now: now))
      pauses.append(pause)
      now = now + pause
      current = try attempt(machine.handle(.timer(next), now: now))
    }
    #expect(pauses[0] < .seconds(2))
    #expect(pauses.allSatisfy { $0 <= .seconds(72) })
    #expect(pauses[100] > .seconds(40))
    #expect(machine.troubles[peer] == "down")
    let answer = HandshakeMachine.Outcome.acknowledged(inviter: describe(peer), document: Data([1]))
    let actions = machine.handle(.finished(current, answer), now: now)
    guard case .submit(.establish(let who, "i1", _, Data([1])), let key) = try #require(actions.first) else {
      throw TimedOut(what: "establish")
    }
    #expect(who == peer)
    #expect(key == "ws3/establish/i1")
    #expect(machine.troubles[peer] == nil)
  }

  @Test("an inviter that no longer knows the invitation ends the approval; other refusals do not")
  func refused() throws {
    var machine = HandshakeMachine()
    let first = try attempt(machine.handle(.treaty(treaty(.approved, .incoming)), now: start))
    let (next, _) = try waiting(
      machine.handle(.finished(first, .refused(code: "peer_unauthenticated")), now: start))
    let second = try attempt(machine.handle(.timer(next), now: start))
    let actions = machine.handle(.finished(second, .refused(code: "invitation_unknown")), now: start)
    guard case .submit(.approvalRefused(_, "i1", "invitation_unknown"), _) = try #require(actions.first) else {
      throw TimedOut(what: "refusal")
    }
  }

  @Test("a revoke while the approval is being told drops it; a late answer is ignored")
  func superseded() throws {
    var machine = HandshakeMachine()
    let old = try attempt(machine.handle(.treaty(treaty(.approved, .incoming)), now: start))
    let new = try attempt(machine.handle(.treaty(treaty(.revoked, .incoming)), now: start))
    #expect(new.duty == .notifyRevocation)
    #expect(
      machine.handle(.finished(old, .acknowledged(inviter: describe(peer), document: Data())), now: start).isEmpty)
    #expect(machine.handle(.timer(old), now: start).isEmpty)
  }

  @Test("a rotated pin does not start the same duty twice")
  func rotated() {
    var machine = HandshakeMachine()
    _ = machine.handle(.treaty(treaty(.approved, .incoming)), now: start)
    var again = treaty(.approved, .incoming)
    again.pin = pin("a2", sequence: 2)
    #expect(machine.handle(.treaty(again), now: start).isEmpty)
  }

  @Test("an invitation is delivered until it lapses; courtesies are tried a few times")
  func bounded() throws {
    var machine = HandshakeMachine()
    let invitation = try attempt(machine.handle(.treaty(treaty(.requested, .outgoing)), now: start))
    #expect(
      machine.handle(.finished(invitation, .failed(reason: "down")), now: start + .seconds(3601)).isEmpty)
    var current = try attempt(machine.handle(.treaty(treaty(.revoked, .outgoing, id: "i2")), now: start))
    for _ in 1..<HandshakeMachine.courtesyAttemptsMax {
      let (next, _) = try waiting(machine.handle(.finished(current, .failed(reason: "down")), now: start))
      current = try attempt(machine.handle(.timer(next), now: start))
    }
    #expect(machine.handle(.finished(current, .failed(reason: "down")), now: start).isEmpty)
    var old = HandshakeMachine()
    #expect(old.handle(.treaty(treaty(.revoked, .outgoing)), now: start + .seconds(86_400)).isEmpty)
  }
}
