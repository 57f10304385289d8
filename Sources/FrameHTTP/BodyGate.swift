package import HTTPTypes
package import NIOCore
package import NIOHTTPTypes
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// Looks at a request before its body is sent: one that says it is too large is refused at once, and one that waits to be told
/// to go on (`Expect: 100-continue`, RFC 9110 §10.1.1) is told. What comes in spite of a refusal is read within bounds, so that
/// the answer is not lost to a reset, and the connection ends.
package final class BodyGate: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPRequestPart
  package typealias InboundOut = HTTPRequestPart
  package typealias OutboundIn = HTTPResponsePart
  package typealias OutboundOut = HTTPResponsePart

  /// What is read and dropped of a body that nobody wants, before the connection is closed.
  static let drainedBytesMax = 1 << 20
  static let lingerTimeout = TimeAmount.seconds(2)
  /// A body up to this size is let through without a look at its route, which takes it or answers otherwise.
  package static let smallBody = 64 * 1024

  /// What the decoder reads of a head (NIO's own bound, which the listeners leave as it is).
  static let headBytesMax = 80 * 1024

  private let limit: @Sendable (HTTPRequest) -> Int
  private let refusal: @Sendable (HTTPRequest, Refused) -> (HTTPResponse, ByteBuffer)

  package enum Refused: Sendable, Equatable {
    /// The body is larger than so many bytes.
    case tooLarge(Int)
    case unknownExpectation
    /// The head is not one of this protocol.
    case head(HeadFault)
  }

  private enum State {
    case open
    /// The rest of this request goes nowhere, and after it the connection ends.
    case refused
  }
  private var state = State.open
  private var isReading = false
  private var bodyBytes = 0
  private var bodyMax = 0
  private var closesAfterAnswer = false
  private var unanswered = 0
  /// Of the head that comes next.
  private var fault: HeadFault?
  private var queuedRefusal: (HTTPResponse, ByteBuffer)?
  private var linger: Scheduled<Void>?

  /// - Parameters:
  ///   - limit: the largest body that the request's route takes; asked for those that may be more than ``smallBody``.
  ///   - refusal: the answer to one that is refused.
  package init(
    limit: @escaping @Sendable (HTTPRequest) -> Int,
    refusal: @escaping @Sendable (HTTPRequest, Refused) -> (HTTPResponse, ByteBuffer)
  ) {
    self.limit = limit
    self.refusal = refusal
  }

  /// Before the codec, where a request still has a version.
  package func handlerAdded(context: ChannelHandlerContext) {
    let pipeline = context.pipeline.syncOperations
    guard let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) else { return }
    do { try pipeline.addHandler(HeadGate(), position: .before(codec)) } catch { context.fireErrorCaught(error) }
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? HeadFault { fault = event } else { context.fireUserInboundEventTriggered(event) }
  }

  /// A head that is too large ends the reading: nothing is known of the request, and it is answered all the same.
  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard case HTTPParserError.headerOverflow = error, case .open = state, !isReading else {
      // What was refused already is over.
      if error is HTTPParserError, case .refused = state { return }
      return context.fireErrorCaught(error)
    }
    refuse(context, HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/"), .head(.tooLarge))
  }

  package func handlerRemoved(context: ChannelHandlerContext) { linger?.cancel() }

  package func channelInactive(context: ChannelHandlerContext) {
    linger?.cancel()
    context.fireChannelInactive()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    switch (state, part) {
    case (.open, .head(let head)):
      (isReading, bodyBytes, bodyMax) = (true, 0, Self.smallBody)
      if let fault { return refuse(context, head, .head(fault)) }
      let expectation = head.headerFields[.expect]?.lowercased()
      let length = head.headerFields[.contentLength].map { UInt64($0) ?? .max }
      if length ?? 0 > UInt64(Self.smallBody) || head.headerFields[.transferEncoding] != nil {
        bodyMax = max(limit(head), Self.smallBody)
        if let length, length > UInt64(bodyMax) { return refuse(context, head, .tooLarge(bodyMax)) }
      }
      if let expectation, expectation != "100-continue" { return refuse(context, head, .unknownExpectation) }
      unanswered += 1
      // Only when nothing is owed for an earlier request: its answer comes first, and the client goes on by itself.
      if expectation != nil, unanswered == 1 {
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
      }
      context.fireChannelRead(data)
    case (.open, .body(let bytes)):
      bodyBytes += bytes.readableBytes
      // The route refuses it as soon as it is too much; what comes after that is nobody's.
      if bodyBytes > bodyMax + Self.drainedBytesMax { return context.close(promise: nil) }
      context.fireChannelRead(data)
    case (.open, .end):
      isReading = false
      context.fireChannelRead(data)
    case (.refused, .body(let bytes)):
      bodyBytes += bytes.readableBytes
      if bodyBytes > Self.drainedBytesMax { context.close(promise: nil) }
    case (.refused, .end):
      isReading = false
    case (.refused, .head): break
    }
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(var head):
      // Answered because its body is too large: what is still to come of it may have no end.
      if isReading, unanswered == 1, bodyBytes > bodyMax {
        closesAfterAnswer = true
        head.headerFields[.connection] = "close"
      }
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .body: context.write(data, promise: promise)
    case .end:
      unanswered -= 1
      guard unanswered == 0, queuedRefusal != nil || closesAfterAnswer else {
        return context.write(data, promise: promise)
      }
      if let (head, body) = queuedRefusal {
        queuedRefusal = nil
        context.write(data, promise: promise)
        return answer(context, head, body)
      }
      (state, bodyBytes) = (.refused, 0)
      let written = promise ?? context.eventLoop.makePromise()
      context.writeAndFlush(data, promise: written)
      end(context, after: written.futureResult)
    }
  }

  private func refuse(_ context: ChannelHandlerContext, _ head: HTTPRequest, _ why: Refused) {
    state = .refused
    let (response, body) = refusal(head, why)
    // Answers keep the order of their requests.
    if unanswered > 0 { queuedRefusal = (response, body) } else { answer(context, response, body) }
  }

  private func answer(_ context: ChannelHandlerContext, _ response: HTTPResponse, _ body: ByteBuffer) {
    var response = response
    response.headerFields[.connection] = "close"
    response.headerFields[.contentLength] = "\(body.readableBytes)"
    context.write(wrapOutboundOut(.head(response)), promise: nil)
    context.write(wrapOutboundOut(.body(body)), promise: nil)
    end(context, after: context.writeAndFlush(wrapOutboundOut(.end(nil))))
  }

  /// Ends what we say, and waits a moment for the client to end too.
  private func end(_ context: ChannelHandlerContext, after written: EventLoopFuture<Void>) {
    guard linger == nil else { return }
    let channel = context.channel
    written.whenComplete { _ in channel.close(mode: .output, promise: nil) }
    linger = context.eventLoop.scheduleTask(in: Self.lingerTimeout) { channel.close(promise: nil) }
    context.read()
  }
}
