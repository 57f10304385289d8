import FrameCore
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import SPIFFEWorkloadAPI

/// What an agent says on the streams that the node listens to.
enum UpstreamMessage: Sendable {
  /// The full state of the node's X.509-SVIDs, each time.
  case x509(WLX509SVIDResponse)
  /// The full state of the JWT keys, each time.
  case jwt(WLJWTBundlesResponse)
  /// The agent does not serve JWT keys.
  case noJWT
}

/// An agent of an authority elsewhere, as the node reaches it.
protocol UpstreamAgent: Sendable {
  /// Connects, listens to all streams, and returns or throws when one of them has ended.
  /// - Parameter receive: called with every message; must not block.
  func listen(_ receive: @escaping @Sendable (UpstreamMessage) -> Void) async throws
}

/// The SPIFFE Workload API of an agent on a unix socket (spiffe/spiffe, standards/SPIFFE_Workload_API.md).
struct WorkloadAPIAgent: UpstreamAgent {
  /// Absolute path of the socket.
  let path: String

  func listen(_ receive: @escaping @Sendable (UpstreamMessage) -> Void) async throws {
    var config = HTTP2ClientTransport.Posix.Config.defaults
    // What gRPC clients name when there is no host; the default would be the path, which not every server takes.
    config.http2.authority = "localhost"
    config.channelDebuggingCallbacks.onCreateHTTP2Stream = { CallTag.add(nil, to: $0) }
    let metadata: Metadata = ["\(WorkloadService.securityHeader)": "true"]
    let transport = try HTTP2ClientTransport.Posix(
      target: .unixDomainSocket(path: path), transportSecurity: .plaintext, config: config)
    try await withGRPCClient(transport: transport) { client in
      let api = WLSpiffeWorkloadAPI.Client(wrapping: client)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await api.fetchX509SVID(.init(), metadata: metadata) { response in
            for try await message in response.messages { receive(.x509(message)) }
          }
        }
        group.addTask {
          do {
            try await api.fetchJWTBundles(.init(), metadata: metadata) { response in
              for try await message in response.messages { receive(.jwt(message)) }
            }
          } catch let error as RPCError where error.code == .unimplemented {
            receive(.noJWT)
            // The other stream decides how long this goes on.
            while true { try await Task.sleep(for: .seconds(3600)) }
          }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }
}
