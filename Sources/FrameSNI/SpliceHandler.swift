import FrameMetrics
import NIOCore

/// One half of a joined pair of connections, both on one event loop: what arrives here is written there, and nothing more is
/// read here while the other side cannot take it (back-pressure without queues of our own).
final class SpliceHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Called once, when this side says something for the first time.
  var onFirstRead: (() -> Void)?
  private var partner: SpliceHandler?
  private var context: ChannelHandlerContext?
  private let bytes: Counter
  private let idle: TimeAmount
  private var timer: Scheduled<Void>?
  private var lastMoved = NIODeadline.now()
  private var wantsRead = false
  private var inputEnded = false
  private var isEndingOutput = false
  private var outputEnded = false

  private init(bytes: Counter, idle: TimeAmount) {
    self.bytes = bytes
    self.idle = idle
  }

  /// - Parameters:
  ///   - toUpstream: counts what the client sends.
  ///   - toClient: counts what the upstream sends.
  static func pair(toUpstream: Counter, toClient: Counter, idle: TimeAmount) -> (SpliceHandler, SpliceHandler) {
    let near = SpliceHandler(bytes: toUpstream, idle: idle)
    let far = SpliceHandler(bytes: toClient, idle: idle)
    near.partner = far
    far.partner = near
    return (near, far)
  }

  /// Begins to read. Call when both halves are in their pipelines.
  /// - Parameter inputEnded: this side had ended its sending before it was joined.
  func start(inputEnded: Bool = false) {
    watch(after: idle)
    if inputEnded {
      self.inputEnded = true
      partner?.endOutput()
    }
    pull()
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    timer?.cancel()
    partner = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    if let onFirstRead {
      self.onFirstRead = nil
      onFirstRead()
    }
    bytes.increment(by: UInt64(buffer.readableBytes))
    lastMoved = .now()
    partner?.context?.write(NIOAny(buffer), promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    partner?.context?.flush()
    pull()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, let partner, partner.wantsRead { partner.pull() }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed {
      // This side is done sending; the other may still have something to say.
      inputEnded = true
      partner?.endOutput()
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    partner?.context?.close(promise: nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Reads on if the other side can take it; else when it can again.
  private func pull() {
    guard let context, !inputEnded, let other = partner?.context else { return }
    wantsRead = !other.channel.isWritable
    if !wantsRead { context.read() }
  }

  /// Ends this side's output once all that was written has gone out. The empty write goes out last: closing the output of a
  /// channel whose input has ended closes all of it, and what was still waiting with it.
  private func endOutput() {
    guard let context, !isEndingOutput else { return }
    isEndingOutput = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.whenComplete { _ in
      let half = bound.value
      half.outputEnded = true
      half.context?.close(mode: .output, promise: nil)
      half.closeIfDone()
    }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
  }

  /// Both directions are done and flushed. Closing earlier would cut off what the other side has still to be sent.
  private func closeIfDone() {
    guard let partner, outputEnded, partner.outputEnded else { return }
    partner.context?.close(promise: nil)
    context?.close(promise: nil)
  }

  /// A pair on which nothing moves in either direction is not kept for ever. Looks now and then, so that moving bytes costs
  /// no timer.
  private func watch(after delay: TimeAmount) {
    guard let context else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: delay) {
      let half = bound.value
      guard let context = half.context else { return }
      let quietSince = max(half.lastMoved, half.partner?.lastMoved ?? half.lastMoved)
      let left = quietSince + half.idle - .now()
      if left <= .nanoseconds(0) { context.close(promise: nil) } else { half.watch(after: left) }
    }
  }
}
