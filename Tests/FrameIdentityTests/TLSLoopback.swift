import Foundation
import FrameCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

@testable import FrameIdentity

/// Collects what a verification callback reports.
final class Results: Sendable {
  private let results = Mutex<[HandshakeVerdict]>([])
  func add(_ result: HandshakeVerdict) { results.withLock { $0.append(result) } }
  var accepted: [SPIFFEID] {
    results.withLock { $0.compactMap { if case .accepted(let peer) = $0 { peer.id } else { nil } } }
  }
  /// The trust domains that refused leaves named.
  var claimed: [FrameID?] {
    results.withLock { $0.compactMap { if case .refused(_, let claimed) = $0 { .some(claimed) } else { nil } } }
  }
  var refused: [SPIFFERefusal.Reason] {
    results.withLock {
      $0.compactMap { if case .refused(let refusal, _) = $0 { refusal.reason } else { nil } }
    }
  }
}

/// What a server sees of its clients' validated chains.
final class Chains: Sendable {
  private let counts = Mutex<[Int?]>([])
  func add(_ count: Int?) { counts.withLock { $0.append(count) } }
  var all: [Int?] { counts.withLock { $0 } }
}

/// A TLS server on loopback that sends back what it gets.
struct EchoServer {
  let channel: any Channel
  var port: Int { channel.localAddress?.port ?? 0 }
  let results = Results()
  /// For each message: how many certificates the validated chain of its connection has, nil when there is no such chain.
  let chains = Chains()

  init(
    _ configuration: TLSConfiguration, verify: SPIFFEVerifier?, expecting expected: ExpectedID = .anyNode
  )
    async throws
  {
    let context = try NIOSSLContext(configuration: configuration)
    let results = results
    let chains = chains
    let callback = verify?.nioCallback(expecting: expected) { results.add($0) }
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let tls =
            if let callback {
              NIOSSLServerHandler(context: context, customVerificationCallbackWithMetadata: callback)
            } else {
              NIOSSLServerHandler(context: context)
            }
          try channel.pipeline.syncOperations.addHandler(tls)
          try channel.pipeline.syncOperations.addHandler(Echo(chains))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  func stop() async { try? await channel.close() }

  private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let chains: Chains
    init(_ chains: Chains) { self.chains = chains }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
      chains.add(tls?.peerValidatedCertificateChain?.count)
      context.writeAndFlush(data, promise: nil)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

/// A TLS client whose every exchange waits for the echo: with TLS 1.3 a client learns only then that it was refused.
struct EchoClient {
  let channel: any Channel
  private let handler: NIOLoopBoundBox<Collect>

  init(_ configuration: TLSConfiguration, port: Int, callback: @escaping SPIFFEVerifier.NIOCallback) async throws {
    let context = try NIOSSLContext(configuration: configuration)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let box = try await loop.submit { NIOLoopBoundBox(Collect(), eventLoop: loop) }.get()
    channel = try await ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: nil, customVerificationCallbackWithMetadata: callback)
          )
          try channel.pipeline.syncOperations.addHandler(box.value)
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    handler = box
  }

  /// - Throws: what ended the connection.
  func echo(_ text: String) async throws -> String {
    let promise = channel.eventLoop.makePromise(of: String.self)
    let box = handler
    let channel = channel
    channel.eventLoop.execute {
      box.value.expect(text.utf8.count, promise)
      channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }
    return try await promise.futureResult.get()
  }

  /// The serial number of the certificate that the server presented.
  func serverSerial() async throws -> [UInt8] {
    try await channel.nioSSL_peerCertificate().get()?.serialNumber ?? []
  }

  func stop() async { try? await channel.close() }

  private final class Collect: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private var promise: EventLoopPromise<String>?
    private var wanted = 0
    private var text = ""
    private var ended: (any Error)?

    func expect(_ count: Int, _ promise: EventLoopPromise<String>) {
      if let ended { return promise.fail(ended) }
      (self.promise, wanted, text) = (promise, count, "")
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
      if text.utf8.count >= wanted { finish(.success(text)) }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      ended = error
      finish(.failure(error))
      context.close(promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) {
      ended = ended ?? ChannelError.eof
      finish(.failure(ChannelError.eof))
    }
    private func finish(_ result: Result<String, any Error>) {
      promise?.completeWith(result)
      promise = nil
    }
  }
}

/// An HTTPS server on loopback that gives one canned answer, or none.
final class CannedServer: Sendable {
  struct Request: Sendable, Equatable {
    var method: HTTPMethod
    var uri: String
    var headers: [String: String]
    var body: String
  }
  enum Answer: Sendable {
    case response(status: Int, headers: [(String, String)], body: Data)
    /// Says nothing at all.
    case silence
    /// Sends a head that promises more than comes.
    case hangUp
    /// A body without an end, in chunks.
    case endless
  }

  let channel: any Channel
  var port: Int { channel.localAddress?.port ?? 0 }
  private let requests = Mutex<[Request]>([])
  var received: [Request] { requests.withLock { $0 } }

  init(_ configuration: TLSConfiguration, answer: @escaping @Sendable (Request) -> Answer) async throws {
    let context = try NIOSSLContext(configuration: configuration)
    let hook = Hook()
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(
            Responder { request in
              hook.received(request)
              return answer(request)
            })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    hook.set { [weak self] request in self?.requests.withLock { $0.append(request) } }
  }

  func stop() async { try? await channel.close() }

  /// Lets handlers made before `self` exists report to it.
  private final class Hook: Sendable {
    private let handler = Mutex<@Sendable (Request) -> Void>({ _ in })
    func set(_ handler: @escaping @Sendable (Request) -> Void) { self.handler.withLock { $0 = handler } }
    func received(_ request: Request) { handler.withLock { $0 }(request) }
  }

  private final class Responder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let answer: (Request) -> Answer
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ answer: @escaping (Request) -> Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): self.head = head
      case .body(let buffer): body += String(buffer: buffer)
      case .end:
        guard let head else { return }
        let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
        respond(context, answer(Request(method: head.method, uri: head.uri, headers: headers, body: body)))
      }
    }

    private func respond(_ context: ChannelHandlerContext, _ answer: Answer) {
      func write(_ status: Int, _ headers: [(String, String)]) {
        let head = HTTPResponseHead(
          version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(headers))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
      }
      switch answer {
      case .response(let status, let headers, let body):
        write(status, headers + [("content-length", String(body.count))])
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      case .silence: break
      case .hangUp:
        write(200, [("content-length", "1000"), ("content-type", "application/json")])
        context.flush()
        context.close(promise: nil)
      case .endless:
        write(200, [("transfer-encoding", "chunked"), ("content-type", "application/json")])
        chunk(context)
      }
    }

    private func chunk(_ context: ChannelHandlerContext) {
      let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      let buffer = ByteBuffer(repeating: 0x20, count: 64 * 1024)
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer)))).whenSuccess {
        // Not from here: writes complete at once, and this would never return.
        loopBound.eventLoop.execute { loopBound.value.0.chunk(loopBound.value.1) }
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
