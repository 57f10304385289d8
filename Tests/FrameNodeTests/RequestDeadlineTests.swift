import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import FrameNode

@Suite("Time limits of the HTTP listeners")
struct RequestDeadlineTests {
  private static let head = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/")
  private static let limits = RequestDeadline.Limits(
    firstHead: .seconds(10), nextHead: .seconds(75), body: .seconds(20), answer: .seconds(300))

  private func connected() throws -> EmbeddedChannel {
    let channel = EmbeddedChannel(handler: RequestDeadline(Self.limits))
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    return channel
  }

  private func advance(_ channel: EmbeddedChannel, _ seconds: Int64) {
    channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
  }

  private func answer(_ channel: EmbeddedChannel) throws {
    try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
    try channel.writeOutbound(HTTPResponsePart.end(nil))
  }

  @Test("B21: a client that sends no whole request loses its place after ten seconds")
  func silent() throws {
    let channel = try connected()
    advance(channel, 9)
    #expect(channel.isActive)
    advance(channel, 1)
    #expect(!channel.isActive)
  }

  @Test("B21: a body that drips in does not hold a place for longer than its time")
  func drip() throws {
    let channel = try connected()
    try channel.writeInbound(HTTPRequestPart.head(Self.head))
    for _ in 0..<19 {
      advance(channel, 1)
      try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(bytes: [0])))
    }
    #expect(channel.isActive)
    advance(channel, 1)
    #expect(!channel.isActive)
  }

  @Test("A request that is being answered is not cut off, and its connection is kept for the next one")
  func kept() throws {
    let channel = try connected()
    for _ in 0..<3 {
      try channel.writeInbound(HTTPRequestPart.head(Self.head))
      try channel.writeInbound(HTTPRequestPart.end(nil))
      advance(channel, 299)
      #expect(channel.isActive)
      try answer(channel)
      advance(channel, 74)
      #expect(channel.isActive)
    }
    advance(channel, 1)
    #expect(!channel.isActive)
  }

  @Test("A client that does not take its answer loses its place")
  func unread() throws {
    let channel = try connected()
    try channel.writeInbound(HTTPRequestPart.head(Self.head))
    try channel.writeInbound(HTTPRequestPart.end(nil))
    advance(channel, 300)
    #expect(!channel.isActive)
  }

  @Test("A shutdown waits for an answer that is owed, not for a request that has not arrived")
  func quiesce() throws {
    let half = try connected()
    try half.writeInbound(HTTPRequestPart.head(Self.head))
    half.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    #expect(!half.isActive)

    let whole = try connected()
    try whole.writeInbound(HTTPRequestPart.head(Self.head))
    try whole.writeInbound(HTTPRequestPart.end(nil))
    whole.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    #expect(whole.isActive)
    try answer(whole)
    _ = try whole.finish()
  }
}
