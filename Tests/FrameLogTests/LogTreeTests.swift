import Foundation
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct LogTreeTests {
  private func leaves(_ count: Int) -> [MerkleHash] { (0..<count).map { .leaf(Data("event \($0)".utf8)) } }

  @Test(
    "L1: a tree that keeps block roots gives the roots and proofs of one that keeps everything",
    arguments: [0, 256, 512])
  func sameAsWhole(restored: Int) throws {
    let all = leaves(1_100)
    let read: LogTree.Leaves = { Array(all[Int($0.lowerBound)..<Int($0.upperBound)]) }
    var whole = MerkleTree()
    var tree = LogTree()
    for leaf in all.prefix(restored) { tree.append(leaf) }
    tree = LogTree(blocks: tree.blocks)
    for leaf in all.prefix(restored) { whole.append(leaf) }
    for leaf in all.dropFirst(restored) {
      whole.append(leaf)
      tree.append(leaf)
      #expect(tree.size == whole.size)
      #expect(tree.root == whole.root)
    }
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 768, 1_000, 1_024, 1_100] as [UInt64] {
      #expect(try tree.root(at: size, read) == whole.root(at: size))
      for index in stride(from: UInt64(0), to: size, by: 97) {
        #expect(try tree.inclusionProof(of: index, in: size, read) == whole.inclusionProof(of: index, in: size))
      }
      for first in stride(from: UInt64(0), through: size, by: 113) {
        #expect(try tree.consistencyProof(from: first, to: size, read) == whole.consistencyProof(from: first, to: size))
      }
    }
  }

  @Test("L7: a leaf that is read back and is not the one that was hashed is found out")
  func changed() throws {
    var all = leaves(600)
    var tree = LogTree()
    for leaf in all { tree.append(leaf) }
    tree = LogTree(blocks: tree.blocks)
    let sound = try tree.inclusionProof(of: 300, in: 512) { Array(all[Int($0.lowerBound)..<Int($0.upperBound)]) }
    #expect(sound.count == 9)
    all[3] = .leaf(Data("another".utf8))
    let changed = all
    #expect(throws: LogError.self) {
      try tree.inclusionProof(of: 9, in: 512) { Array(changed[Int($0.lowerBound)..<Int($0.upperBound)]) }
    }
  }

  @Test("what a tree keeps in memory does not grow with the blocks that were asked for")
  func bounded() throws {
    let count: UInt64 = 256 * 200
    var tree = LogTree()
    for index in 0..<count { tree.append(.leaf(Data("\(index)".utf8))) }
    var reads = 0
    for block in UInt64(0)..<200 {
      _ = try tree.node(level: 0, index: block * 256) { positions in
        reads += 1
        return positions.map { .leaf(Data("\($0)".utf8)) }
      }
    }
    #expect(reads >= 136, "at most 64 blocks were still at hand")
  }
}
