import FrameCore
import Testing

@testable import FrameIdentity

@Suite("Keys held against what their log was told")
struct LoggedAuthorityTests {
  /// An authority in memory, and what a log that was told of its changes knows.
  private struct Pair {
    let authority: FrameAuthority
    var logged = LoggedAuthority()

    init() throws { authority = try FrameAuthority.ephemeral(frame: try FrameID("frame-a.example")) }

    mutating func tell() throws {
      for change in authority.unlogged {
        logged.note(
          sequence: change.sequence,
          activated: change.action == .activated ? (change.kind, change.authorityID) : nil)
      }
    }
  }

  @Test("S8: at no point of a rotation are the keys and the log of one node at odds: stored, told, and noted as told")
  func everyPoint() throws {
    var pair = try Pair()
    #expect(pair.logged.mismatch(pair.authority.standing) == nil, "a first key is in no log")
    let first = pair.authority.activeID(.x509)
    for (kind, step) in [
      (AuthorityKind.x509, RotationStep.prepare), (.jwt, .prepare), (.x509, .activate(force: true)),
      (.jwt, .activate(force: true)), (.x509, .taint(first)), (.x509, .revoke(first)),
    ] {
      let change = try pair.authority.rotate(kind, step, byOperator: true)
      #expect(pair.logged.mismatch(pair.authority.standing) == nil, "\(change.action) stored, not told")
      try pair.tell()
      #expect(pair.logged.mismatch(pair.authority.standing) == nil, "\(change.action) told, not noted")
      try pair.authority.acknowledge(through: change.sequence)
      #expect(pair.logged.mismatch(pair.authority.standing) == nil, "\(change.action) noted")
    }
  }

  @Test("S8: several changes that wait for the log are no mismatch, and keys from before any of them are one")
  func older() throws {
    var pair = try Pair()
    var before = [pair.authority.standing]
    try pair.authority.rotate(.x509, .prepare, byOperator: true)
    before.append(pair.authority.standing)
    try pair.authority.rotate(.x509, .activate(force: true), byOperator: true)
    #expect(pair.logged.mismatch(pair.authority.standing) == nil)
    try pair.tell()
    for standing in before {
      let why = try #require(pair.logged.mismatch(standing))
      #expect(why.contains("number \(pair.logged.sequence)") && why.contains("\(standing.sequence) as"))
    }
  }

  @Test("S8: keys that went on elsewhere from an older copy are others, though they count as far")
  func elsewhere() throws {
    var pair = try Pair()
    try pair.authority.rotate(.x509, .prepare, byOperator: true)
    try pair.authority.rotate(.x509, .activate(force: true), byOperator: true)
    try pair.tell()
    let other = try Pair()
    for kind in [AuthorityKind.x509, .jwt] { try other.authority.rotate(kind, .prepare, byOperator: true) }
    try other.authority.acknowledge(through: other.authority.sequence)
    #expect(other.authority.sequence == pair.logged.sequence)
    #expect(pair.logged.mismatch(other.authority.standing)?.contains(other.authority.activeID(.x509)) == true)
    // A log that lacks changes that were once on it is the older one: it cannot say.
    #expect(LoggedAuthority().mismatch(other.authority.standing) == nil)
  }

  @Test("S8: old keys that are taken up again count on from the log, and are then the ones in force")
  func reinstated() throws {
    var pair = try Pair()
    try pair.authority.rotate(.x509, .prepare, byOperator: true)
    try pair.authority.rotate(.x509, .activate(force: true), byOperator: true)
    try pair.tell()
    let lost = pair.authority.standing
    let old = try Pair()
    #expect(pair.logged.mismatch(old.authority.standing) != nil)
    let changes = try old.authority.reinstate(beyond: pair.logged.sequence)
    #expect(changes.map(\.sequence) == [4, 5] && changes.allSatisfy { $0.forced && $0.action == .activated })
    #expect(old.authority.bundle.sequence == 5, "peers take it for newer than what they have")
    #expect(pair.logged.mismatch(old.authority.standing) == nil)
    for change in changes { pair.logged.note(sequence: change.sequence, activated: (change.kind, change.authorityID)) }
    #expect(pair.logged.mismatch(old.authority.standing) == nil)
    #expect(pair.logged.mismatch(lost) != nil, "there is no way back")
  }
}
