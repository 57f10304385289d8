internal import FrameCore
internal import HummingbirdCore
package import NIOCore
package import NIOHTTPTypes

/// Ends connections that hold a place without using it, so that slow or silent clients cannot keep out the others: a listener
/// takes a bounded number of connections.
///
/// Each part of an exchange has its own time, however slowly its bytes drip in. When the server shuts down, a request that
/// has not arrived in full does not hold it up.
package final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPRequestPart
  package typealias InboundOut = HTTPRequestPart
  package typealias OutboundIn = HTTPResponsePart
  package typealias OutboundOut = HTTPResponsePart

  package struct Limits: Sendable {
    /// From the connection to its first whole request head.
    package var firstHead: TimeAmount = .seconds(10)
    /// From an answer to the next request head; longer than clients usually keep a connection, so that they close it first.
    package var nextHead: TimeAmount = .seconds(75)
    /// From the head to the end of the body.
    package var body: TimeAmount = .seconds(20)
    /// From the request to the end of the answer, as the client takes it.
    package var answer: TimeAmount = .seconds(300)

    package init() {}
  }

  private let limits: Limits
  /// When the connection is closed.
  private var deadline = NIODeadline.distantFuture
  /// Fires at the deadline or before it, and then waits for the rest: moving it for every part of every request would cost each of
  /// them its place in the loop's queue.
  private var timer: (fires: NIODeadline, task: Scheduled<Void>)?
  private var isReading = false
  private var unanswered = 0

  private let places: ListenerPlaces?
  private var ticket: SharedPlaces.Ticket?

  /// - Parameter places: of the listener; a connection that gets none is closed at once.
  package init(_ limits: Limits = Limits(), places: ListenerPlaces? = nil) {
    self.limits = limits
    self.places = places
  }

  package func handlerAdded(context: ChannelHandlerContext) {
    close(context, after: limits.firstHead)
    if context.channel.isActive { takePlace(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    takePlace(context)
    context.fireChannelActive()
  }

  /// Only now the channel knows where the connection comes from.
  private func takePlace(_ context: ChannelHandlerContext) {
    guard let places, ticket == nil else { return }
    ticket = places.admit(context.channel, from: context.channel.shareSource)
    if ticket == nil { context.close(promise: nil) }
  }

  package func handlerRemoved(context: ChannelHandlerContext) { stop() }

  package func channelInactive(context: ChannelHandlerContext) {
    stop()
    context.fireChannelInactive()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      isReading = true
      unanswered += 1
      close(context, after: limits.body)
    case .body: break
    case .end:
      isReading = false
      set(busy: true)
      close(context, after: limits.answer)
    }
    context.fireChannelRead(data)
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      unanswered -= 1
      if unanswered == 0 {
        set(busy: false)
        if !isReading { close(context, after: limits.nextHead) }
      }
    }
    context.write(data, promise: promise)
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent, isReading { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  /// A request that has come whole is being answered; one that still comes is not: whoever sends it takes its time.
  private func set(busy: Bool) { if let ticket { places?.set(ticket, busy: busy) } }

  private func close(_ context: ChannelHandlerContext, after time: TimeAmount) {
    deadline = context.eventLoop.now + time
    guard deadline < timer?.fires ?? .distantFuture else { return }
    wait(context)
  }

  private func wait(_ context: ChannelHandlerContext) {
    timer?.task.cancel()
    let (loop, bound) = (context.eventLoop, NIOLoopBound((self, context), eventLoop: context.eventLoop))
    timer = (
      deadline,
      loop.scheduleTask(deadline: deadline) {
        let (handler, context) = bound.value
        handler.timer = nil
        if handler.deadline <= loop.now { context.close(promise: nil) } else { handler.wait(context) }
      }
    )
  }

  private func stop() {
    timer?.task.cancel()
    timer = nil
    deadline = .distantFuture
  }
}
