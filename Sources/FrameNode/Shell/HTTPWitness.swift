import AsyncHTTPClient
import Foundation
import FrameCore
import FramePeering
import FrameConfiguration
import FrameEvents
import NIOCore
import NIOFoundationCompat

/// A C2SP tlog-witness over HTTP, of the operator's choice.
struct HTTPWitness: CheckpointWitness {
  let name: String
  let key: CosignatureKey
  /// The operator named it to be asked.
  let isTrusted = true
  private let url: String
  private let client: HTTPClient

  /// More than signature lines or a size is no answer of a witness.
  static let answerBytesMax = 64 * 1024

  init(_ witness: NodeConfiguration.OutsideWitness, client: HTTPClient) {
    name = witness.key.name
    key = witness.key
    url = witness.url + "/add-checkpoint"
    self.client = client
  }

  /// - Throws: ``WitnessError/unavailable(witness:why:)``.
  func add(_ body: Data) async throws -> WitnessAnswer {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
    request.headers.add(name: "User-Agent", value: "frame/\(NodeVersion.text)")
    request.body = .bytes(ByteBuffer(data: body))
    do {
      let response = try await client.execute(request, timeout: .seconds(10))
      let answer = Data(buffer: try await response.body.collect(upTo: Self.answerBytesMax))
      guard let answer = WitnessAnswer(status: Int(response.status.code), body: answer) else {
        throw WitnessError.unavailable(witness: name, why: "it answered \(response.status.code)")
      }
      return answer
    } catch let error as WitnessError {
      throw error
    } catch {
      throw WitnessError.unavailable(witness: name, why: error.words)
    }
  }
}
