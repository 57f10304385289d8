import Foundation
import FrameCore
import FrameIdentity
import GRPCCore
import SPIFFEWorkloadAPI
import SwiftProtobuf

/// The SPIFFE Workload API (spiffe/spiffe, standards/SPIFFE_Workload_API.md; CONFORMANCE S9, S11, S15): who asks is told by
/// the kernel, what they get by the registration entries. Each message of a stream is the full state.
struct WorkloadService: WLSpiffeWorkloadAPI.ServiceProtocol {
  let hub: WorkloadHub
  let connections: LocalConnections
  let clock: any FrameClock
  let metrics: WorkloadMetrics

  static let securityHeader = "workload.spiffe.io"
  static let audiencesMax = 16

  // MARK: X.509

  func fetchX509SVID(
    request: ServerRequest<WLX509SVIDRequest>, context: ServerContext
  ) async throws -> StreamingServerResponse<WLX509SVIDResponse> {
    stream(.fetchX509SVID, request.metadata, context) { try svids(of: $0) }
  }

  func fetchX509Bundles(
    request: ServerRequest<WLX509BundlesRequest>, context: ServerContext
  ) async throws -> StreamingServerResponse<WLX509BundlesResponse> {
    stream(.fetchX509Bundles, request.metadata, context) { entries in
      _ = try require(entries)
      var message = WLX509BundlesResponse()
      for bundle in [hub.own] + hub.federated { message.bundles[Self.name(bundle)] = try Self.der(bundle) }
      return message
    }
  }

  private func svids(of entries: [RegistrationEntry]) throws -> WLX509SVIDResponse {
    var message = WLX509SVIDResponse()
    let bundle = try Self.der(hub.own)
    for entry in try require(entries) {
      let svid = try hub.svid(of: entry)
      var item = WLX509SVID()
      item.spiffeID = svid.id.description
      item.x509Svid = try svid.chainDER().reduce(into: Data()) { $0 += $1 }
      item.x509SvidKey = try svid.pkcs8
      item.bundle = bundle
      item.hint = entry.hint
      message.svids.append(item)
    }
    for bundle in hub.federated { message.federatedBundles[Self.name(bundle)] = try Self.der(bundle) }
    return message
  }

  // MARK: JWT

  func fetchJWTSVID(
    request: ServerRequest<WLJWTSVIDRequest>, context: ServerContext
  ) async throws -> ServerResponse<WLJWTSVIDResponse> {
    ServerResponse(
      message: try await unary(.fetchJWTSVID, request.metadata) { entries in
        let audience = request.message.audience
        guard (1...Self.audiencesMax).contains(audience.count), audience.allSatisfy({ !$0.isEmpty }) else {
          throw RPCError(code: .invalidArgument, message: "audience must be 1 to \(Self.audiencesMax) names")
        }
        var wanted = try require(entries)
        if !request.message.spiffeID.isEmpty {
          guard let id = try? SPIFFEID(request.message.spiffeID) else {
            throw RPCError(code: .invalidArgument, message: "spiffe_id is not a SPIFFE ID")
          }
          wanted = try require(wanted.filter { $0.spiffeID == id })
        }
        var message = WLJWTSVIDResponse()
        for entry in wanted {
          let token = try await hub.token(for: entry, audience: audience)
          message.svids.append(
            .with {
              $0.spiffeID = token.id.description
              $0.svid = token.token
              $0.hint = entry.hint
            })
        }
        return message
      })
  }

  func fetchJWTBundles(
    request: ServerRequest<WLJWTBundlesRequest>, context: ServerContext
  ) async throws -> StreamingServerResponse<WLJWTBundlesResponse> {
    stream(.fetchJWTBundles, request.metadata, context) { entries in
      _ = try require(entries)
      var message = WLJWTBundlesResponse()
      for bundle in [hub.own] + hub.federated { message.bundles[Self.name(bundle)] = try bundle.jwtDocument() }
      return message
    }
  }

  func validateJWTSVID(
    request: ServerRequest<WLValidateJWTSVIDRequest>, context: ServerContext
  ) async throws -> ServerResponse<WLValidateJWTSVIDResponse> {
    ServerResponse(
      message: try await unary(.validateJWTSVID, request.metadata) { entries in
        _ = try require(entries)
        let (audience, token) = (request.message.audience, request.message.svid)
        guard !audience.isEmpty else { throw RPCError(code: .invalidArgument, message: "audience is missing") }
        guard !token.isEmpty else { throw RPCError(code: .invalidArgument, message: "svid is missing") }
        let verifier = JWTSVIDVerifier(bundles: hub, audiences: [audience], clock: clock)
        let svid: JWTSVID
        do { svid = try await verifier.verify(token) } catch let error as any FrameError {
          throw RPCError(code: .invalidArgument, message: error.message)
        }
        return try .with {
          $0.spiffeID = svid.id.description
          $0.claims = try Google_Protobuf_Struct(jsonUTF8Data: try svid.claimsJSON())
        }
      })
  }

