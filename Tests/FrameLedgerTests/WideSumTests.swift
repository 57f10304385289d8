@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameProtos
import Foundation
import Testing

@testable import FrameLedger

@Suite("Sums that 64 bits cannot hold")
struct WideSumTests {
  /// A frame whose balances together are above what 64 bits hold: much was issued, and a peer owes as much again.
  private func events(_ fixture: LedgerFixture) throws -> [PBEvent] {
    let peer = try FrameID("frame-b.example")
    let (alice, bob) = (try AgentName("alice"), try AgentName("bob"))
    let payloads: [(PBEvent.OneOf_Payload, [PBPosting])] = [
      (.agentRegistered(.with { $0.name = "alice" }), []), (.agentRegistered(.with { $0.name = "bob" }), []),
      (.tokensIssued(.with { $0.amount = .max }), Postings.move(.max, from: .issuance, to: .treasury)),
      (
        .tokensTransferred(
          .with {
            $0.to = "alice"
            $0.amount = .max
          }), Postings.move(.max, from: .treasury, to: .liquid(alice))
      ),
      (
        .crossRegistryTransferCredited(
          .with {
            $0.terms = .with {
              $0.transferID = "t"
              $0.origin = peer.name
              $0.to = "bob"
              $0.amount = .max
            }
            $0.creditedAmount = .max
          }), Postings.move(.max, from: .clearing(peer), to: .liquid(bob))
      ),
    ]
    return payloads.enumerated().map { index, event in
      .with {
        $0.position = UInt64(index)
        $0.timeUnixNs = Int64(index)
        $0.idempotencyKey = "k\(index)"
        $0.commandEvents = 1
        $0.payload = event.0
        $0.postings = event.1
      }
    }
  }

  @Test("the supply of the past, the full audit and the audit from the files agree, and nothing overflows")
  func agree() throws {
    let fixture = try LedgerFixture()
    var state = fixture.state()
    var fold = SupplyRecount(frame: fixture.frame.name, thorough: true)
    for event in try events(fixture) {
      let bytes = try event.serializedData()
      state.evolve(RecordedEvent(event: event, bytes: bytes))
      fold.add(event.position, bytes)
    }
    let statement = state.supply(at: 5)
    #expect(statement == fold.statement)
    #expect(statement.circulating == 2 * Int128(Int64.max))
    #expect(statement.delta == 0 && fold.worstDelta == 0 && fold.findingCount == 0, "\(fold.findings)")
    #expect(Amount.decimal(sum: statement.circulating, scale: 9) == "18446744073.709551614")
    #expect(Amount.decimal(sum: -statement.circulating, scale: 0) == "-18446744073709551614")
  }

  @Test("what one event takes from an account and puts there again is weighed when all of it is done")
  func oneStep() throws {
    for (second, isNegative) in [(Int64(40), false), (10, true)] {
      var fold = SupplyRecount(frame: "frame-a.example", thorough: true)
      let event = PBEvent.with {
        $0.commandEvents = 1
        $0.postings = [
          Postings.posting(.treasury, -20), Postings.posting(.treasury, second),
          Postings.posting(.issuance, 20 - second),
        ]
      }
      fold.add(0, try event.serializedData())
      #expect("\(fold.findings)".contains("negative_balance") == isNegative, "\(fold.findings)")
    }
  }

  @Test("what is set aside for all holds together may be more than 64 bits hold")
  func holds() throws {
    var book = HoldBook()
    for (index, owner) in ["alice", "bob", "carol"].enumerated() {
      let created = PBEvent.with {
        $0.position = UInt64(index)
        $0.holdCreated = .with {
          $0.holdID = "h\(index)"
          $0.from = owner
          $0.amount = .max
          $0.expiresUnixNs = .max
        }
      }
      book.evolve(RecordedEvent(event: created, bytes: Data()))
    }
    #expect(book.total == 3 * Int128(Int64.max) && book.amount(of: "bob") == .max)
    let released = PBEvent.with {
      $0.holdReleased = .with {
        $0.holdID = "h1"
        $0.from = "bob"
        $0.amount = .max
      }
    }
    book.evolve(RecordedEvent(event: released, bytes: Data()))
    #expect(book.total == 2 * Int128(Int64.max))
  }

  @Test("a log that no guard looked at is read to its end")
  func unguarded() throws {
    let fixture = try LedgerFixture()
    var state = fixture.state()
    for _ in 0..<3 {
      let event = PBEvent.with { $0.postings = [Postings.posting(.treasury, .max), Postings.posting(.issuance, .min)] }
      state.evolve(RecordedEvent(event: event, bytes: Data()))
    }
    #expect(state.balance(.treasury) == .max && state.balance(.issuance) == .min)
    #expect(state.supply(at: 3).delta == 1)
  }
}
