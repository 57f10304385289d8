import Foundation
import FrameCore
import GRPCNIOTransportCore
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// Accepts connections on a unix socket and finds out which process each comes from, before gRPC sees it.
struct LocalListener: HTTP2ServerTransport.ListenerFactory {
  let path: String
  let connections: LocalConnections

  var eventLoopGroup: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }

  /// Whoever may enter the folder may connect: what they get is decided by what they are.
  static let mode: mode_t = 0o777

  func makeListeningChannel(
    listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
    connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
  ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
    let connections = connections
    let listening = try await ServerBootstrap(group: eventLoopGroup)
      .serverChannelInitializer { channel in
        connections.listen(channel)
        return listenerConfigurator.configure(channel: channel)
      }
      .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true) { channel in
        LocalCaller.of(channel).map { connections.add(channel, $0) }
          .flatMapError { _ in channel.eventLoop.makeSucceededFuture(false) }
          .flatMap { hasPlace in
            connectionConfigurator.configure(channel: channel, tls: .none).map { configured in
              // One that the kernel does not know, or one too many. The transport wants it whole before it goes.
              if !hasPlace { channel.close(promise: nil) }
              return configured
            }
          }
      }
    guard chmod(path, Self.mode) == 0 else { throw WorkloadError.socket(path, why: SystemWords.of(errno: errno)) }
    return listening
  }

  /// Lets each call on a connection say, in its metadata, which connection that is.
  func tag(_ stream: any Channel) -> EventLoopFuture<Void> {
    let number = stream.parent.flatMap { connections.begin(stream, on: $0) }
    return CallTag.add(number, to: stream)
  }
}

/// Writes the number of the connection into a call's headers, and takes away what the caller may have put there, and what the
/// gRPC library would trap at (``CallHeader``). Without a number it guards the calls that this node makes.
final class CallTag: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload

  static let name = "frame-local-connection"
  private let number: UInt64?

  init(number: UInt64?) { self.number = number }

  /// Puts one before whatever reads the headers of a stream.
  static func add(_ number: UInt64?, to stream: any Channel) -> EventLoopFuture<Void> {
    stream.eventLoop.makeCompletedFuture {
      try stream.pipeline.syncOperations.addHandler(CallTag(number: number), position: .first)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .headers(var frame) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
    frame.headers.remove(name: Self.name)
    if frame.headers[CallHeader.timeout].contains(where: { !CallHeader.isTimeout($0) }) {
      frame.headers.remove(name: CallHeader.timeout)
    }
    if frame.headers[CallHeader.status].contains(where: { !CallHeader.isStatus($0) }) {
      frame.headers.replaceOrAdd(name: CallHeader.status, value: "500")
    }
    if let number, frame.headers.contains(name: ":method") { frame.headers.add(name: Self.name, value: "\(number)") }
    context.fireChannelRead(wrapInboundOut(.headers(frame)))
  }
}

/// Why the Workload API cannot be served or used.
package enum WorkloadError: FrameError, Hashable {
  case socket(String, why: String)

  package var code: String {
    switch self {
    case .socket: "workload_socket"
    }
  }
  package var kind: FrameErrorKind { .unavailable }
  package var message: String {
    switch self {
    case .socket(let path, let why): "The Workload API cannot use the socket \(path): \(why)."
    }
  }
  package var remedy: String {
    switch self {
    case .socket: "Check that its folder exists and is the node's, or set identity.workload_api.socket in frame.yaml."
    }
  }
}
