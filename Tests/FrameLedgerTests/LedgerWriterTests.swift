import Foundation
import FrameCore
import FrameEvents
import Testing

@testable import FrameLedger

@Suite struct LedgerWriterTests {
  @Test("money that was issued, granted and transferred is there after a restart")
  func lifeCycle() async throws {
    let fixture = try LedgerFixture()
    let (alice, bob) = (try AgentName("alice"), try AgentName("bob"))
    var writer = try fixture.writer()
    for command in [
      LedgerCommand.registerAgent(alice, purpose: ""), .registerAgent(bob, purpose: ""),
      .issue(Amount(minorUnits: 1000), memo: ""),
      .transfer(from: nil, to: alice, amount: Amount(minorUnits: 300), memo: "grant"),
    ] {
      _ = try await writer.submit(fixture.command(command, by: fixture.authority))
    }
    let committed = try await writer.submit(
      fixture.command(
        .transfer(from: alice, to: bob, amount: Amount(minorUnits: 100), memo: ""), by: fixture.agent("alice")))
    #expect(committed.events.map(\.position) == [4])
    let attestation = try await writer.attest(4)
    #expect(try AttestationVerifier.verify(attestation, key: fixture.signer.verifierKey) == committed.events[0])
    await writer.shutdown()
    writer = try fixture.writer()
    #expect(writer.durableSize() == 5)
    let balances = try await writer.read {
      ($0.balance(.liquid(alice)), $0.balance(.liquid(bob)), $0.balance(.treasury))
    }
    #expect(balances == (200, 100, 700))
    await writer.shutdown()
  }
}
