import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import FrameMetrics
import Logging
import Testing

@testable import FrameLedger

@Suite struct AccountHistoryTests {
  private let fixture: LedgerFixture
  private let alice: AgentName
  private let bob: AgentName

  init() throws {
    fixture = try LedgerFixture()
    (alice, bob) = (try AgentName("alice"), try AgentName("bob"))
  }

  private func populated() async throws -> Writer<LedgerState> {
    let writer = try fixture.writer()
    for command in [
      LedgerCommand.registerAgent(alice, purpose: ""), .registerAgent(bob, purpose: ""),
      .issue(Amount(minorUnits: 5_000), memo: ""),
      .transfer(from: nil, to: alice, amount: Amount(minorUnits: 1_000), memo: ""),
    ] {
      _ = try await writer.submit(fixture.command(command, by: fixture.authority))
    }
    return writer
  }

  private func pay(_ writer: Writer<LedgerState>, times: Int = 1) async throws {
    let commands = try (0..<times).map { _ in
      try fixture.command(
        .transfer(from: alice, to: bob, amount: Amount(minorUnits: 1), memo: ""), by: fixture.agent("alice"))
    }
    for result in await writer.submit(contentsOf: commands) { _ = try result.get() }
  }

  private func history(_ writer: Writer<LedgerState>) throws -> AccountHistory {
    try AccountHistory(
      directory: fixture.directory, durableSize: { writer.durableSize() }, changes: { writer.changes() },
      clock: fixture.clock, metrics: AuditMetrics(MetricRegistry()),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  /// All positions, page by page.
  private func all(
    _ history: AccountHistory, _ agent: AgentName, newestFirst: Bool, limit: Int
  ) async throws -> [UInt64] {
    var found: [UInt64] = []
    var cursor = HistoryCursor(newestFirst: newestFirst)
    while true {
      let page = try await history.page(of: agent, cursor, limit: limit)
      #expect(page.events.count <= limit)
      found += page.events.map(\.position)
      guard let next = page.next, !page.events.isEmpty else { return found }
      cursor = try HistoryCursor(next.text)
    }
  }

  @Test("pages of any size give each transaction once, in order, from either end", arguments: [1, 2, 3, 7, 100])
  func pages(limit: Int) async throws {
    let writer = try await populated()
    try await pay(writer, times: 9)
    let history = try history(writer)
    #expect(try await all(history, alice, newestFirst: false, limit: limit) == Array(3...12))
    #expect(try await all(history, alice, newestFirst: true, limit: limit) == (3...12).reversed())
    #expect(try await all(history, bob, newestFirst: false, limit: limit) == Array(4...12))
    #expect(try await all(history, try AgentName("nobody"), newestFirst: true, limit: limit).isEmpty)
    await writer.shutdown()
  }

  @Test("what is appended between two pages moves neither, and is found by going on from the oldest")
  func stable() async throws {
    let writer = try await populated()
    try await pay(writer, times: 4)
    let history = try history(writer)
    let first = try await history.page(of: alice, HistoryCursor(newestFirst: true), limit: 2)
    #expect(first.events.map(\.position) == [7, 6])
    let whole = try await history.page(of: alice, HistoryCursor(newestFirst: false), limit: 100)
    let end = try #require(whole.next)
    try await pay(writer, times: 3)
    let second = try await history.page(of: alice, try #require(first.next), limit: 100)
    #expect(second.events.map(\.position) == [5, 4, 3] && second.next == nil)
    #expect(try await history.page(of: alice, end, limit: 100).events.map(\.position) == [8, 9, 10])
    // And with nothing new, the same end again.
    let last = try #require(try await history.page(of: alice, end, limit: 100).next)
    let nothing = try await history.page(of: alice, last, limit: 100)
    #expect(nothing.events.isEmpty && nothing.next == last)
    await writer.shutdown()
  }

  @Test("as of a position or a time a history ends there, page by page, whatever came later")
  func asOf() async throws {
    let writer = try await populated()
    try await pay(writer, times: 3)
    fixture.clock.set(fixture.clock.now() + .seconds(60))
    let then = fixture.clock.now()
    fixture.clock.set(fixture.clock.now() + .seconds(60))
    try await pay(writer, times: 4)
    let history = try history(writer)
    for point in [PastPoint.position(6), .time(then)] {
      var found: [UInt64] = []
      var cursor: HistoryCursor? = HistoryCursor(newestFirst: true)
      while let start = cursor {
        let page = try await history.page(of: alice, start, limit: 2, asOf: point)
        #expect(page.asOf?.size == 7)
        found += page.events.map(\.position)
        cursor = page.next
      }
      #expect(found == [6, 5, 4, 3])
      let oldest = try await history.page(of: alice, HistoryCursor(newestFirst: false), limit: 100, asOf: point)
      #expect(oldest.events.map(\.position) == [3, 4, 5, 6])
      let end = try #require(oldest.next)
      #expect(try await history.page(of: alice, end, limit: 100, asOf: point).events.isEmpty)
      #expect(try await history.page(of: alice, end, limit: 100).events.map(\.position) == [7, 8, 9, 10])
    }
    let before = try await history.page(
      of: alice, HistoryCursor(newestFirst: true), limit: 9, asOf: .time(FrameTime(unixNanoseconds: 0)))
    #expect(before.events.isEmpty && before.next == nil && before.asOf?.size == 0 && before.asOf?.time == nil)
    await #expect(throws: LogError.noSuchPosition(11, size: 11)) {
      try await history.page(of: alice, HistoryCursor(newestFirst: true), limit: 9, asOf: .position(11))
    }
    await writer.shutdown()
  }

  @Test("an index that is deleted, damaged, of another log or ahead of its log is made anew and gives the same")
  func rebuilt() async throws {
    var writer = try await populated()
    try await pay(writer, times: 5)
    #expect(try await all(history(writer), alice, newestFirst: false, limit: 4) == Array(3...8))
    let file = fixture.directory.appendingPathComponent(PositionIndex.name)
    let wal = fixture.directory.appendingPathComponent(PositionIndex.name + "-wal")
    let good = try Data(contentsOf: file)
    for content in [
      nil, Data(), Data("not a database at all, but long enough to look like one".utf8), good.prefix(5_000),
    ] {
      try? FileManager.default.removeItem(at: wal)
      try? FileManager.default.removeItem(at: file)
      try content?.write(to: file)
      #expect(try await all(history(writer), alice, newestFirst: false, limit: 4) == Array(3...8))
    }
    // Of a log that went on differently: the same size, another last event.
    await writer.shutdown()
    let kept = try LedgerFixture()
    try FileManager.default.createDirectory(at: kept.directory, withIntermediateDirectories: true)
    let other = try kept.writer()
    for _ in 0..<9 {
      _ = try await other.submit(kept.command(.issue(Amount(minorUnits: 1), memo: ""), by: kept.authority))
    }
    await other.shutdown()
    for name in [PositionIndex.name, PositionIndex.name + "-wal"] {
      let source = fixture.directory.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: source.path) else { continue }
      try FileManager.default.copyItem(at: source, to: kept.directory.appendingPathComponent(name))
    }
    writer = try kept.writer()
    let reader = try LogReader(directory: kept.directory)
    let index = try PositionIndex(directory: kept.directory, of: reader)
    #expect(index.rebuilt == 1)
    #expect(try index.size() == 0)
    index.close()
    reader.close()
    await writer.shutdown()
  }

  @Test("as a service it follows the log by itself", .timeLimit(.minutes(5)))
  func follows() async throws {
    let writer = try await populated()
    let registry = MetricRegistry()
    let history = try AccountHistory(
      directory: fixture.directory, durableSize: { writer.durableSize() }, changes: { writer.changes() },
      clock: fixture.clock, metrics: AuditMetrics(registry), logger: Logger(label: "test"))
    let service = Task { try await history.run() }
    try await pay(writer, times: 20)
    func indexed() -> Double? {
      guard
        case .gauge(let value)? = registry.collect().first(where: {
          $0.descriptor.name == "frame_history_size_events"
        })?.metrics.first?.value
      else { return nil }
      return value.doubleValue
    }
    while indexed() != 24 { await Task.yield() }
    await writer.shutdown()
    try await service.value
  }

  @Test("a cursor is what was given out, nothing else")
  func cursors() throws {
    for cursor in [
      HistoryCursor(newestFirst: true), .init(newestFirst: false, edge: 0), .init(newestFirst: true, edge: .max),
    ] {
      #expect(try HistoryCursor(cursor.text) == cursor)
      #expect(cursor.text.utf8.allSatisfy { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "+") })
    }
    let long = String(repeating: "a", count: 65)
    for text in ["", "x", "%", "MW4=", "Mm4x", "MXgx", "MW4tMQ", "MW4wMDE", long, "MW4xODQ0Njc0NDA3MzcwOTU1MTYxNg"] {
      #expect(throws: (any Error).self, "\(text)") { try HistoryCursor(text) }
    }
  }
}
