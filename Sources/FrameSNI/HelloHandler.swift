import FrameCore
import NIOCore

/// Collects the hello of one connection to the SNI router, with a deadline and a bound, and decides where the connection goes.
final class HelloHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Sent to the connection that has waited longest when too many wait.
  struct CrowdedOut: Sendable {}

  /// What may wait for the upstream to be connected.
  private static let waitingBytesMax = 1 << 20

  private let router: SNIRouter
  private let ticket: UInt64
  private let limits: SNIRouter.Limits
  private var hello = ClientHello()
  private var received = ByteBuffer()
  private var deadline: Scheduled<Void>?
  private var isDecided = false
  private var isHandedOver = false
  /// Refused with an alert: what still comes is read and dropped, so that the alert is not lost to a reset.
  private var isLingering = false
  private(set) var inputEnded = false

  init(router: SNIRouter, ticket: UInt64, limits: SNIRouter.Limits) {
    self.router = router
    self.ticket = ticket
    self.limits = limits
  }

  func channelActive(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let boundContext = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .nanoseconds(limits.helloTimeout.nanoseconds)) {
      bound.value.refuse(boundContext.value, .timedOut)
    }
    context.fireChannelActive()
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isHandedOver else { return context.fireChannelRead(data) }
    var buffer = unwrapInboundIn(data)
    guard !isLingering else { return context.read() }
    guard !isDecided else {
      received.writeBuffer(&buffer)
      // One read can bring more than the hello (early data); only an end of input makes it more than a little.
      if received.readableBytes > Self.waitingBytesMax { context.close(promise: nil) }
      return
    }
    let reading = hello.take(buffer.readableBytesView)
    received.writeBuffer(&buffer)
    switch reading {
    case .needsMore: context.read()
    case .notTLS: refuse(context, .notTLS)
    case .malformed: refuse(context, .malformed)
    case .tooLarge: refuse(context, .tooLarge)
    case .noName: refuse(context, .missingName, alert: true)
    case .name(let name):
      let upstream: HostPort
      do throws(SNIRefusal) { upstream = try router.route(context.channel, to: name) } catch {
        return refuse(context, error.result, alert: error.result == .unknownName)
      }
      decide()
      router.join(context.channel, as: name, to: upstream, from: NIOLoopBound(self, eventLoop: context.eventLoop))
    }
  }

  /// Gives what has come so far; from now on everything goes past.
  func handOver() -> ByteBuffer {
    isHandedOver = true
    defer { received = ByteBuffer() }
    return received
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is CrowdedOut { return refuse(context, .crowdedOut) }
    if let event = event as? ChannelEvent, event == .inputClosed {
      inputEnded = true
      if isLingering { context.close(promise: nil) }
      refuse(context, .closedEarly)  // Unless the hello is complete already.
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    refuse(context, .closedEarly)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    refuse(context, .closedEarly)
    context.close(promise: nil)
  }

  private func decide() {
    isDecided = true
    router.endWaiting(ticket)
    deadline?.cancel()
    deadline = nil
  }

  private func refuse(_ context: ChannelHandlerContext, _ result: SNIResult, alert: Bool = false) {
    guard !isDecided else { return }
    decide()
    router.count(result)
    guard alert, context.channel.isActive else { return context.close(promise: nil) }
    received = ByteBuffer()
    linger(context)
  }

  /// Sends the alert and the end of what we say, then waits a moment for the client to end too.
  private func linger(_ context: ChannelHandlerContext) {
    isLingering = true
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: .nanoseconds(limits.lingerTimeout.nanoseconds)) {
      channel.close(promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: ClientHello.unrecognizedName)))
      .whenComplete { _ in channel.close(mode: .output, promise: nil) }
    context.read()
  }
}
