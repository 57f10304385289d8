import HummingbirdCore
import NIOCore
import NIOHTTPTypes

/// Ends connections that hold a place without using it, so that slow or silent clients cannot keep out the others: a listener
/// takes a bounded number of connections.
///
/// Each part of an exchange has its own time, however slowly its bytes drip in. When the server shuts down, a request that
/// has not arrived in full does not hold it up.
final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  struct Limits: Sendable {
    /// From the connection to its first whole request head.
    var firstHead: TimeAmount = .seconds(10)
    /// From an answer to the next request head; longer than clients usually keep a connection, so that they close it first.
    var nextHead: TimeAmount = .seconds(75)
    /// From the head to the end of the body.
    var body: TimeAmount = .seconds(20)
    /// From the request to the end of the answer, as the client takes it.
    var answer: TimeAmount = .seconds(300)
  }

  private let limits: Limits
  private var timer: Scheduled<Void>?
  private var isReading = false
  private var unanswered = 0

  init(_ limits: Limits = Limits()) { self.limits = limits }

  func handlerAdded(context: ChannelHandlerContext) { close(context.channel, after: limits.firstHead) }

  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      isReading = true
      unanswered += 1
      close(context.channel, after: limits.body)
    case .body: break
    case .end:
      isReading = false
      close(context.channel, after: limits.answer)
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      unanswered -= 1
      if unanswered == 0, !isReading { close(context.channel, after: limits.nextHead) }
    }
    context.write(data, promise: promise)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent, isReading { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  private func close(_ channel: any Channel, after time: TimeAmount) {
    timer?.cancel()
    timer = channel.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }
}
