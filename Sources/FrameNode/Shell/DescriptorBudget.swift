import Foundation
import FrameCore
import FrameHTTP
import Logging

/// How the descriptors that the process may open are shared out: so many are kept for the log's own files and for what the node
/// connects to itself, and each listener has a share of the rest that no other can use up.
package struct DescriptorBudget: Sendable, Equatable {
  package enum Listener: String, CaseIterable, Sendable {
    case api, ops, federation, bundle, sni, workload

    /// Connections that it takes where descriptors are plenty.
    var wanted: Int {
      switch self {
      case .api: 1024
      case .ops: 64
      case .federation, .bundle, .workload: 512
      case .sni: 4096
      }
    }

    /// A joined connection has two ends; a local one comes with a handle of its process.
    var descriptorsEach: Int { self == .sni || self == .workload ? 2 : 1 }

    /// Of what is left when not all can have what they want, in hundredths.
    fileprivate var weight: Int {
      switch self {
      case .api: 30
      case .ops: 5
      case .federation: 15
      case .bundle: 10
      case .sni: 25
      case .workload: 15
      }
    }
  }

  /// What the process may open.
  package let limit: Int
  /// For the log, snapshots, keys, indexes, event loops, and connections that the node makes.
  package let reserved: Int
  /// Connections at once.
  package let connections: [Listener: Int]

  /// Below this there is no node: the log alone needs much of it.
  package static let least = 256
  /// More is of no use to it.
  static let most = 65_536

  package static var enough: Int {
    reserve + Listener.allCases.map { $0.wanted * $0.descriptorsEach }.reduce(0, +)
  }

  /// Files of the log, its readers and indexes; peers, witnesses and the canary; and three of each event loop.
  private static var reserve: Int { 160 + 4 * ProcessInfo.processInfo.activeProcessorCount }

  package init(limit: Int, listeners: [Listener] = Listener.allCases) {
    self.limit = limit
    reserved = min(Self.reserve, limit / 2)
    var (left, open) = (limit - reserved, listeners)
    var connections: [Listener: Int] = [:]
    // Who wants less than its part leaves the rest to the others.
    while !open.isEmpty {
      let weights = open.map(\.weight).reduce(0, +)
      let content = open.filter { $0.wanted * $0.descriptorsEach <= left * $0.weight / weights }
      for listener in content.isEmpty ? open : content {
        connections[listener] =
          content.isEmpty ? max(4, left * listener.weight / weights / listener.descriptorsEach) : listener.wanted
      }
      if content.isEmpty { break }
      left -= content.map { $0.wanted * $0.descriptorsEach }.reduce(0, +)
      open.removeAll(where: content.contains)
    }
    self.connections = connections
  }

  package subscript(_ listener: Listener) -> Int { connections[listener] ?? 4 }

  /// Listeners that take fewer connections than they could.
  var short: [Listener] {
    Listener.allCases.filter { listener in connections[listener].map { $0 < listener.wanted } ?? false }
  }

  /// Raises the process's limit as far as it may, and shares out what that is.
  /// - Throws: a `Refusal` when it is too low for a node.
  package static func raised() throws -> DescriptorBudget {
    var present = rlimit()
    guard getrlimit(resource, &present) == 0 else { return DescriptorBudget(limit: 1024) }
    let wanted = min(present.rlim_max, rlim_t(most))
    if present.rlim_cur < wanted {
      var raised = present
      raised.rlim_cur = wanted
      if setrlimit(resource, &raised) == 0 { present = raised }
    }
    let limit = Int(clamping: min(present.rlim_cur, rlim_t(most)))
    guard limit >= least else {
      throw Refusal(
        "descriptors_too_few", .unavailable,
        "This process may open \(limit) files and connections; a node needs \(least).",
        remedy: "Raise the limit (ulimit -n, LimitNOFILE of systemd) to \(enough), or at least to \(least).")
    }
    return DescriptorBudget(limit: limit)
  }

  /// Says so when the limit keeps listeners small.
  func report(to logger: Logger) {
    let short = short
    guard !short.isEmpty else { return }
    logger.warning(
      "The process may open so few files that listeners take fewer connections; raise the limit (ulimit -n, LimitNOFILE)",
      metadata: [
        "limit": "\(limit)", "enough": "\(Self.enough)", "reserved": "\(reserved)",
        "connections": "\(short.map { "\($0.rawValue)=\(self[$0])" }.joined(separator: " "))",
      ])
  }

  #if os(Linux)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let resource = RLIMIT_NOFILE
  #endif
}
