package import Foundation
package import FrameCore
package import FrameEvents
package import FrameLog
internal import FrameProtos
package import Logging
internal import ServiceLifecycle

/// What moved an agent's money, page by page, without reading the whole log for it: an index of positions follows the log
/// in a file of its own, and a page is read from the log itself.
package final class AccountHistory: Service {
  /// How far the index may be behind before a request is told to come again, instead of waiting for it.
  static let catchUpEvents: UInt64 = 50_000

  private let reader: LogReader
  private let index: PositionIndex
  private let durableSize: @Sendable () -> UInt64
  private let changes: @Sendable () -> AsyncStream<UInt64>
  private let interval: Duration
  private let clock: any FrameClock
  private let metrics: AuditMetrics
  private let logger: Logger

  /// - Parameters:
  ///   - directory: the log's; the log in it must exist.
  ///   - durableSize: of the log (`Writer.durableSize`).
  ///   - changes: tells that the log has grown (`Writer.changes`).
  ///   - interval: the index takes in what is new that often at most.
  /// - Throws: `LogError.storage`.
  package init(
    directory: URL, durableSize: @escaping @Sendable () -> UInt64,
    changes: @escaping @Sendable () -> AsyncStream<UInt64>, interval: Duration = .seconds(1), clock: any FrameClock,
    metrics: AuditMetrics, logger: Logger
  ) throws {
    reader = try LogReader(directory: directory)
    index = try PositionIndex(directory: directory, of: reader)
    self.durableSize = durableSize
    self.changes = changes
    self.interval = interval
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    metrics.historySize.set(Int64(clamping: (try? index.size()) ?? 0))
    metrics.historyRebuilds.increment(by: UInt64(index.rebuilt))
    if index.rebuilt > 0 { logger.notice("The history index is made anew from the log") }
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      for await size in self.changes() {
        do {
          while try await self.extend(to: size) < size { try Task.checkCancellation() }
          try await self.clock.sleep(for: self.interval)
        } catch is CancellationError {
          return
        } catch {
          self.logger.error("The history index could not follow the log", metadata: ["error": "\(error.report)"])
          do { try await self.clock.sleep(for: self.interval) } catch { return }
        }
      }
    }
    index.close()
    reader.close()
  }

  /// One page of a history.
  package struct Page: Sendable {
    package let events: [RecordedEvent]
    package let next: HistoryCursor?
    /// What the page is true at, when a point in the past was asked for.
    package let asOf: PastValue<Void>?
  }

  /// A page of the events that moved money of `agent`, up to `point`, or up to what is durable now.
  /// - Parameters:
  ///   - cursor: where the last page ended; nil: the first page.
  ///   - limit: events at most, 1 or more.
  /// - Throws: `LogError.noSuchPosition`, `.storage`, `.damagedLog`, `.damagedEvent`; a refusal `history_behind` while a
  ///   long log is indexed.
  package func page(
    of agent: AgentName, _ cursor: HistoryCursor, limit: Int, asOf point: PastPoint? = nil
  ) async throws -> Page {
    let durable = durableSize()
    let past: PastValue<Void>? =
      if let point { try await reader.run { try $0.past(point, durable: durable) } } else { nil }
    let end = past?.size ?? durable
    let known = try await reader.run { [index] _ in try index.size() }
    guard end <= known &+ Self.catchUpEvents else {
      throw Refusal(
        "history_behind", .unavailable, "The history index has \(known) of \(end) events.",
        remedy: "Ask again in a little while: it is being made anew from the log.")
    }
    while try await extend(to: end) < end {}
    return try await reader.run { [index] reader in
      // One more than asked for tells whether there is another page.
      let positions = try index.positions(
        of: agent.text, below: end, newestFirst: cursor.newestFirst, beyond: cursor.edge, limit: limit + 1)
      var events: [RecordedEvent] = []
      for position in positions.prefix(limit) {
        try reader.scan(from: position, to: position + 1) { events.append(try RecordedEvent(bytes: $1)) }
      }
      // Towards the newest the end moves, so that a reader who has all can go on from there.
      let edge = events.last?.position ?? (cursor.newestFirst ? nil : cursor.edge)
      let isLast = positions.count <= limit
      guard let edge, !cursor.newestFirst || !isLast else { return Page(events: events, next: nil, asOf: past) }
      let next = HistoryCursor(newestFirst: cursor.newestFirst, edge: edge)
      return Page(events: events, next: next, asOf: past)
    }
  }

  /// Takes in one step.
  /// - Returns: how many events are in the index then.
  private func extend(to end: UInt64) async throws -> UInt64 {
    let before = index.rebuilt
    defer { metrics.historyRebuilds.increment(by: UInt64(index.rebuilt - before)) }
    let size = try await reader.run { [index] reader in
      try index.extend(to: end, from: reader, names: Self.agents)
    }
    metrics.historySize.set(Int64(clamping: size))
    return size
  }

  /// The agents whose money an event moves.
  private static func agents(_ bytes: Data) throws -> [String] {
    var names: [String] = []
    func add(_ owner: String, _ kind: PBAccountKind) {
      if kind.ownership == .agent, !names.contains(owner) { names.append(owner) }
    }
    if PostingScanner.scan(bytes, add) { return names }
    names = []
    for posting in try RecordedEvent(bytes: bytes).event.postings { add(posting.owner, posting.kind) }
    return names
  }
}

/// Where a page of a history ended, and which way it is read. What is appended later never moves it.
package struct HistoryCursor: Sendable, Hashable {
  package let newestFirst: Bool
  /// The last position of the page; nil before the first page.
  package let edge: UInt64?

  package init(newestFirst: Bool, edge: UInt64? = nil) {
    self.newestFirst = newestFirst
    self.edge = edge
  }

  /// What a caller gets and gives back, without a meaning of its own: base64url.
  package var text: String {
    Data("1\(newestFirst ? "n" : "o")\(edge.map(String.init) ?? "")".utf8).base64EncodedString()
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  /// - Throws: a refusal `invalid_cursor`.
  package init(_ text: String) throws {
    let padded = text.replacing("-", with: "+").replacing("_", with: "/")
    let plain = Data(base64Encoded: padded + String(repeating: "=", count: (4 - padded.utf8.count % 4) % 4))
    guard text.utf8.count <= 64, let plain,
      let match = String(decoding: plain, as: UTF8.self).wholeMatch(of: /1([no])([0-9]*)/),
      let edge = match.output.2.isEmpty ? .some(nil) : UInt64(match.output.2).map(Optional.some)
    else {
      throw Refusal(
        "invalid_cursor", .invalid, "'\(text.prefix(64))' is not a cursor.",
        remedy: "Use the next_cursor of the page before, or none for the first page.")
    }
    self.init(newestFirst: match.output.1 == "n", edge: edge)
    guard self.text == text else {
      throw Refusal(
        "invalid_cursor", .invalid, "'\(text.prefix(64))' is not a cursor.",
        remedy: "Use the next_cursor of the page before, or none for the first page.")
    }
  }
}
