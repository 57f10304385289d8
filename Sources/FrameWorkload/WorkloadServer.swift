import Foundation
import FrameCore
import GRPCCore
import GRPCNIOTransportCore
import Logging
import ServiceLifecycle

/// The SPIFFE Workload API on a unix socket.
package final class WorkloadServer: Service {
  package let path: String
  private let hub: WorkloadHub
  private let connections: LocalConnections
  private let server: GRPCServer<HTTP2ServerTransport.Custom<LocalListener>>

  /// Longer paths do not fit into a socket address (unix(7)).
  package static let pathBytesMax = 107
  static let requestBytesMax = 64 * 1024
  static let streamsPerConnectionMax = 64
  /// A connection without a call; clients connect again by themselves.
  static let idleTimeout: Duration = .seconds(300)

  /// - Parameters:
  ///   - path: of the socket; what is there already is replaced.
  ///   - connectionsMax: connections at once.
  package init(
    path: String, connectionsMax: Int = 512, hub: WorkloadHub, clock: any FrameClock, metrics: WorkloadMetrics,
    logger: Logger
  ) {
    let connections = LocalConnections(max: connectionsMax)
    let listener = LocalListener(path: path, connections: connections)
    var config = HTTP2ServerTransport.Custom<LocalListener>.Config.defaults
    config.rpc.maxRequestPayloadSize = Self.requestBytesMax
    config.http2.maxConcurrentStreams = Self.streamsPerConnectionMax
    config.connection.keepalive.clientBehavior.allowWithoutCalls = true
    config.connection.maxIdleTime = Self.idleTimeout
    config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { listener.tag($0) }
    server = GRPCServer(
      transport: HTTP2ServerTransport.Custom(listenerFactory: listener, config: config),
      services: [WorkloadService(hub: hub, connections: connections, clock: clock, metrics: metrics)])
    self.path = path
    self.hub = hub
    self.connections = connections
  }

  /// Its connections.
  package var counts: SharedPlaces.Counts { connections.counts }

  /// Waits until the socket is there.
  /// - Throws: ``WorkloadError/socket(_:why:)`` when it cannot be.
  package func bound() async throws {
    guard await server.transport.listeningAddress != nil else {
      throw WorkloadError.socket(path, why: "it could not be bound")
    }
  }

  /// Serves until shut down or cancelled; its streams end then, and the socket is removed.
  package func run() async throws {
    defer { unlink(path) }
    // Never cancelled directly, and stopped step by step: docs/decisions/0007.
    let serving = Task { try await server.serve() }
    try await withGracefulShutdownHandler {
      try await withTaskCancellationHandler {
        try await serving.value
      } onCancel: {
        self.stop()
      }
    } onGracefulShutdown: {
      self.stop()
    }
  }

  private func stop() {
    hub.end()
    Task {
      await connections.stopAccepting()
      try? await Task.sleep(for: .milliseconds(100))
      server.beginGracefulShutdown()
      try? await Task.sleep(for: .seconds(1))
      connections.closeAll()
    }
  }
}
