import FrameCore
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("What one caller may use at once")
struct CallerSharesTests {
  private static func agent(_ name: String) throws -> Caller {
    let agent = try AgentName(name)
    return .agent(agent, .agent(agent, of: try FrameID("frame-a.example")))
  }

  private func code(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch { return (error as? any FrameError)?.code }
  }

  @Test("a caller that has used up its share is told so; others, and the authority, are served meanwhile")
  func share() async throws {
    let shares = CallerShares(max: 3)
    let (alice, bob) = (try Self.agent("alice"), try Self.agent("bob"))
    let authority = Caller.authority(.authority(of: try FrameID("frame-a.example")))
    try await shares.run(alice, cost: 1) {
      try await shares.run(alice, cost: 2) {
        #expect(await code { try await shares.run(alice, cost: 1) {} } == "too_many_requests")
        #expect(await code { try await shares.run(bob, cost: 3) {} } == nil)
        #expect(await code { try await shares.run(authority, cost: 99) {} } == nil)
        #expect(await code { try await shares.run(.anonymous, cost: 99) {} } == nil)
      }
      #expect(await code { try await shares.run(alice, cost: 2) {} } == nil, "what has ended is given back")
    }
    #expect(await code { try await shares.run(alice, cost: 99) {} } == nil, "alone it may be as large as it is")
  }
}
