import Foundation
import FrameCore
import FrameIdentity
import FrameLedger
import FrameEvents
import FrameLog
import FrameMetrics
import FrameConfiguration
import FrameProtos
import Logging

/// Faults that no node would commit, written into the folder of a stopped one with the node's own building blocks.
enum Plant {
  /// Appends a `WrappedTokensIssued` that no lock stands behind to `frame`'s log: unbacked money.
  static func unbackedIssue(at frame: TestFrame, origin: TestFrame, to agent: String, units: Int64) async throws {
    let configuration = try NodeConfiguration.load(frame.configurationFile)
    let asset = try Asset(origin: FrameID(origin.name), code: origin.currency, scale: 2)
    var payload = PBWrappedTokensIssued()
    payload.lockID = "no-such-lock"
    payload.origin = origin.name
    payload.recipient = agent
    payload.asset = PBAsset(asset)
    payload.amount = units
    payload.totals.locked = units
    payload.totals.issued = units
    let draft = EventDraft(
      .wrappedTokensIssued(payload),
      postings: Postings.move(units, from: .issuance(of: asset), to: .wrapped(try AgentName(agent), asset)))
    try await append(draft, to: configuration)
  }

  /// Gives an agent money that comes from nowhere: a transfer without its other half.
  static func moneyFromNothing(at frame: TestFrame, to agent: String, units: Int64) async throws {
    let configuration = try NodeConfiguration.load(frame.configurationFile)
    var payload = PBTokensTransferred()
    payload.to = agent
    payload.amount = units
    let draft = EventDraft(
      .tokensTransferred(payload), postings: [Postings.posting(.liquid(try AgentName(agent)), units)])
    try await append(draft, to: configuration)
  }

  private static func append(_ draft: EventDraft, to configuration: NodeConfiguration) async throws {
    let keys = KeyDirectory(path: configuration.keysDirectory.path)
    let authority = try FrameAuthority.load(frame: configuration.frameID, from: keys)
    let writer = try Writer(
      directory: configuration.logDirectory, initial: Forger(draft: draft), guard: Anything(),
      signer: LogSigner(name: configuration.frameID.name, privateKey: authority.logKey), clock: SystemClock(),
      metrics: LogMetrics(MetricRegistry()), logger: Logger(label: "plant"))
    _ = try await writer.submit(
      CommandEnvelope((), actor: .node(of: configuration.frameID), derivedKey: "planted/\(UUID().uuidString)"))
    await writer.shutdown()
  }

  /// Gives `frame` new authorities that nobody has vouched for; its log keeps its key.
  static func foreignAuthority(at frame: TestFrame) throws {
    let configuration = try NodeConfiguration.load(frame.configurationFile)
    let keys = configuration.keysDirectory
    let old = frame.folder.appendingPathComponent("old-keys")
    let files = FileManager.default
    try files.moveItem(at: keys, to: old)
    _ = try FrameAuthority.create(frame: configuration.frameID, in: KeyDirectory(path: keys.path))
    try files.removeItem(at: keys.appendingPathComponent("log.key"))
    try files.copyItem(at: old.appendingPathComponent("log.key"), to: keys.appendingPathComponent("log.key"))
  }

  /// Decides whatever it was made for.
  private struct Forger: FrameState {
    let draft: EventDraft
    func decide(_ command: Void, _ context: DecisionContext) -> [EventDraft] { [draft] }
    mutating func evolve(_ event: RecordedEvent) {}
    mutating func snapshot(_ fields: inout SnapshotFields) {}
  }

  private struct Anything: AppendGuard {
    func check(_ draft: EventDraft, actor: SPIFFEID, state: Forger) {}
  }
}
