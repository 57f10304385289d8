import Foundation
import FrameCore
import FrameEvents
import Logging
import ServiceLifecycle
import Synchronization

// A log that may not be the newest: nothing is served from it and nothing signed, and whoever looks can see why (decision 0035).
extension NodeParts {
  /// How often the witnesses of a restored log are asked.
  private static let askInterval: Duration = .seconds(1)
  /// How long a start that follows no restore waits for witnesses that do not answer: one that is there does within this.
  private static let askAtStart: Duration = .seconds(2)

  /// After a restore: returns once a witness has confirmed that it has seen no more of the log than there is. Until then nothing
  /// listens but what shows that. A log without witnesses has nobody who could have seen more.
  /// - Throws: ``WitnessError``, about our own log.
  func confirmRestored() async throws {
    let data = core.configuration.dataDirectory
    guard RestoredMark.isSet(in: data) else { return try await askAtOnce() }
    if !core.configuration.acceptsFork {
      let confirmation = Confirmation(parts: self)
      try await ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: [
            .init(service: running.watching(opsListener())),
            .init(service: confirmation, successTerminationBehavior: .gracefullyShutdownGroup),
          ], logger: Logger(label: "frame.lifecycle"))
      ).run()
      // A shutdown while nobody has answered is no confirmation.
      guard confirmation.isConfirmed else { throw CancellationError() }
    }
    RestoredMark.clear(in: data)
  }

  /// Before anything is served: a folder that was copied back by hand has no mark, and what it would do until the first round, a few
  /// seconds later, would be a second history for a peer that is there and could have said so. Nobody has to answer.
  private func askAtOnce() async throws {
    guard !core.configuration.acceptsFork else { return }
    let (courier, clock) = (courier, core.clock)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await courier.round() }
      group.addTask { try await clock.sleep(for: Self.askAtStart) }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// Asks the witnesses until one answers.
  private final class Confirmation: Service {
    private let parts: NodeParts
    private let confirmed = Mutex(false)

    init(parts: NodeParts) { self.parts = parts }

    var isConfirmed: Bool { confirmed.withLock { $0 } }

    func run() async throws {
      try await cancelWhenGracefulShutdown {
        var reason: String?
        while !Task.isCancelled {
          let (asked, confirmed) = try await self.parts.courier.round()
          if asked == 0 || confirmed > 0 {
            self.confirmed.withLock { $0 = true }
            break
          }
          if reason == nil {
            let waiting = BackupError.unconfirmed(witnesses: asked)
            reason = "\(waiting.code): \(waiting.message.sentence) \(waiting.remedy)"
            self.parts.readiness.notReady(reason ?? "")
          }
          guard (try? await self.parts.core.clock.sleep(for: NodeParts.askInterval)) != nil else { break }
        }
        if let reason { self.parts.readiness.ready(reason) }
      }
    }
  }

  /// Shows why this node serves nothing, until it is told to end. The log takes nothing more.
  func standStill(for finding: WitnessError) async throws {
    let reason = "\(finding.code): \(finding.message.sentence) \(finding.remedy)"
    readiness.notReady(reason)
    let data = core.configuration.dataDirectory
    try? await Blocking.run { RestoredMark.set(in: data) }
    Logger(label: "frame").critical(
      "The node serves nothing and takes nothing until it is told to end",
      metadata: ["reason": "\(finding.code)", "message": "\(finding.message)", "remedy": "\(finding.remedy)"])
    await running.during("the log's writer") { await core.writer.shutdown() }
    try await ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          .init(service: running.watching(opsListener()), successTerminationBehavior: .gracefullyShutdownGroup)
        ],
        logger: Logger(label: "frame.lifecycle"))
    ).run()
  }
}
