import Crypto
import Foundation
import FrameCore
import FrameMetrics
import NIOCore
import Synchronization
import FrameTesting
import Testing

@testable import FrameIdentity

@Suite("Rotation of the authority")
struct AuthorityRotationTests {
  static let policy = AuthorityPolicy(
    caLifetime: .seconds(86_400), jwtKeyLifetime: .seconds(86_400), x509SVIDLifetime: .seconds(3600),
    refreshHint: .seconds(300))
  let clock = ManualClock()
  let registry = MetricRegistry()
  let folder: TemporaryFolder
  let directory: KeyDirectory

  init() throws {
    folder = try TemporaryFolder()
    directory = KeyDirectory(path: folder.path + "/keys")
  }

  private func create(_ metrics: IdentityMetrics? = nil) throws -> FrameAuthority {
    try FrameAuthority.create(
      frame: Frames.a, in: directory, policy: Self.policy, clock: clock, metrics: metrics)
  }

  private func load() throws -> FrameAuthority {
    try FrameAuthority.load(frame: Frames.a, from: directory, policy: Self.policy, clock: clock)
  }

  private func states(_ authority: FrameAuthority, _ kind: AuthorityKind) -> [AuthorityState] {
    authority.records(kind).map(\.state)
  }

  private func refusal(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? any FrameError)?.code }
  }

  private func value(_ name: String, _ labels: [String: String]) -> Double? {
    let family = registry.collect().first { $0.descriptor.name == name }
    let metric = family?.metrics.first { metric in labels.allSatisfy { metric.labels[$0.key] == $0.value } }
    return switch metric?.value {
    case .counter(let number, _): number.doubleValue
    case .gauge(let number): number.doubleValue
    default: nil
    }
  }

  @Test(
    "S8: a new key is in the bundle, and signs only after one refresh and the longest SVID's life",
    arguments: AuthorityKind.allCases)
  func publishedBeforeItSigns(_ kind: AuthorityKind) throws {
    let authority = try create()
    let first = authority.activeID(kind)
    let prepared = try authority.rotate(kind, .prepare, byOperator: true)
    #expect(prepared.action == .prepared && prepared.sequence == 2 && authority.bundle.sequence == 2)
    #expect(kind == .jwt || authority.bundle.x509Authorities.count == 2)
    #expect(kind == .x509 || authority.bundle.jwtAuthorities.count == 2)
    #expect(authority.activeID(kind) == first)
    let wait = Self.policy.spans(of: kind).propagation
    clock.advance(by: wait - .seconds(1))
    #expect(
      refusal { try authority.rotate(kind, .activate(force: false), byOperator: true) } == "authority_too_early")
    #expect(authority.activeID(kind) == first && authority.sequence == 2)
    clock.advance(by: .seconds(1))
    let activated = try authority.rotate(kind, .activate(force: false), byOperator: true)
    #expect(!activated.forced && activated.sequence == 3)
    #expect(authority.activeID(kind) == prepared.authorityID)
    #expect(states(authority, kind) == [.active, .old])
  }

  @Test("S8: an operator can force it, and the change says so")
  func forced() throws {
    let authority = try create()
    try authority.rotate(.x509, .prepare, byOperator: true)
    #expect(try authority.rotate(.x509, .activate(force: true), byOperator: true).forced)
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    #expect(svid.authorityID == authority.activeID(.x509))
  }

  @Test("S16: only old keys are tainted, only tainted ones revoked, and no key twice prepared")
  func order() throws {
    let authority = try create()
    let first = authority.activeID(.x509)
    #expect(refusal { try authority.rotate(.x509, .taint(first), byOperator: true) } == "authority_not_old")
    #expect(refusal { try authority.rotate(.x509, .revoke(first), byOperator: true) } == "authority_not_tainted")
    #expect(refusal { try authority.rotate(.x509, .retire(first), byOperator: true) } == "authority_still_needed")
    #expect(
      refusal { try authority.rotate(.x509, .activate(force: true), byOperator: true) }
        == "authority_nothing_prepared")
    try authority.rotate(.x509, .prepare, byOperator: true)
    #expect(refusal { try authority.rotate(.x509, .prepare, byOperator: true) } == "authority_already_prepared")
    let second = try #require(authority.records(.x509).first { $0.state == .prepared }).id
    #expect(refusal { try authority.rotate(.x509, .taint(second), byOperator: true) } == "authority_not_old")
    try authority.rotate(.x509, .activate(force: true), byOperator: true)
    #expect(refusal { try authority.rotate(.x509, .revoke(first), byOperator: true) } == "authority_not_tainted")
    try authority.rotate(.x509, .taint(first), byOperator: true)
    #expect(states(authority, .x509) == [.active, .tainted])
    #expect(refusal { try authority.rotate(.x509, .taint(first), byOperator: true) } == "authority_not_old")
    try authority.rotate(.x509, .revoke(first), byOperator: true)
    #expect(authority.records(.x509).map(\.id) == [second])
    #expect(refusal { try authority.rotate(.x509, .taint("../x"), byOperator: true) } == "authority_unknown")
    #expect(authority.sequence == 5)
  }

  @Test("S8: what a revoked key signed is refused, what an old one signed is not")
  func revoked() async throws {
    let authority = try create()
    let verifier = SPIFFEVerifier(bundles: authority, clock: clock)
    let tokens = JWTSVIDVerifier(bundles: authority, audiences: ["x"], clock: clock)
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    let token = try await authority.issueJWTSVID(for: .authority(of: Frames.a), audience: ["x"]).token
    for kind in AuthorityKind.allCases {
      let first = authority.activeID(kind)
      try authority.rotate(kind, .prepare, byOperator: true)
      try authority.rotate(kind, .activate(force: true), byOperator: true)
      _ = try await verifier.verify(svid.chain)
      _ = try await tokens.verify(token)
      try authority.rotate(kind, .taint(first), byOperator: true)
      _ = try await verifier.verify(svid.chain)
      _ = try await tokens.verify(token)
      if kind == .jwt { try authority.rotate(kind, .revoke(first), byOperator: true) }
    }
    await #expect(throws: JWTSVIDRefusal.self) { try await tokens.verify(token) }
    let tainted = try #require(authority.records(.x509).first { $0.state == .tainted }).id
    try authority.rotate(.x509, .revoke(tainted), byOperator: true)
    await #expect(throws: SPIFFERefusal.self) { try await verifier.verify(svid.chain) }
    // The positive control: what the present keys sign is accepted.
    _ = try await verifier.verify(try authority.issueX509SVID(for: .node(of: Frames.a)).chain)
    _ = try await tokens.verify(
      try await authority.issueJWTSVID(for: .authority(of: Frames.a), audience: ["x"]).token)
  }

  @Test("S16: by the policy a successor is prepared at half of life left, signs at a sixth left, and the old one goes")
  func automatic() throws {
    let metrics = IdentityMetrics(registry)
    let authority = try create(metrics)
    func x509(_ changes: [AuthorityChange]) -> [AuthorityChange.Action] {
      changes.filter { $0.kind == .x509 }.map(\.action)
    }
    #expect(try authority.rotateWhatIsDue().isEmpty)
    // The certificate begins 10 s back; life counts from when it was published.
    clock.advance(by: .seconds(43_199))
    #expect(try authority.rotateWhatIsDue().isEmpty)
    clock.advance(by: .seconds(1))
    #expect(x509(try authority.rotateWhatIsDue()) == [.prepared])
    #expect(value("frame_authority_keys", ["kind": "x509", "state": "prepared"]) == 1)
    #expect(
      value("frame_authority_rotation_due_timestamp_seconds", ["kind": "x509"])
        == (clock.now() + .seconds(28_800)).seconds)
    clock.advance(by: .seconds(28_799))
    #expect(x509(try authority.rotateWhatIsDue()).isEmpty)
    clock.advance(by: .seconds(1))
    let changes = try authority.rotateWhatIsDue()
    #expect(x509(changes) == [.activated] && changes.allSatisfy { !$0.forced && !$0.byOperator })
    #expect(states(authority, .x509) == [.active, .old])
    #expect(value("frame_ca_expiry_timestamp_seconds", [:]) == authority.records(.x509)[0].expiresAt.seconds)
    clock.advance(by: .seconds(3599))
    #expect(x509(try authority.rotateWhatIsDue()).isEmpty)
    clock.advance(by: .seconds(1))
    #expect(x509(try authority.rotateWhatIsDue()) == [.retired])
    #expect(states(authority, .x509) == [.active])
    #expect(value("frame_authority_changes_total", ["kind": "x509", "action": "retired"]) == 1)
    #expect(value("frame_authority_rotation_failures_total", ["kind": "x509"]) == 0)
  }

  @Test("whatever the time between two looks, a key signs, the sequence grows, and at most a few keys are published")
  func property() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, policy: Self.policy, clock: clock)
    var sequence = authority.sequence
    for _ in 0..<400 {
      clock.advance(by: .seconds(Int64.random(in: 1...40_000, using: &random)))
      let kind = AuthorityKind.allCases.randomElement(using: &random) ?? .x509
      if Int.random(in: 0..<5, using: &random) == 0, let id = authority.records(kind).randomElement(using: &random)?.id
      {
        let step: [RotationStep] = [.prepare, .activate(force: true), .taint(id), .revoke(id), .retire(id)]
        _ = try? authority.rotate(kind, step.randomElement(using: &random) ?? .prepare, byOperator: true)
      }
      for change in try authority.rotateWhatIsDue() { try authority.acknowledge(through: change.sequence) }
      try authority.acknowledge(through: authority.sequence)
      #expect(authority.sequence >= sequence, "seed \(seed)")
      sequence = authority.sequence
      for kind in AuthorityKind.allCases {
        let records = authority.records(kind)
        #expect(records.count { $0.state == .active } == 1 && records[0].state == .active, "seed \(seed)")
        #expect(records[0].expiresAt > clock.now() && records.count <= 8, "seed \(seed)")
      }
      _ = try authority.issueX509SVID(for: .node(of: Frames.a))
    }
  }

  @Test("a frame that was off until its authority had expired makes a new one at once")
  func afterALongTime() throws {
    _ = try create()
    clock.advance(by: .seconds(10 * 86_400))
    let authority = try load()
    #expect(throws: IssueError.authorityExpired(Frames.a)) { try authority.issueX509SVID(for: .node(of: Frames.a)) }
    let changes = try authority.rotateWhatIsDue()
    #expect(changes.filter { $0.kind == .x509 }.map(\.action) == [.prepared, .activated, .retired])
    #expect(changes.first { $0.action == .activated }?.forced == true)
    _ = try authority.issueX509SVID(for: .node(of: Frames.a))
    #expect(try load().bundle == authority.bundle)
  }

  @Test("every change is on the disk: states, sequence, keys, and what the log has not taken yet")
  func persisted() throws {
    let authority = try create()
    let first = authority.activeID(.x509)
    for step in [RotationStep.prepare, .activate(force: true), .taint(first), .revoke(first)] {
      try authority.rotate(.x509, step, byOperator: true)
      let loaded = try load()
      #expect(loaded.bundle == authority.bundle && loaded.records(.x509) == authority.records(.x509))
      #expect(loaded.unlogged == authority.unlogged)
    }
    #expect(authority.unlogged.map(\.action) == [.prepared, .activated, .tainted, .revoked])
    try authority.acknowledge(through: 3)
    #expect(try load().unlogged.map(\.sequence) == [4, 5])
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(names.count == 4 && !names.contains("x509-\(first).pem"), "the key of a revoked authority is deleted")
    for name in names {
      let attributes = try FileManager.default.attributesOfItem(atPath: directory.path + "/" + name)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test("a change that cannot be stored changes nothing, and is counted")
  func notStored() throws {
    let authority = try create(IdentityMetrics(registry))
    let before = authority.bundle
    try FileManager.default.moveItem(atPath: directory.path, toPath: directory.path + ".away")
    #expect(throws: KeyFileError.self) { try authority.rotate(.x509, .prepare, byOperator: true) }
    #expect(authority.bundle == before && authority.unlogged.isEmpty)
    #expect(value("frame_authority_rotation_failures_total", ["kind": "x509"]) == 1)
    try FileManager.default.moveItem(atPath: directory.path + ".away", toPath: directory.path)
    try authority.rotate(.x509, .prepare, byOperator: true)
    #expect(authority.bundle.x509Authorities.count == 2)
  }

  @Test("a crash at any step of storing leaves the keys of before or those of after")
  func crash() throws {
    let authority = try create()
    let before = try snapshot()
    let bundleBefore = authority.bundle
    try authority.rotate(.x509, .prepare, byOperator: true)
    try authority.rotate(.x509, .activate(force: true), byOperator: true)
    let old = authority.records(.x509)[1].id
    try authority.rotate(.x509, .taint(old), byOperator: true)
    let middle = try snapshot()
    let bundleMiddle = authority.bundle
    try authority.rotate(.x509, .revoke(old), byOperator: true)
    let after = try snapshot()
    // New keys are written first: with the manifest of before they are only not named yet.
    try restore(middle.merging(["authority.json": try #require(before["authority.json"])]) { $1 })
    #expect(try load().bundle == bundleBefore)
    // The revoked key's file goes last: with the manifest of after it is only not named any more.
    try restore(middle.merging(["authority.json": try #require(after["authority.json"])]) { $1 })
    let loaded = try load()
    #expect(loaded.bundle == authority.bundle && bundleMiddle != authority.bundle)
    // A half-written file is swept away by the next change.
    try Data("half".utf8).write(to: URL(fileURLWithPath: directory.path + "/x509-ffff.pem.new"))
    try loaded.rotate(.jwt, .prepare, byOperator: true)
    #expect(Set(try snapshot().keys).count == 5)
  }

  private func snapshot() throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
      files[name] = try directory.read(name)
    }
    return files
  }

  private func restore(_ files: [String: Data]) throws {
    try FileManager.default.removeItem(atPath: directory.path)
    try directory.create(files)
  }

  @Test("keys that the first version wrote are still read, and rotated by their certificate's own life")
  func firstVersion() throws {
    let created = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    let manifest: [String: Any] = [
      "version": 1, "trust_domain": Frames.a.name, "sequence": 1,
      "x509": [["id": created.activeID(.x509), "state": "active"]],
      "jwt": [["id": created.activeID(.jwt), "state": "active"]],
    ]
    try directory.write(try JSONSerialization.data(withJSONObject: manifest), to: "authority.json")
    let loaded = try FrameAuthority.load(frame: Frames.a, from: directory, clock: clock)
    #expect(loaded.bundle == created.bundle && loaded.unlogged.isEmpty)
    #expect(loaded.records(.jwt)[0].expiresAt == loaded.records(.x509)[0].expiresAt)
    #expect(try loaded.rotateWhatIsDue().isEmpty)
    try loaded.rotate(.jwt, .prepare, byOperator: true)
    #expect(try FrameAuthority.load(frame: Frames.a, from: directory, clock: clock).bundle == loaded.bundle)
  }

  @Test("S2: SVIDs and authorities are valid from 10 s back, and an SVID never longer than its policy says")
  func lifetimes() throws {
    let authority = try create()
    let svid = try authority.issueX509SVID(for: .node(of: Frames.a))
    #expect(svid.notBefore == clock.now() - .seconds(10) && svid.notAfter == clock.now() + .seconds(3600))
    #expect(
      refusal { _ = try authority.issueX509SVID(for: .node(of: Frames.a), lifetime: .seconds(3601)) } == "svid_lifetime"
    )
    #expect(FrameTime(authority.bundle.x509Authorities[0].notValidBefore) == clock.now() - .seconds(10))
  }

  @Test("who watches the authority sees the bundle of now, then every later one")
  func watching() async throws {
    let authority = try create()
    var bundles = authority.changes().makeAsyncIterator()
    #expect(await bundles.next()?.sequence == 1)
    try authority.rotate(.jwt, .prepare, byOperator: true)
    #expect(await bundles.next()?.sequence == 2)
    // Noting that the log has it is no change of the bundle.
    try authority.acknowledge(through: 2)
    try authority.rotate(.jwt, .activate(force: true), byOperator: true)
    try authority.rotate(.x509, .prepare, byOperator: true)
    #expect(await bundles.next() == authority.bundle)
  }

  @Test("S8: the node's SVID is issued anew as soon as another authority signs, and renewals are told")
  func reissued() async throws {
    let authority = try create()
    let source = try SVIDSource(authority: authority, id: .node(of: Frames.a), clock: clock)
    let first = source.current
    var renewals = source.renewals().makeAsyncIterator()
    let service = Task { try await source.run() }
    try authority.rotate(.x509, .prepare, byOperator: true)
    try authority.rotate(.x509, .activate(force: true), byOperator: true)
    let second = try #require(await renewals.next())
    #expect(second.authorityID == authority.activeID(.x509) && second.authorityID != first.authorityID)
    #expect(source.current.chain == second.chain)
    service.cancel()
    try await service.value
  }

  @Test("changes that the log does not take are bounded")
  func logBehind() throws {
    let authority = try FrameAuthority.ephemeral(frame: Frames.a, policy: Self.policy, clock: clock)
    for _ in 0..<16 {
      for kind in AuthorityKind.allCases {
        let first = authority.activeID(kind)
        try authority.rotate(kind, .prepare, byOperator: true)
        try authority.rotate(kind, .activate(force: true), byOperator: true)
        guard authority.unlogged.count < AuthorityKeys.unloggedMax else { continue }
        try authority.rotate(kind, .taint(first), byOperator: true)
        try authority.rotate(kind, .revoke(first), byOperator: true)
        if authority.unlogged.count == AuthorityKeys.unloggedMax { break }
      }
      if authority.unlogged.count == AuthorityKeys.unloggedMax { break }
    }
    #expect(authority.unlogged.count == AuthorityKeys.unloggedMax)
    #expect(refusal { try authority.rotate(.x509, .prepare, byOperator: true) } == "authority_log_behind")
    try authority.acknowledge(through: authority.sequence)
    try authority.rotate(.x509, .prepare, byOperator: true)
  }
}
