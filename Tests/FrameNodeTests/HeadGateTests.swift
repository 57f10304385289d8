import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Testing

@testable import FrameHTTP

@Suite("Heads of requests, as bytes")
struct HeadGateTests {
  /// What a listener has before its routes, and a route that answers every request with a body of unknown length.
  private final class Server {
    private let channel = EmbeddedChannel()
    private(set) var served: [String] = []

    init() throws {
      let pipeline = channel.pipeline.syncOperations
      try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
      try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
      try pipeline.addHandlers([
        RequestDeadline(),
        BodyGate(limit: { _ in BodyGate.smallBody }) { _, why in
          (HTTPResponse(status: .init(code: why.status)), ByteBuffer(string: why.refusal.code))
        },
      ])
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    var isActive: Bool { channel.isActive }

    /// What is answered to the bytes; of requests that come to the route, what it makes of them.
    func answer(_ bytes: String) throws -> String {
      try channel.writeInbound(ByteBuffer(string: bytes))
      while let part = try channel.readInbound(as: HTTPRequestPart.self) {
        guard case .head(let head) = part else { continue }
        served.append("\(head.path ?? "") \(head.headerFields[.connection] ?? "-")")
        try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
        try channel.writeOutbound(HTTPResponsePart.body(ByteBuffer(string: "body")))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
      }
      var text = ""
      while let more = try channel.readOutbound(as: IOData.self) {
        if case .byteBuffer(let buffer) = more { text += String(buffer: buffer) }
      }
      return text
    }
  }

  @Test(
    "a head that is larger than is read is told so, whichever part of it is, and the connection ends",
    arguments: [
      "GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "a", count: 100_000) + "\r\n\r\n",
    ])
  func tooLarge(_ request: String) throws {
    let server = try Server()
    let answer = try server.answer(request)
    #expect(answer.hasPrefix("HTTP/1.1 431 ") && answer.hasSuffix("head_too_large"), "\(answer.prefix(200))")
    #expect(answer.lowercased().contains("connection: close"))
    #expect(server.served.isEmpty)
  }

  @Test(
    "a head without a host, with two, or with something else in its place is 400, and the connection ends",
    arguments: [
      ("GET /a HTTP/1.1\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.1\r\nhost: x\r\nHOST: y\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.1\r\nHost: user@a\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n", "invalid_host"),
      ("GET /a HTTP/1.1\r\nHost: a:b\r\n\r\n", "invalid_host"),
      ("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "invalid_framing"),
    ])
  func refused(bytes: String, code: String) throws {
    let server = try Server()
    let answer = try server.answer(bytes)
    #expect(answer.hasPrefix("HTTP/1.1 400 ") || answer.hasPrefix("HTTP/1.0 400 "), "\(answer)")
    #expect(answer.lowercased().contains("connection: close") && answer.hasSuffix(code), "\(answer)")
    #expect(server.served.isEmpty, "no route sees it")
  }

  @Test(
    "hosts as they are written are taken", arguments: ["", "x", "a.example:8080", "127.0.0.1", "[::1]:80", "a:", "%41"])
  func taken(host: String) throws {
    let server = try Server()
    #expect(try server.answer("GET /a HTTP/1.1\r\nHost: \(host)\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
    #expect(server.served == ["/a -"])
  }

  @Test("an HTTP/1.0 client is answered in its version, never in chunks, and its connection ends")
  func old() throws {
    for fields in ["", "Host: x\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\nContent-Length: 0\r\n"] {
      let server = try Server()
      let answer = try server.answer("GET /a HTTP/1.0\r\n\(fields)\r\n")
      #expect(answer.hasPrefix("HTTP/1.0 200 ") && answer.hasSuffix("\r\n\r\nbody"), "\(answer)")
      #expect(answer.lowercased().contains("connection: close"), "\(answer)")
      #expect(!answer.lowercased().contains("transfer-encoding"), "\(answer)")
      #expect(server.served == ["/a close"], "the server behind ends it after the answer")
    }
  }

  @Test("a wish to close is heeded in every spelling, and answers of a connection that stays do not speak of closing")
  func closing() throws {
    for value in ["close", "Close", "keep-alive, CLOSE"] {
      let server = try Server()
      let answer = try server.answer("GET /a HTTP/1.1\r\nHost: x\r\nConnection: \(value)\r\n\r\n")
      #expect(server.served == ["/a close"])
      #expect(answer.lowercased().contains("connection: close"), "\(answer)")
    }
    let server = try Server()
    let both = try server.answer("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(server.served == ["/a -", "/b -"])
    #expect(!both.lowercased().contains("connection: close") && both.contains("transfer-encoding: chunked"))
    // An answer that is owed comes before a refusal.
    let mixed = try server.answer("GET /c HTTP/1.1\r\nHost: x\r\n\r\nGET /d HTTP/1.1\r\n\r\n")
    #expect(server.served == ["/a -", "/b -", "/c -"])
    #expect(mixed.hasPrefix("HTTP/1.1 200 ") && mixed.contains("HTTP/1.1 400 "), "\(mixed)")
  }
}
