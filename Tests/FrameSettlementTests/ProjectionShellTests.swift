import FrameCore
import FrameEvents
@testable import FrameProjection
import FrameProtos
import FrameSettlement
import Synchronization
import Testing

@Suite("SF-4: streams and their bounds")
struct ProjectionShellTests {
  @Test("the buffer gives everything in order, takes no more than its limit, and ends")
  func buffer() async {
    let buffer = ItemBuffer<Int>(limit: 3)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for number in 0..<100 { #expect(await buffer.put(number)) }
        buffer.finish()
        #expect(await buffer.put(100) == false)
      }
      var taken: [Int] = []
      while let items = await buffer.takeAll() {
        #expect(items.count <= 3)
        taken += items
      }
      #expect(taken == Array(0..<100))
    }
  }

  @Test("a minute's sum forgets what is older, saturates, and is the same after a replay")
  func window() {
    var window = SlidingWindow()
    let start = SimFixture.start
    window.add(5, at: start)
    window.add(7, at: start + .seconds(30))
    #expect(window.sum(at: start + .seconds(59)) == 12)
    #expect(window.sum(at: start + .seconds(62)) == 7)
    #expect(window.sum(at: start + .seconds(200)) == 0)
    window.add(.max, at: start + .seconds(31))
    #expect(window.sum(at: start + .seconds(32)) == .max)
    for second in 0..<10_000 { window.add(1, at: start + .seconds(100 + second)) }
    #expect(window.sum(at: start + .seconds(10_099)) <= 61)
  }

  /// A frame whose log has three events for its peer.
  private func sender() async throws -> (a: LoopbackNode, b: LoopbackNode) {
    let a = try LoopbackNode("frame-a.example", code: "AVT")
    let b = try LoopbackNode("frame-b.example", code: "BVT")
    try await a.found(peers: [b])
    try await b.found(peers: [a])
    let coordinator = a.coordinator(LoopbackPeers(from: a, to: b))
    for index in 0..<3 {
      _ = try await coordinator.transfer(
        TransferRequest(
          from: SimFixture.agent("alice"), to: AgentAddress(name: SimFixture.agent("bob"), frame: b.frame),
          amount: Amount(minorUnits: 1), memo: ""), backend: .async, key: IdempotencyKey(derived: "k\(index)"),
        actor: .agent(SimFixture.agent("alice"), of: a.frame))
    }
    return (a, b)
  }

  @Test("a stream opens with a signed head, then sends every event after the cursor in order, attested")
  func stream() async throws {
    let (a, b) = try await sender()
    struct Enough: Error {}
    let received = Mutex<[PBProjectionMessage]>([])
    await #expect(throws: Enough.self) {
      try await a.projectionServer.subscribe(after: 1, peer: b.frame) { message in
        let count = received.withLock { messages in
          messages.append(message)
          return messages.count
        }
        if count == 3 { throw Enough() }
      }
    }
    let messages = received.withLock { $0 }
    #expect(messages[0].head.sequence == 3)
    let checkpoint = try AttestationVerifier.verify(
      checkpoint: messages[0].head.checkpoint, key: a.signer.verifierKey)
    #expect(checkpoint.size == a.writer.durableSize())
    #expect(messages[1...].map(\.item.sequence) == [2, 3])
    for message in messages[1...] {
      let event = try AttestedEvent(
        unseen: message.item.attestation, from: a.frame, key: a.signer.verifierKey)
      #expect(event.event.event.eventType == .crossFrameTransferInitiated)
    }
    await a.close()
    await b.close()
  }

  @Test("a cursor beyond the stream's end is refused: one of the two logs is not what it was")
  func cursorAhead() async throws {
    let (a, b) = try await sender()
    await #expect(throws: ProjectionError.cursorAhead(peer: b.frame, head: 3, asked: 4)) {
      try await a.projectionServer.subscribe(after: 4, peer: b.frame) { _ in }
    }
    await a.close()
    await b.close()
  }

  @Test("B21: a peer has one stream: a newer one takes the older one's place")
  func oneStream() async throws {
    let (a, b) = try await sender()
    let (opened, open) = AsyncStream.makeStream(of: Void.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await #expect(throws: ProjectionError.replaced(peer: b.frame)) {
          try await a.projectionServer.subscribe(after: 3, peer: b.frame) { _ in open.yield() }
        }
      }
      for await _ in opened { break }
      group.addTask {
        // Its own end is the end of the test.
        try? await a.projectionServer.subscribe(after: 3, peer: b.frame) { _ in open.yield() }
      }
      for await _ in opened { break }
      _ = try? await a.settlement.submit(
        .initiate(
          TransferTerms(
            id: "wake", from: AgentAddress(name: SimFixture.agent("alice"), frame: a.frame),
            to: AgentAddress(name: SimFixture.agent("bob"), frame: b.frame), asset: a.native,
            amount: Amount(minorUnits: 1), memo: "")), actor: .agent(SimFixture.agent("alice"), of: a.frame),
        key: IdempotencyKey(derived: "wake"))
      await group.next()
      group.cancelAll()
    }
    await a.close()
    await b.close()
  }
}
