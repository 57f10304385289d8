import FrameCore
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Testing

@testable import FramePeering

@Suite("What a peer puts into a call's headers") struct CallHeaderGuardTests {
  /// What comes out of the guard for these headers.
  private func guarded(_ headers: HPACKHeaders) throws -> HPACKHeaders {
    let channel = EmbeddedChannel()
    try CallHeaderGuard.add(to: channel).wait()
    try channel.writeInbound(HTTP2Frame.FramePayload.headers(.init(headers: headers)))
    guard case .headers(let frame)? = try channel.readInbound(as: HTTP2Frame.FramePayload.self) else { return [:] }
    _ = try channel.finish()
    return frame.headers
  }

  @Test(
    "a deadline that the gRPC library would end the process for is taken out", arguments: ["-1S", "-9999m", "", "1"])
  func deadline(_ text: String) throws {
    let headers = try guarded([":method": "POST", ":path": "/x", "grpc-timeout": text])
    #expect(!headers.contains(name: "grpc-timeout"))
    #expect(headers[":method"] == ["POST"])
  }

  @Test("of two deadlines neither counts when one is none")
  func twoDeadlines() throws {
    var headers: HPACKHeaders = [":method": "POST", "grpc-timeout": "5S"]
    headers.add(name: "grpc-timeout", value: "-5S")
    #expect(!(try guarded(headers)).contains(name: "grpc-timeout"))
  }

  @Test(
    "a status that is no number of three digits is a failure of the peer", arguments: ["-1", "-200", "", "x", "20"])
  func status(_ text: String) throws {
    #expect(try guarded([":status": text, "content-type": "application/grpc"])[":status"] == ["500"])
  }

  @Test("what is right passes as it came")
  func passes() throws {
    let request: HPACKHeaders = [":method": "POST", ":path": "/x", "grpc-timeout": "3S", "te": "trailers"]
    #expect(try guarded(request) == request)
    let answer: HPACKHeaders = [":status": "200", "grpc-status": "0"]
    #expect(try guarded(answer) == answer)
  }
}

@Suite("Addresses that a peer advertises") struct PeerTargetTests {
  @Test(
    "what looks like an address and is none is a name that nobody resolves",
    arguments: [
      "[::zz]:1", "[:]:1", "[1:2:3]:1", "[fe80::1.2.3]:1", "999.1.1.1:1", "1.2.3:1", "[::1]:1", "127.0.0.1:1",
    ])
  func target(_ text: String) throws {
    // The transport asserts what it is given; that this returns is the test.
    _ = PeerClient.target(try HostPort(text))
  }
}