  // MARK: Who asks

  private typealias Method = WorkloadMetrics.Method

  /// - Throws: `RPCError` invalidArgument for missing or doubled metadata, unavailable before the hub runs.
  private func caller(_ metadata: Metadata) throws -> LocalCaller {
    let security = Array(metadata[stringValues: Self.securityHeader])
    guard security == ["true"] else {
      throw RPCError(code: .invalidArgument, message: "security header missing from request")
    }
    guard hub.isReady else { throw RPCError(code: .unavailable, message: "the frame is not ready") }
    let numbers = Array(metadata[stringValues: CallTag.name])
    guard numbers.count == 1, let number = UInt64(numbers[0]), let caller = connections.caller(number) else {
      throw RPCError(code: .unavailable, message: "the caller's process is not known")
    }
    return caller
  }

  /// What the caller gets is looked up anew each time: it may run another program now.
  private func entries(of caller: LocalCaller) async -> [RegistrationEntry] {
    let facts = await caller.facts()
    if let refusal = facts.refusal { metrics.pathUntold(refusal) }
    return hub.entries(for: facts.selectors)
  }

  private func require(_ entries: [RegistrationEntry]) throws -> [RegistrationEntry] {
    guard !entries.isEmpty else { throw RPCError(code: .permissionDenied, message: "no identity issued") }
    return entries
  }

  private func unary<Message: Sendable>(
    _ method: Method, _ metadata: Metadata, _ make: ([RegistrationEntry]) async throws -> Message
  ) async throws -> Message {
    do {
      let caller = try caller(metadata)
      let message = try await make(await entries(of: caller))
      metrics.answered(method, .ok)
      return message
    } catch {
      throw refused(method, error)
    }
  }

  /// A stream that sends its message at once, and again whenever it is another, until the caller has no identity any more.
  private func stream<Message: Sendable & Equatable>(
    _ method: Method, _ metadata: Metadata, _ context: ServerContext,
    _ make: @escaping @Sendable ([RegistrationEntry]) throws -> Message
  ) -> StreamingServerResponse<Message> {
    StreamingServerResponse { writer in
      let open = metrics.streams(method)
      open.increment()
      defer { open.decrement() }
      do {
        let caller = try caller(metadata)
        let watch = hub.watch()
        defer { watch.end() }
        // gRPC tells through its own handle that the caller has gone, not through the task.
        try await withRPCCancellationHandler {
          var last: Message?
          for await _ in watch.changes {
            let message = try make(await entries(of: caller))
            guard message != last else { continue }
            try await writer.write(message)
            metrics.sent(method)
            last = message
          }
        } onCancelRPC: {
          watch.end()
        }
        guard Task.isCancelled || context.cancellation.isCancelled else {
          // The node stops: clients come back when it is there again.
          throw RPCError(code: .unavailable, message: "the frame stops")
        }
        throw CancellationError()
      } catch {
        // A write to a caller that has gone fails in its own way.
        throw refused(method, context.cancellation.isCancelled ? CancellationError() : error)
      }
    }
  }

  private func refused(_ method: Method, _ error: any Error) -> any Error {
    let mapped: RPCError
    switch error {
    case let error as RPCError: mapped = error
    case is CancellationError: mapped = RPCError(code: .cancelled, message: "cancelled")
    case let error as any FrameError:
      mapped = RPCError(code: error.kind == .unavailable ? .unavailable : .internalError, message: error.message)
    default: mapped = RPCError(code: .internalError, message: "the answer could not be made")
    }
    metrics.answered(method, mapped.code.status)
    return mapped
  }

  // MARK: Bytes

  private static func name(_ bundle: SPIFFEBundle) -> String { SPIFFEID.trustDomain(bundle.trustDomain).description }

  private static func der(_ bundle: SPIFFEBundle) throws -> Data {
    try bundle.x509Authorities.reduce(into: Data()) { $0 += try $1.der() }
  }
}

extension RPCError.Code {
  fileprivate var status: Status.Code { Status.Code(self) }
}
