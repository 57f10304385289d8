import FrameCore
import NIOCore
import NIOHTTP2

/// Takes out of a call's headers what the gRPC library would trap at (``CallHeader``): a deadline that is none is no deadline, a
/// status that is none is a failure of the peer.
final class CallHeaderGuard: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload

  /// Puts one before whatever reads the headers of a stream.
  static func add(to stream: any Channel) -> EventLoopFuture<Void> {
    stream.eventLoop.makeCompletedFuture {
      try stream.pipeline.syncOperations.addHandler(CallHeaderGuard(), position: .first)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .headers(var frame) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
    let headers = frame.headers
    var changed = false
    if headers[CallHeader.timeout].contains(where: { !CallHeader.isTimeout($0) }) {
      frame.headers.remove(name: CallHeader.timeout)
      changed = true
    }
    if headers[CallHeader.status].contains(where: { !CallHeader.isStatus($0) }) {
      frame.headers.replaceOrAdd(name: CallHeader.status, value: "500")
      changed = true
    }
    context.fireChannelRead(changed ? wrapInboundOut(.headers(frame)) : data)
  }
}
