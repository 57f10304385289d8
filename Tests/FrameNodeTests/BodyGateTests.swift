import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import FrameHTTP

@Suite("Bodies before they are read")
struct BodyGateTests {
  private func gate(_ limit: Int = BodyGate.smallBody) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel(
      handler: BodyGate(limit: { _ in limit }) { _, why in
        (HTTPResponse(status: .init(code: why.status)), ByteBuffer(string: why.refusal.code))
      })
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    return channel
  }

  private func head(_ fields: HTTPFields) -> HTTPRequestPart {
    .head(HTTPRequest(method: .post, scheme: "http", authority: "x", path: "/", headerFields: fields))
  }

  private func status(_ channel: EmbeddedChannel) throws -> Int? {
    guard case .head(let head) = try channel.readOutbound(as: HTTPResponsePart.self) else { return nil }
    return head.status.code
  }

  @Test("who waits to be told to go on is told at once, and the request goes on")
  func expectation() throws {
    let channel = try gate()
    try channel.writeInbound(head([.expect: "100-Continue", .contentLength: "10"]))
    #expect(try status(channel) == 100)
    guard case .head = try channel.readInbound(as: HTTPRequestPart.self) else {
      Issue.record("the route has not got the request")
      return
    }
    _ = try? channel.finish(acceptAlreadyClosed: true)
  }

  @Test("a body that says it is too large is refused before it is sent, and the connection ends")
  func tooLarge() throws {
    for expectation in [nil, "100-continue"] as [String?] {
      let channel = try gate()
      var fields: HTTPFields = [.contentLength: "2097152"]
      if let expectation { fields[.expect] = expectation }
      try channel.writeInbound(head(fields))
      guard case .head(let answer) = try channel.readOutbound(as: HTTPResponsePart.self) else {
        Issue.record("no answer")
        return
      }
      #expect(answer.status.code == 413)
      #expect(answer.headerFields[.connection] == "close")
      #expect(try channel.readInbound(as: HTTPRequestPart.self) == nil, "no route sees it")
      // What comes in spite of it is dropped, and not for ever.
      _ = try? channel.writeInbound(HTTPRequestPart.body(ByteBuffer(repeating: 0, count: 65_536)))
      #expect(try channel.readInbound(as: HTTPRequestPart.self) == nil)
      channel.embeddedEventLoop.advanceTime(by: BodyGate.lingerTimeout)
      #expect(!channel.isActive)
    }
  }

  @Test(
    "a length that is larger than any number is too large", arguments: ["99999999999999999999", "18446744073709551615"])
  func hugeLength(_ length: String) throws {
    let channel = try gate()
    try channel.writeInbound(head([.contentLength: length]))
    #expect(try status(channel) == 413)
    _ = try? channel.finish(acceptAlreadyClosed: true)
  }

  @Test("another expectation than 100-continue is 417")
  func unknownExpectation() throws {
    let channel = try gate()
    try channel.writeInbound(head([.expect: "the-moon"]))
    #expect(try status(channel) == 417)
    _ = try? channel.finish(acceptAlreadyClosed: true)
  }

  @Test("chunks without an end are cut off, whether or not the route reads them")
  func endless() throws {
    let channel = try gate()
    try channel.writeInbound(head([.transferEncoding: "chunked"]))
    let chunk = ByteBuffer(repeating: 0, count: 256 * 1024)
    for _ in 0..<8 where channel.isActive { _ = try? channel.writeInbound(HTTPRequestPart.body(chunk)) }
    #expect(!channel.isActive)
  }

  @Test("after an answer to a body that was too large nothing more is read as a request")
  func answeredEarly() throws {
    let channel = try gate()
    try channel.writeInbound(head([.transferEncoding: "chunked"]))
    try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(repeating: 0, count: BodyGate.smallBody + 1)))
    try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .contentTooLarge)))
    try channel.writeOutbound(HTTPResponsePart.end(nil))
    guard case .head(let answer) = try channel.readOutbound(as: HTTPResponsePart.self) else {
      Issue.record("no answer")
      return
    }
    #expect(answer.headerFields[.connection] == "close")
    channel.embeddedEventLoop.advanceTime(by: BodyGate.lingerTimeout)
    #expect(!channel.isActive)
  }
}
