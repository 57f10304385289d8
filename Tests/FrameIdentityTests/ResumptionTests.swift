import Foundation
import FrameCore
import Testing
import X509

@testable import FrameIdentity

private let openssl = "/usr/bin/openssl"

/// NIOSSL's own client never resumes a session, so this takes another TLS implementation.
@Suite(
  "TLS session resumption", .serialized, .timeLimit(.minutes(5)),
  .enabled(if: FileManager.default.isExecutableFile(atPath: openssl)))
struct ResumptionTests {
  @Test(
    "a resumed session is not verified again and has no validated chain: a server that demands one refuses it",
    arguments: ["-tls1_2", "-tls1_3"])
  func resumedSession(_ version: String) async throws {
    let clock = SystemClock()
    let a = try HandshakeTests.Side(Frames.a, clock: clock)
    let b = try HandshakeTests.Side(Frames.b, clock: clock)
    b.bundles.set(a.authority.bundle)
    let server = try await EchoServer(FrameTLS.mutualServer(b.source, alpn: []), verify: b.verifier)
    let folder = try TemporaryFolder()
    let svid = a.source.current
    let identity = try svid.chain[0].serializeAsPEM().pemString + "\n" + svid.privateKey.pemRepresentation + "\n"
    try Data(identity.utf8).write(to: URL(fileURLWithPath: folder.path + "/svid.pem"))
    let ticket = folder.path + "/ticket"
    try await connect(server.port, folder, [version, "-sess_out", ticket])
    #expect(server.results.accepted == [.node(of: Frames.a)])
    #expect(server.chains.all == [2])
    try await connect(server.port, folder, [version, "-sess_in", ticket])
    // Only the first handshake reached the verifier; the second brought nothing that a server could trust.
    #expect(server.results.accepted.count == 1)
    #expect(server.chains.all == [2, nil])
    await server.stop()
  }

  /// Says `hello` with openssl's client and returns once it has come back.
  private func connect(_ port: Int, _ folder: TemporaryFolder, _ arguments: [String]) async throws {
    let client = Process()
    client.executableURL = URL(fileURLWithPath: openssl)
    let identity = folder.path + "/svid.pem"
    client.arguments =
      ["s_client", "-quiet", "-no_ign_eof", "-connect", "127.0.0.1:\(port)", "-cert", identity, "-key", identity]
      + arguments
    let (input, output) = (Pipe(), Pipe())
    (client.standardInput, client.standardOutput, client.standardError) = (input, output, FileHandle.nullDevice)
    let (ended, end) = AsyncStream<Void>.makeStream()
    client.terminationHandler = { _ in end.finish() }
    try client.run()
    input.fileHandleForWriting.write(Data("hello".utf8))
    let echoed = await withCheckedContinuation { (continuation: CheckedContinuation<Data, Never>) in
      DispatchQueue.global().async { continuation.resume(returning: output.fileHandleForReading.availableData) }
    }
    #expect(echoed == Data("hello".utf8))
    // The end of its input ends it; a signal might not, as the child inherits our blocked ones.
    try input.fileHandleForWriting.close()
    for await _ in ended {}
  }
}
