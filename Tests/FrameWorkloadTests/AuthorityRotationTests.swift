import FrameCore
import FrameIdentity
import Testing

@testable import FrameWorkload

@Suite("The keeper of the authority")
struct AuthorityRotationTests {
  @Test(
    "S8, S16: left alone it prepares at half of a key's life, activates at a sixth, retires the old, and the log has it all"
  )
  func alone() async throws {
    let fixture = try WorkloadFixture()
    let first = fixture.authority.activeID(.x509)
    try await fixture.keeper.keep()
    #expect(fixture.writer.types.isEmpty)

    fixture.clock.advance(by: .seconds(43_200 - 60))
    try await fixture.keeper.keep()
    #expect(fixture.writer.types.isEmpty, "half of its life is not over")
    fixture.clock.advance(by: .seconds(120))
    try await fixture.keeper.keep()
    #expect(fixture.writer.types == ["AuthorityPrepared", "AuthorityPrepared"])
    #expect(fixture.authority.activeID(.x509) == first && fixture.authority.bundle.x509Authorities.count == 2)

    fixture.clock.advance(by: .seconds(86_400 / 3))
    try await fixture.keeper.keep()
    #expect(fixture.writer.types.suffix(2) == ["AuthorityActivated", "AuthorityActivated"])
    #expect(fixture.authority.activeID(.x509) != first)

    fixture.clock.advance(by: .seconds(86_400 / 6 + 3600))
    try await fixture.keeper.keep()
    #expect(fixture.writer.types.filter { $0 == "AuthorityRetired" }.count == 2)
    // By then half of the second key's life is over.
    #expect(fixture.authority.records(.x509).map(\.state) == [.active, .prepared])
    #expect(Set(fixture.writer.actors) == [.node(of: Frames.a)])
    #expect(fixture.authority.unlogged.isEmpty && fixture.value("frame_authority_unlogged_changes") == 0)
  }

  @Test("S8: what an operator does is in force and on the log, under the authority's name, when it is answered")
  func operatorsHand() async throws {
    let fixture = try WorkloadFixture()
    let first = fixture.authority.activeID(.x509)
    _ = try await fixture.keeper.rotate(.x509, .prepare)
    #expect(
      await refusal { _ = try await fixture.keeper.rotate(.x509, .activate(force: false)) } == "authority_too_early")
    #expect(try await fixture.keeper.rotate(.x509, .activate(force: true)).forced)
    _ = try await fixture.keeper.rotate(.x509, .taint(first))
    let revoked = try await fixture.keeper.rotate(.x509, .revoke(first))
    #expect(
      fixture.writer.types == ["AuthorityPrepared", "AuthorityActivated", "AuthorityTainted", "AuthorityRevoked"])
    #expect(Set(fixture.writer.actors) == [.authority(of: Frames.a)])
    guard case .authorityRevoked(let event)? = fixture.writer.events.last?.event.payload else {
      Issue.record("the last event is no revocation")
      return
    }
    #expect(event.change.authorityID == first && event.change.sequence == revoked.sequence)
    #expect(event.change.fingerprint == fixture.authority.bundle.fingerprint.description)
    #expect(try await fixture.writer.read { $0.logged.sequence } == revoked.sequence)
  }

  @Test("S8: a change that the log could not take is in force, and is told once when it can be")
  func logDown() async throws {
    let fixture = try WorkloadFixture()
    fixture.writer.setDown(true)
    #expect(await refusal { _ = try await fixture.keeper.rotate(.jwt, .prepare) } != nil)
    #expect(fixture.authority.records(.jwt).count == 2 && fixture.writer.types.isEmpty)
    #expect(fixture.value("frame_authority_unlogged_changes") == 1)
    fixture.writer.setDown(false)
    try await fixture.keeper.keep()
    try await fixture.keeper.keep()
    #expect(fixture.writer.types == ["AuthorityPrepared"])
    #expect(fixture.authority.unlogged.isEmpty && fixture.value("frame_authority_unlogged_changes") == 0)
  }

  @Test("the service does what falls due without being asked")
  func service() async throws {
    let fixture = try WorkloadFixture()
    let running = Task { try await fixture.keeper.run() }
    var bundles = fixture.authority.changes().makeAsyncIterator()
    #expect(await bundles.next()?.sequence == 1)
    fixture.clock.advance(by: .seconds(43_260))
    // The service may not have been asleep yet when the clock moved: it then sees the new time at once.
    #expect(await bundles.next()?.sequence ?? 0 >= 2)
    running.cancel()
    try await running.value
  }
}
