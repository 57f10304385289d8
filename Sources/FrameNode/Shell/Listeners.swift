import Foundation
import FrameAPI
import FrameCore
import FrameHTTP
import FrameConfiguration
import FrameNodeState
import FrameMetrics
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Which parts of the node are not ready yet; `/readyz` lists them and `frame_ready` is 1 when there are none.
package final class Readiness: Sendable {
  private let waiting: Mutex<Set<String>>
  private let gauge: Gauge
  /// Told once, when the last part is ready for the first time.
  private let onReady = Mutex<(@Sendable () -> Void)?>(nil)

  package init(_ parts: Set<String>, gauge: Gauge) {
    waiting = Mutex(parts)
    self.gauge = gauge
    gauge.set(parts.isEmpty)
  }

  package func ready(_ part: String) {
    let isReady = waiting.withLock {
      $0.remove(part)
      return $0.isEmpty
    }
    gauge.set(isReady)
    guard isReady else { return }
    let body = onReady.withLock { body in
      defer { body = nil }
      return body
    }
    body?()
  }

  /// Calls `body` once, as soon as all parts are ready.
  func whenReady(_ body: @escaping @Sendable () -> Void) { onReady.withLock { $0 = body } }

  package func notReady(_ part: String) {
    waiting.withLock { _ = $0.insert(part) }
    gauge.set(false)
  }

  /// Sorted; empty when the node is ready.
  package var reasons: [String] { waiting.withLock { $0.sorted() } }
}

/// A listener as a service that says which one it is when it cannot be bound, and reports when it is.
struct ListenerService: Service {
  let name: String
  let listener: NodeConfiguration.Listener
  let readiness: Readiness
  let service: any Service
  /// Returns once the listener is bound; nil when the service reports readiness by itself.
  let bound: (@Sendable () async throws -> Void)?
  /// How long a graceful shutdown waits for exchanges in progress; all listeners together stay below what the process allows.
  var grace: Duration = .seconds(2)

  func run() async throws {
    enum End { case idle, ended, overdue }
    try await withThrowingTaskGroup(of: End.self) { group in
      if let bound {
        group.addTask {
          // A bind that fails is thrown by the service itself, with its reason.
          if (try? await bound()) != nil { readiness.ready(name) }
          return .idle
        }
      }
      group.addTask {
        try await service.run()
        return .ended
      }
      group.addTask {
        guard (try? await gracefulShutdown()) != nil, (try? await Task.sleep(for: grace)) != nil else { return .idle }
        return .overdue
      }
      do {
        while let end = try await group.next() {
          if end == .ended { break }
          guard end == .overdue else { continue }
          // A client that neither ends its request nor takes its answer does not keep the node from stopping in time.
          group.cancelAll()
          while await group.nextResult() != nil {}
        }
      } catch {
        group.cancelAll()
        throw explain(error)
      }
      group.cancelAll()
    }
    readiness.notReady(name)
  }

  private func explain(_ error: any Error) -> any Error {
    let address = "\(listener.host):\(listener.port)"
    if (error as? IOError)?.errnoCode == EADDRINUSE || error.words == SystemWords.of(errno: EADDRINUSE) {
      return Refusal(
        "port_in_use", .unavailable, "The \(name) listener cannot use \(address): it is in use.",
        remedy: "Stop what listens there, or set \(name).port in frame.yaml.")
    }
    if (error as? IOError)?.errnoCode == EACCES {
      return Refusal(
        "port_forbidden", .unavailable, "The \(name) listener may not use \(address).",
        remedy: "Use a port above 1023 or give the process the right to bind it.")
    }
    return error
  }
}

extension ListenerService {
  /// A Hummingbird application over plain HTTP, with a time limit on each part of an exchange.
  static func http<Context: RequestContext & InitializableFromSource<ApplicationRequestContextSource>>(
    _ name: String, _ listener: NodeConfiguration.Listener, _ router: Router<Context>,
    routes: RouteTable = RouteTable(),
    readiness: Readiness, places: ListenerPlaces, grace: Duration = .seconds(2), logger: Logger
  ) -> ListenerService {
    let application = Application(
      router: router,
      server: .http1(configuration: .init(additionalChannelHandlers: Self.handlers(routes, places))),
      configuration: .init(address: .hostname(listener.host, port: listener.port), serverName: nil),
      onServerRunning: { _ in readiness.ready(name) }, logger: logger.forServer())
    return ListenerService(
      name: name, listener: listener, readiness: readiness, service: application, bound: nil, grace: grace)
  }

  /// What stands before the routes of every HTTP listener, in this order.
  static func handlers(_ routes: RouteTable, _ places: ListenerPlaces) -> [any RemovableChannelHandler] {
    [
      RequestDeadline(places: places),
      BodyGate(limit: { routes.bodyLimit(of: $0) }) { request, why in
        let refusal = why.refusal
        let problem = Problem(
          status: why.status, code: refusal.code, detail: refusal.message.sentence, remedy: refusal.remedy,
          instance: String((request.path ?? "/").prefix { $0 != "?" }))
        let body = (try? APIEncoding.encode(problem)) ?? Data()
        return (
          HTTPResponse(
            status: .init(code: why.status),
            headerFields: [.contentType: "application/problem+json", .cacheControl: "no-store"]),
          ByteBuffer(bytes: body)
        )
      },
    ]
  }
}

/// Keeps the writer until everything before it has stopped; ends the node when the log cannot be written any more.
struct WriterService: Service {
  let node: NodeCore

  func run() async throws {
    let stoppedByItself = await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        for await _ in node.writer.changes() {}
        return !Task.isShuttingDownGracefully && !Task.isCancelled
      }
      group.addTask {
        try? await gracefulShutdown()
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
    if stoppedByItself {
      throw Refusal(
        "log_stopped", .unavailable, "The log could not be written and has stopped.",
        remedy:
          "See the messages before this one, mend the disk, and start the node again: nothing acknowledged is lost.")
    }
    await node.writer.shutdown()
  }
}
