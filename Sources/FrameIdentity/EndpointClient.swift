import Foundation
import FrameCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// How an endpoint proves who it is. There is no fall-back from one to another (CONFORMANCE S6).
package enum EndpointProfile: Sendable {
  /// `https_spiffe`: an SVID that the bundle already held vouches for, with this id.
  case spiffe(any BundleSource, expecting: SPIFFEID)
  /// `https_web`: Web PKI and host name.
  /// - Parameter additionalRoots: trusted besides the system's.
  case web(additionalRoots: [NIOSSLCertificate] = [])
  /// First contact: nothing is known yet. Any chain is let through and handed to the caller, who must check that the bundle it
  /// gets vouches for that chain and show its fingerprint to a person.
  case firstUse

  /// With `https_spiffe` a redirect is never followed, nor at first contact; Web PKI vouches for the next host as well.
  var redirectLimit: Int {
    if case .web = self { 3 } else { 0 }
  }
}

/// Talks HTTPS to the endpoints of peers: bundles, discovery, invitations (CONFORMANCE S6, S13).
///
/// Each exchange has its own connection, a deadline for everything from name resolution to the last byte, and a limit on the
/// body. Nothing is kept between exchanges, and none waits for another.
package struct EndpointClient: Sendable {
  package static let defaultTimeout: Duration = .seconds(10)

  private let group: any EventLoopGroup
  private let clock: any FrameClock
  private let timeout: Duration
  private let bodyLimit: Int

  /// - Parameters:
  ///   - clock: decides whether certificates are valid now.
  ///   - timeout: for a whole exchange.
  ///   - bodyLimit: bytes of a response.
  package init(
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, clock: any FrameClock = SystemClock(),
    timeout: Duration = EndpointClient.defaultTimeout, bodyLimit: Int = SPIFFEBundle.documentLimit
  ) {
    self.group = group
    self.clock = clock
    self.timeout = timeout
    self.bodyLimit = bodyLimit
  }

  /// - Parameter ifNoneMatch: an entity tag; a 304 then comes back as it is.
  /// - Throws: ``FetchError``, `CancellationError`.
  package func get(
    _ url: EndpointURL, profile: EndpointProfile, ifNoneMatch: String? = nil
  ) async throws -> HTTPSResponse {
    let headers = ifNoneMatch.map { [("if-none-match", $0)] } ?? []
    return try await follow(HTTPSRequest(method: .GET, url: url, headers: headers), profile)
  }

  /// Posts a JSON document. Redirects are not followed.
  /// - Throws: ``FetchError``, `CancellationError`.
  package func post(_ url: EndpointURL, json: Data, profile: EndpointProfile) async throws -> HTTPSResponse {
    let headers = [("content-type", "application/json")]
    return try await exchange(HTTPSRequest(method: .POST, url: url, headers: headers, body: json), profile)
  }

  private func follow(_ request: HTTPSRequest, _ profile: EndpointProfile) async throws -> HTTPSResponse {
    var request = request
    for _ in 0..<profile.redirectLimit {
      let response = try await exchange(request, profile)
      guard [301, 302, 303, 307, 308].contains(response.status), let location = response.headers["location"] else {
        return response
      }
      // EndpointURL knows https only: a redirect to plain HTTP ends here.
      request.url = location.hasPrefix("/") ? request.url.at(location) : try EndpointURL(location)
    }
    let response = try await exchange(request, profile)
    guard !(300..<400).contains(response.status) || response.status == 304 else {
      throw FetchError.redirect(request.url, response.status)
    }
    return response
  }

  /// What the handshake left behind.
  private final class Handshake: Sendable {
    struct State {
      var presented: [Data] = []
      var refusal: SPIFFERefusal?
    }
    let state = Mutex(State())
  }

  private func exchange(_ request: HTTPSRequest, _ profile: EndpointProfile) async throws -> HTTPSResponse {
    let handshake = Handshake()
    let loop = group.next()
    let promise = loop.makePromise(of: HTTPSExchangeHandler.Answer.self)
    let url = request.url
    // One deadline for name resolution, connection, handshake, request and response.
    let deadline = loop.scheduleTask(in: TimeAmount(timeout)) { promise.fail(FetchError.timeout(url, timeout)) }
    let connected = connect(request, profile, handshake, promise)
    connected.whenFailure { promise.fail($0) }
    // Whatever ends the exchange also closes its connection, even one that is only made afterwards.
    promise.futureResult.whenComplete { _ in
      deadline.cancel()
      connected.whenSuccess { $0.close(promise: nil) }
    }
    do {
      let answer = try await withTaskCancellationHandler {
        try await promise.futureResult.get()
      } onCancel: {
        promise.fail(CancellationError())
      }
      return HTTPSResponse(
        status: answer.status, headers: answer.headers, body: answer.body,
        presentedChain: handshake.state.withLock { $0.presented })
    } catch {
      throw Self.explain(error, url, handshake.state.withLock { $0.refusal }, timeout)
    }
  }

  private func connect(
    _ request: HTTPSRequest, _ profile: EndpointProfile, _ handshake: Handshake,
    _ promise: EventLoopPromise<HTTPSExchangeHandler.Answer>
  ) -> EventLoopFuture<any Channel> {
    let loop = promise.futureResult.eventLoop
    let context: NIOSSLContext
    do { context = try NIOSSLContext(configuration: configuration(for: profile)) } catch {
      return loop.makeFailedFuture(error)
    }
    let callback = verification(for: profile, handshake)
    let host = request.url.host
    // Server Name Indication carries names, not addresses (RFC 6066 §3).
    let name = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    let bodyLimit = bodyLimit
    return ClientBootstrap(group: loop)
      .connectTimeout(TimeAmount(timeout))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          let tls =
            if let callback {
              try NIOSSLClientHandler(
                context: context, serverHostname: name, customVerificationCallbackWithMetadata: callback)
            } else {
              try NIOSSLClientHandler(context: context, serverHostname: name)
            }
          try pipeline.addHandler(tls)
          try pipeline.addHTTPClientHandlers()
          try pipeline.addHandler(HTTPSExchangeHandler(request, bodyLimit: bodyLimit, promise: promise))
        }
      }
      .connect(host: host, port: request.url.port)
  }

  private func configuration(for profile: EndpointProfile) -> TLSConfiguration {
    switch profile {
    case .web(let roots): FrameTLS.webClient(additionalRoots: roots, alpn: ["http/1.1"])
    case .spiffe, .firstUse: FrameTLS.client(alpn: ["http/1.1"])
    }
  }

  private func verification(for profile: EndpointProfile, _ handshake: Handshake) -> SPIFFEVerifier.NIOCallback? {
    switch profile {
    case .web: return nil
    case .spiffe(let bundles, let id):
      let verify = SPIFFEVerifier(bundles: bundles, clock: clock).nioCallback(expecting: .exactly(id)) { result in
        if case .refused(let refusal, _) = result { handshake.state.withLock { $0.refusal = refusal } }
      }
      return { certificates, promise in
        handshake.state.withLock { $0.presented = certificates.compactMap { try? Data($0.toDERBytes()) } }
        verify(certificates, promise)
      }
    case .firstUse:
      return { certificates, promise in
        handshake.state.withLock { $0.presented = certificates.compactMap { try? Data($0.toDERBytes()) } }
        // Nothing has been validated, and no chain is claimed to be: the caller gets what was presented.
        promise.succeed(.certificateVerified(VerificationMetadata(nil)))
      }
    }
  }

  private static func explain(
    _ error: any Error, _ url: EndpointURL, _ refusal: SPIFFERefusal?, _ timeout: Duration
  ) -> any Error {
    if let refusal { return FetchError.refused(url, refusal) }
    switch error {
    case is FetchError, is CancellationError: return error
    case ChannelError.connectTimeout: return FetchError.timeout(url, timeout)
    case is NIOConnectionError: return FetchError.connect(url, error.words)
    case ChannelError.eof, ChannelError.ioOnClosedChannel, NIOSSLError.uncleanShutdown:
      return FetchError.closed(url, "the connection was closed")
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return FetchError.handshake(url, error.words)
    case is HTTPParserError: return FetchError.closed(url, "it does not speak HTTP/1.1")
    default: return FetchError.closed(url, error.words)
    }
  }
}
