internal import NIOCore
internal import NIOHTTP1

/// What is wrong with a request's head as a message (RFC 9112), whatever it asks for.
package enum HeadFault: Sendable, Equatable {
  case hostMissing
  case hostTwice
  case hostInvalid
  /// A coding of the body that an HTTP/1.0 message cannot have: where it ends is anybody's guess.
  case transferEncoding
  /// Its line and its fields are more than is read.
  case tooLarge
}

/// Looks at requests and answers while their version is still known; the types behind the codec have none.
///
/// A head that RFC 9112 has a server refuse is told to ``BodyGate``, which answers in its turn. Answers to HTTP/1.0 are of that version,
/// so never chunked, and end the connection; so do those to whoever asks for it in any spelling of `Connection: close`.
final class HeadGate: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private struct Exchange {
    let isOld: Bool
    let closes: Bool
  }
  /// Requests that are not answered yet, oldest first. As many as the routes behind let come.
  private var exchanges: CircularBuffer<Exchange> = []

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
    let isOld = head.version.minor == 0
    if let fault = Self.fault(of: head, isOld: isOld) { context.fireUserInboundEventTriggered(fault) }
    let closes = isOld || !head.isKeepAlive
    // The only spelling that the server behind knows.
    if closes { head.headers.replaceOrAdd(name: "connection", value: "close") }
    // RFC 9110 §10.1.1: of HTTP/1.0 it is not heeded.
    if isOld { head.headers.remove(name: "expect") }
    exchanges.append(Exchange(isOld: isOld, closes: closes))
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(var head):
      // What is only on the way to an answer (100) stays as it is. A text that is no HTTP is answered without having been a request.
      guard head.status.code >= 200, let exchange = exchanges.first else {
        return context.write(data, promise: promise)
      }
      if exchange.isOld { head.version = .http1_0 }
      if exchange.closes { head.headers.replaceOrAdd(name: "connection", value: "close") }
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .body: context.write(data, promise: promise)
    case .end:
      if !exchanges.isEmpty { exchanges.removeFirst() }
      context.write(data, promise: promise)
    }
  }

  /// RFC 9112 §3.2 and §6.1.
  private static func fault(of head: HTTPRequestHead, isOld: Bool) -> HeadFault? {
    let hosts = head.headers["host"]
    if hosts.count > 1 { return .hostTwice }
    if let host = hosts.first, !isHost(host) { return .hostInvalid }
    if hosts.isEmpty, !isOld { return .hostMissing }
    return isOld && head.headers.contains(name: "transfer-encoding") ? .transferEncoding : nil
  }

  /// `uri-host [ ":" port ]` of RFC 3986, or nothing.
  static func isHost(_ text: String) -> Bool {
    var rest = text.utf8[...]
    if rest.first == UInt8(ascii: "[") {
      guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
      let literal = rest[rest.index(after: rest.startIndex)..<end]
      guard !literal.isEmpty, literal.allSatisfy({ isName($0) || $0 == UInt8(ascii: ":") }) else { return false }
      rest = rest[rest.index(after: end)...]
    } else {
      rest = rest.drop { isName($0) || $0 == UInt8(ascii: "%") }
    }
    guard let colon = rest.first else { return true }
    return colon == UInt8(ascii: ":") && rest.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
  }

  /// Unreserved and sub-delims.
  private static func isName(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "-._~!$&'()*+,;=".utf8.contains(byte)
    }
  }
}
