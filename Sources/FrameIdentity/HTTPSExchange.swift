import Foundation
import FrameCore
import NIOCore
import NIOHTTP1
import NIOSSL

/// One HTTP/1.1 request and its response on a connection of its own.
struct HTTPSRequest: Sendable {
  var method: HTTPMethod
  var url: EndpointURL
  var headers: [(String, String)] = []
  var body: Data?
}

/// The response, body complete.
package struct HTTPSResponse: Sendable {
  package let status: Int
  /// First value of each header, names in lower case.
  package let headers: [String: String]
  package let body: Data
  /// What the server presented, DER, leaf first; empty with Web PKI.
  package let presentedChain: [Data]
}

/// Collects the response of one exchange. Lives on its channel's event loop; the result leaves by the promise, once.
final class HTTPSExchangeHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  struct Answer: Sendable {
    var status: Int
    var headers: [String: String]
    var body: Data
  }

  private let request: HTTPSRequest
  private let bodyLimit: Int
  private var promise: EventLoopPromise<Answer>?
  private var answer: Answer?
  private var sent = false

  init(_ request: HTTPSRequest, bodyLimit: Int, promise: EventLoopPromise<Answer>) {
    self.request = request
    self.bodyLimit = bodyLimit
    self.promise = promise
  }

  /// NIOSSL holds the request back until the handshake is done: a refused server learns nothing of it.
  func channelActive(context: ChannelHandlerContext) {
    send(context)
    context.fireChannelActive()
  }

  private func send(_ context: ChannelHandlerContext) {
    guard !sent else { return }
    sent = true
    var head = HTTPRequestHead(version: .http1_1, method: request.method, uri: request.url.path)
    head.headers.add(name: "host", value: request.url.authority)
    head.headers.add(name: "accept", value: "application/json")
    head.headers.add(name: "connection", value: "close")
    for (name, value) in request.headers { head.headers.replaceOrAdd(name: name, value: value) }
    if let body = request.body { head.headers.replaceOrAdd(name: "content-length", value: String(body.count)) }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if let body = request.body {
      var buffer = context.channel.allocator.buffer(capacity: body.count)
      buffer.writeBytes(body)
      context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      // Informational responses come before the one that counts.
      guard head.status.code >= 200 else { return }
      if let length = head.headers.first(name: "content-length").flatMap(Int.init), length > bodyLimit {
        return fail(context, FetchError.bodyTooLarge(request.url, limit: bodyLimit))
      }
      var headers: [String: String] = [:]
      for (name, value) in head.headers where headers[name.lowercased()] == nil { headers[name.lowercased()] = value }
      answer = Answer(status: Int(head.status.code), headers: headers, body: Data())
    case .body(let buffer):
      guard answer != nil else { return }
      if (answer?.body.count ?? 0) + buffer.readableBytes > bodyLimit {
        return fail(context, FetchError.bodyTooLarge(request.url, limit: bodyLimit))
      }
      answer?.body.append(contentsOf: buffer.readableBytesView)
    case .end:
      guard let answer else { return }
      promise?.succeed(answer)
      promise = nil
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(context, error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(context, ChannelError.eof)
    context.fireChannelInactive()
  }

  /// A connection that was never made is for the one who connects to report: it knows why, and this handler is removed
  /// before that one hears of it.
  func handlerRemoved(context: ChannelHandlerContext) {
    if sent { promise?.fail(ChannelError.eof) }
    promise = nil
  }

  private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
    guard sent, let promise else { return }
    self.promise = nil
    promise.fail(error)
    context.close(promise: nil)
  }
}
