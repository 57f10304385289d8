import Foundation
import FrameCore
import FrameTreaty
import FramePeering
import FrameIdentity
import FrameEvents
import FrameLog
import FrameMetrics
import FrameProtos
import Logging
import Synchronization

/// A frame in the hands of somebody who has its keys and its treaty: what a peer may do at the worst, over the real channel.
final class HostilePeer: Sendable {
  private let victim: FrameID
  private let server: PeerServer
  private let channels: PeerChannels
  let counts = Counts()

  /// How often each thing was done, and what came of it.
  final class Counts: Sendable {
    private let held = Mutex<[String: Int]>([:])
    func add(_ what: String) { held.withLock { $0[what, default: 0] += 1 } }
    var all: [String: Int] { held.withLock { $0 } }
  }

  /// Takes the place of `frame`, which must have stopped and have a treaty with `victim`.
  init(_ frame: TestFrame, against victim: FrameID) async throws {
    let id = try FrameID(frame.name)
    let data = frame.folder
    let authority = try FrameAuthority.load(
      frame: id, from: KeyDirectory(path: data.appendingPathComponent("keys").path))
    let identity = try SVIDSource(authority: authority, id: .node(of: id))
    let directory = PeerDirectory(frame: id)
    let reader = try LogReader(directory: data.appendingPathComponent("log"))
    defer { reader.close() }
    var state = FederationState(frame: id)
    try reader.scan(from: 0, to: try reader.size()) { state.evolve(try RecordedEvent(bytes: $1)) }
    directory.update(state)
    let metrics = PeeringMetrics(MetricRegistry())
    var logger = Logger(label: "hostile")
    logger.logLevel = .critical
    let signer = LogSigner(name: id.name, privateKey: authority.logKey)
    // What the log really signed: one that contradicts it would end the treaty, and all of this with it.
    let note = try reader.storedCheckpoint(key: signer.verifierKey)?.note ?? Data()
    self.victim = victim
    server = try PeerServer(
      host: "127.0.0.1", port: frame.ports[2], identity: identity, directory: directory, treaties: NoTreaties(),
      verbs: Verbs(note: note, counts: counts), metrics: metrics, logger: logger)
    channels = PeerChannels(identity: identity, directory: directory, metrics: metrics, logger: logger)
  }

  /// Everything at once, until it is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [server] in try? await server.run() }
      group.addTask { [channels] in try? await channels.run() }
      for lane in 0..<3 {
        group.addTask { await self.flood("resolve") { _ = try await self.resolve("\(lane)") } }
        group.addTask { await self.flood("credit") { _ = try await self.credit() } }
      }
      group.addTask { await self.flood("proof") { try await self.proof() } }
      group.addTask { await self.flood("checkpoint") { try await self.checkpoint() } }
      group.addTask {
        await self.flood("statement") {
          _ = try await self.channels.reserveStatement(self.victim, timeout: .seconds(5))
        }
      }
      group.addTask {
        await self.flood("subscription") {
          try await self.channels.subscribe(self.victim, after: 0) { _ in self.counts.add("received") }
        }
      }
    }
  }

  private func flood(_ what: String, _ body: () async throws -> Void) async {
    while !Task.isCancelled {
      do {
        try await body()
        counts.add(what)
      } catch {
        counts.add("\(what) refused")
        // What is refused at once is tried again at once, but a channel that is down is not spun upon.
        try? await Task.sleep(for: .milliseconds(2))
      }
    }
  }

  private func resolve(_ lane: String) async throws -> PBTransferDecision {
    try await channels.resolve(victim, transferID: "\(lane)-\(UUID().uuidString)", timeout: .seconds(5))
  }

  private func credit() async throws -> PBTransferDecision {
    var terms = PBTransferTerms()
    terms.transferID = UUID().uuidString
    terms.origin = "frame-b.example"
    terms.destination = victim.name
    terms.from = "bob"
    terms.to = "nobody-\(UInt32.random(in: 0...9999))"
    terms.asset.origin = "frame-b.example"
    terms.asset.code = "BVT"
    terms.asset.scale = 2
    terms.amount = 1
    terms.memo = String(repeating: "m", count: 200)
    return try await channels.credit(victim, terms, timeout: .seconds(5))
  }

  private func proof() async throws {
    let first = UInt64.random(in: 0...40)
    _ = try await channels.consistencyProof(
      victim, from: first, to: first + UInt64.random(in: 0...40), timeout: .seconds(5))
  }

  private func checkpoint() async throws {
    let body = Data("old 0\n\n".utf8) + Data(repeating: 0x41, count: 60_000)
    _ = try await channels.addCheckpoint(victim, body: body, timeout: .seconds(5))
  }

  /// What the victim asks of us: one head without pause, and items that prove nothing.
  private struct Verbs: PeerRequests {
    let note: Data
    let counts: Counts

    func credit(_ terms: PBTransferTerms, from peer: FrameID) async throws -> PBTransferDecision { throw refusal }
    func resolve(transferID: String, from peer: FrameID) async throws -> PBTransferDecision { throw refusal }

    func subscribe(
      after sequence: UInt64, peer: FrameID, send: @escaping @Sendable (PBProjectionMessage) async throws -> Void
    ) async throws {
      counts.add("opened")
      var head = PBProjectionMessage()
      head.head.sequence = .max
      head.head.checkpoint = note
      head.head.timeUnixNs = .max
      var item = PBProjectionMessage()
      item.item.sequence = sequence &+ 1
      item.item.attestation.event = Data(repeating: 0x0a, count: 60_000)
      item.item.attestation.checkpoint = note
      while !Task.isCancelled {
        for _ in 0..<1_000 {
          try await send(head)
          counts.add("head")
        }
        try await send(item)
        counts.add("item")
      }
    }

    func reserveStatement(for peer: FrameID) async throws -> PBSignedReserveStatement { throw refusal }
    func addCheckpoint(_ body: Data, from peer: FrameID) async throws -> WitnessAnswer {
      .conflict(size: .max, note: note)
    }
    func consistencyProof(from first: UInt64, to second: UInt64, for peer: FrameID) async throws -> [Data] {
      Array(repeating: Data(repeating: 1, count: 32), count: 7_000)
    }

    private var refusal: Refusal { Refusal("no", .unavailable, "No.", remedy: "None.") }
  }

  /// Says nothing about the treaty.
  private struct NoTreaties: TreatyRequests {
    private var refusal: Refusal { Refusal("no", .unavailable, "No.", remedy: "None.") }
    func approvalNotified(_ notice: PBApprovalNotice, by peer: FrameID) async throws -> PBApprovalReply {
      throw refusal
    }
    func rejectionNotified(_ notice: PBRejectionNotice, by peer: FrameID) async throws { throw refusal }
    func revocationNotified(_ notice: PBRevocationNotice, by peer: FrameID) async throws { throw refusal }
    func amendmentProposed(_ proposal: PBAmendmentProposal, by peer: FrameID) async throws -> PBAmendmentDecision {
      throw refusal
    }
    func amendmentDecided(_ decision: PBAmendmentDecision, by peer: FrameID) async throws { throw refusal }
    func amendmentWithdrawn(_ withdrawal: PBAmendmentWithdrawal, by peer: FrameID) async throws -> PBAmendmentDecision {
      throw refusal
    }
  }
}
