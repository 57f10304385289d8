import Foundation
import FrameCore
import Testing

@Suite("Simulation of frames under loss, duplication, reordering, delay and crashes")
struct SimulationTests {
  /// Fixed seeds for every run, and one that is new each time and printed.
  static let seeds: [UInt64] = [1, 2, 3, 5, 8, 13, 1_984_696_764, UInt64.random(in: 1_000...UInt64(UInt32.max))]

  private func run(_ frames: [SimFrame], seed: UInt64, steps: Int, faults: SimWorld.Faults = .init()) throws {
    print("simulation seed \(seed), \(frames.count) frames")
    var world = SimWorld(frames, seed: seed, faults: faults)
    for step in 0..<steps {
      try world.step()
      if step % 10 == 0 { world.checkInvariants("seed \(seed) step \(step)") }
    }
    world.checkInvariants("seed \(seed) before rest")
    try world.settle()
    world.checkRest("seed \(seed) at rest")
    for frame in world.frames { #expect(frame.log.count > 100, "the run did something, seed \(seed)") }
  }

  @Test("B1-B8: two frames conserve money at every step and agree at rest", arguments: seeds)
  func twoFrames(seed: UInt64) throws {
    let (a, b) = try SimFixture.pair()
    try run([a, b], seed: seed, steps: 3_000)
  }

  @Test("B1-B8, B18: three frames of different scales conserve money and agree at rest", arguments: seeds)
  func threeFrames(seed: UInt64) throws {
    var (a, b) = try SimFixture.pair()
    var c = try SimFixture.frame("frame-c.example", code: "CVT", scale: 4)
    try SimFixture.federate(&a, &c)
    try SimFixture.federate(&b, &c)
    try run([a, b, c], seed: seed, steps: 3_000)
  }

  @Test(
    "B1-B8: frames that lose their logs and come back with others act on nothing old, and their books are closed by decisions",
    arguments: seeds)
  func rebuilt(seed: UInt64) throws {
    print("simulation of rebuilt frames, seed \(seed)")
    let (a, b) = try SimFixture.pair()
    var world = SimWorld([a, b], seed: seed, faults: .init(rebuildPermille: 3))
    // Logs are lost again while what came of the loss before is still coming home.
    for (half, keeping) in [60, 0].enumerated() {
      for step in 0..<1_000 {
        try world.step()
        if step % 10 == 0 { world.checkInvariants("seed \(seed) half \(half) step \(step)") }
      }
      try world.redeemAll(at: 1)
      try world.rebuild(0)
      try world.settle()
      world.checkInvariants("seed \(seed) half \(half) before the decisions")
      try world.decideFormerLogs(keeping: keeping)
    }
    #expect(world.rebuilds > 1)
    world.checkRest("seed \(seed) at rest")
    print("simulation of rebuilt frames, seed \(seed): \(world.comeHome) redemptions came home")
    for frame in world.frames {
      #expect(frame.state.bridge.toReturn.isEmpty)
      for (log, former) in frame.state.federation.logs.former {
        #expect(!former.state.isOpen, "\(log)")
        #expect(frame.balance(.clearing(of: log)) == 0 && frame.balance(.bridgeReserve(of: log)) == 0, "\(log)")
      }
    }
  }

  @Test("B4: a network that loses nearly everything loses no money", arguments: [21, 34] as [UInt64])
  func badNetwork(seed: UInt64) throws {
    let (a, b) = try SimFixture.pair()
    let faults = SimWorld.Faults(lossPercent: 85, duplicatePercent: 40, crashPercent: 8)
    try run([a, b], seed: seed, steps: 2_500, faults: faults)
  }
}
