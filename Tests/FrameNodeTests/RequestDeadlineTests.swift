import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import FrameHTTP

@Suite("Time limits of the HTTP listeners")
struct RequestDeadlineTests {
  private static let head = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/")
  private static let limits = RequestDeadline.Limits()

  private func connected(_ places: ListenerPlaces? = nil) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel(handler: RequestDeadline(Self.limits, places: places))
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

  @Test("512 silent connections keep nobody out: the oldest idle one makes room, one that is answered does not")
  func crowd() throws {
    let places = ListenerPlaces(max: 3)
    let served = try connected(places)
    try served.writeInbound(HTTPRequestPart.head(Self.head))
    try served.writeInbound(HTTPRequestPart.end(nil))
    let silent = [try connected(places), try connected(places)]
    let next = try connected(places)
    #expect(next.isActive && served.isActive && !silent[0].isActive && silent[1].isActive)
    for channel in [served, silent[1], next] where channel !== served {
      try channel.writeInbound(HTTPRequestPart.head(Self.head))
      try channel.writeInbound(HTTPRequestPart.end(nil))
    }
    // All three are being answered: the fourth has no place.
    let refused = try connected(places)
    #expect(places.counts.refused == 1 && !refused.isActive)
    #expect(served.isActive && next.isActive)
    try answer(served)
    _ = try connected(places)
    #expect(!served.isActive, "its answer is out, and it is the only one that is idle")
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
