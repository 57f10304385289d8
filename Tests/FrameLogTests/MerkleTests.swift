import Foundation
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct MerkleTests {
  /// The leaves, roots and proofs of certificate-transparency's own tests.
  static let leaves: [[UInt8]] = [
    [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
    [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57], Array(0x60...0x6f),
  ]
  static let roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]

  static func tree(_ leaves: [[UInt8]] = leaves) -> MerkleTree {
    var tree = MerkleTree()
    for leaf in leaves { tree.append(.leaf(Data(leaf))) }
    return tree
  }

  @Test("L1: the empty root is the one of the specification")
  func emptyRoot() {
    #expect(MerkleTree().root.data.base64EncodedString() == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    #expect(MerkleFrontier().root == .empty)
  }

  @Test("L1: the leaf of the empty string is the one of the specification")
  func emptyLeaf() {
    #expect(MerkleHash.leaf(Data()).hex == Self.roots[0])
  }

  @Test("L1: the roots of the known tree are those of certificate-transparency", arguments: 1...8)
  func knownRoots(size: Int) {
    #expect(Self.tree().root(at: UInt64(size)).hex == Self.roots[size - 1])
    var frontier = MerkleFrontier()
    for leaf in Self.leaves.prefix(size) { frontier.append(.leaf(Data(leaf))) }
    #expect(frontier.root.hex == Self.roots[size - 1])
  }

  @Test("L1: an inclusion proof of the known tree is the published one")
  func knownInclusion() {
    #expect(
      Self.tree().inclusionProof(of: 0, in: 8).map(\.hex) == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
      ])
    #expect(
      Self.tree().inclusionProof(of: 5, in: 8).map(\.hex) == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
  }

  @Test("L1: a consistency proof of the known tree is the published one")
  func knownConsistency() {
    #expect(
      Self.tree().consistencyProof(from: 6, to: 8).map(\.hex) == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
    #expect(
      Self.tree().consistencyProof(from: 2, to: 5).map(\.hex) == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      ])
  }

  /// MTH exactly as RFC 6962 §2.1 writes it.
  private static func naiveRoot(_ leaves: ArraySlice<Data>) -> MerkleHash {
    guard leaves.count > 1 else { return leaves.first.map { .leaf($0) } ?? .empty }
    var half = 1
    while half * 2 < leaves.count { half *= 2 }
    let middle = leaves.startIndex + half
    return .node(naiveRoot(leaves[..<middle]), naiveRoot(leaves[middle...]))
  }

  @Test("L1: every proof of every size up to 70 verifies, against a root computed by the definition")
  func allProofs() {
    let leaves = (0..<70).map { Data("leaf \($0)".utf8) }
    var tree = MerkleTree()
    var frontier = MerkleFrontier()
    for (count, leaf) in leaves.enumerated() {
      tree.append(.leaf(leaf))
      frontier.append(.leaf(leaf))
      let size = UInt64(count + 1)
      let root = tree.root(at: size)
      #expect(root == Self.naiveRoot(leaves[...count]))
      #expect(frontier.root == root)
      for index in 0..<size {
        let proof = tree.inclusionProof(of: index, in: size)
        #expect(MerkleProof.root(leaf: tree.leaf(index), index: index, size: size, proof: proof) == root)
        // The same proof is worth nothing for another leaf, another position or another size.
        #expect(MerkleProof.root(leaf: .empty, index: index, size: size, proof: proof) != root)
        #expect(MerkleProof.root(leaf: tree.leaf(index), index: index, size: size, proof: proof + [.empty]) == nil)
        if !proof.isEmpty {
          #expect(MerkleProof.root(leaf: tree.leaf(index), index: index, size: size, proof: proof.dropLast()) == nil)
          #expect(MerkleProof.root(leaf: tree.leaf(index), index: index ^ 1, size: size, proof: proof) != root)
        }
      }
      for first in 0...size {
        let proof = tree.consistencyProof(from: first, to: size)
        let old = tree.root(at: first)
        #expect(
          MerkleProof.isConsistent(first: first, firstRoot: old, second: size, secondRoot: root, proof: proof))
        if first > 0, first < size {
          #expect(
            !MerkleProof.isConsistent(first: first, firstRoot: root, second: size, secondRoot: root, proof: proof))
          #expect(
            !MerkleProof.isConsistent(first: first, firstRoot: old, second: size, secondRoot: old, proof: proof))
          #expect(
            !MerkleProof.isConsistent(
              first: first, firstRoot: old, second: size, secondRoot: root, proof: proof + [.empty]))
        }
      }
    }
  }

  @Test("B13: an inner node does not pass for a leaf")
  func domains() {
    let tree = Self.tree()
    // The concatenation of two leaf hashes, offered as a leaf of the tree of half the size.
    let forged = tree.leaf(0).data + tree.leaf(1).data
    #expect(MerkleHash.leaf(forged) != MerkleHash.node(tree.leaf(0), tree.leaf(1)))
  }

  @Test("B10: an index beyond the size, or a size of zero, proves nothing")
  func zero() {
    #expect(MerkleProof.root(leaf: .empty, index: 0, size: 0, proof: []) == nil)
    #expect(MerkleProof.root(leaf: .empty, index: 3, size: 3, proof: []) == nil)
    #expect(
      MerkleProof.root(leaf: .empty, index: 0, size: .max, proof: Array(repeating: .empty, count: 65)) == nil)
  }
}
