package import FrameEvents

/// An append-only RFC 6962 Merkle tree that can prove inclusion and consistency at every size it ever had.
///
/// `levels[l][i]` is the hash of the complete subtree of 2^l leaves that starts at leaf i * 2^l, so any subtree that a
/// proof names is at most one lookup per level: 64 bytes of memory a leaf, O(log n) hashes a proof.
package struct MerkleTree: Sendable {
  private var levels: [[MerkleHash]] = [[]]

  package init() {}

  package var size: UInt64 { UInt64(levels[0].count) }

  package mutating func append(_ leaf: MerkleHash) {
    levels[0].append(leaf)
    var level = 0
    while levels[level].count & 1 == 0 {
      let count = levels[level].count
      let parent = MerkleHash.node(levels[level][count - 2], levels[level][count - 1])
      level += 1
      if level == levels.count { levels.append([]) }
      levels[level].append(parent)
    }
  }

  package var leaves: [MerkleHash] { levels[0] }

  package func leaf(_ index: UInt64) -> MerkleHash { levels[0][Int(index)] }

  /// The root of the complete subtree of leaves `index * 2^level ..< (index + 1) * 2^level`, which must all be there.
  package func subtree(level: Int, index: UInt64) -> MerkleHash { levels[level][Int(index)] }

  /// The root of the tree of the first `size` leaves.
  package func root(at size: UInt64) -> MerkleHash {
    precondition(size <= self.size, "a root is asked for beyond the tree")
    return MerkleMath.root(at: size, node: subtree)
  }

  package var root: MerkleHash { root(at: size) }

  /// PATH(index, D[size]) of RFC 6962 §2.1.1, bottom up.
  package func inclusionProof(of index: UInt64, in size: UInt64) -> [MerkleHash] {
    precondition(size <= self.size, "an inclusion proof is asked for beyond the tree")
    return MerkleMath.inclusionProof(of: index, in: size, node: subtree)
  }

  /// PROOF(first, D[second]) of RFC 6962 §2.1.2. Empty when the sizes are equal or `first` is 0.
  package func consistencyProof(from first: UInt64, to second: UInt64) -> [MerkleHash] {
    precondition(second <= size, "a consistency proof is asked for beyond the tree")
    return MerkleMath.consistencyProof(from: first, to: second, node: subtree)
  }
}

/// The proofs of RFC 6962, made of the roots of complete subtrees, wherever those are kept.
enum MerkleMath {
  /// The root of the complete subtree of leaves `index * 2^level ..< (index + 1) * 2^level`.
  typealias Node = (_ level: Int, _ index: UInt64) throws -> MerkleHash

  /// The largest power of two below `count` (RFC 6962 §2.1). - Precondition: `count` is at least 2.
  static func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }

  static func root(at size: UInt64, node: Node) rethrows -> MerkleHash {
    size == 0 ? .empty : try subtree(0, Int(size), node)
  }

  static func inclusionProof(of index: UInt64, in size: UInt64, node: Node) rethrows -> [MerkleHash] {
    precondition(index < size, "an inclusion proof is asked for beyond the tree")
    var proof: [MerkleHash] = []
    let target = Int(index)
    var (low, high) = (0, Int(size))
    while high - low > 1 {
      let middle = low + split(high - low)
      if target < middle {
        proof.append(try subtree(middle, high, node))
        high = middle
      } else {
        proof.append(try subtree(low, middle, node))
        low = middle
      }
    }
    return proof.reversed()
  }

  static func consistencyProof(from first: UInt64, to second: UInt64, node: Node) rethrows -> [MerkleHash] {
    precondition(first <= second, "a consistency proof goes forward")
    guard first > 0, first < second else { return [] }
    var proof: [MerkleHash] = []
    var (low, high, rest) = (0, Int(second), Int(first))
    // Whether the part of the old tree that is left is still one of its own subtrees (its hash is then known).
    var whole = true
    while rest != high - low {
      let half = split(high - low)
      if rest <= half {
        proof.append(try subtree(low + half, high, node))
        high = low + half
      } else {
        proof.append(try subtree(low, low + half, node))
        low += half
        rest -= half
        whole = false
      }
    }
    if !whole { proof.append(try subtree(low, high, node)) }
    return proof.reversed()
  }

  /// MTH(D[low:high]). Complete aligned subtrees are looked up; only the ragged right edge is hashed.
  private static func subtree(_ low: Int, _ high: Int, _ node: Node) rethrows -> MerkleHash {
    let count = high - low
    if count & (count - 1) == 0, low & (count - 1) == 0 {
      let level = count.trailingZeroBitCount
      return try node(level, UInt64(low >> level))
    }
    let half = split(count)
    return .node(try subtree(low, low + half, node), try subtree(low + half, high, node))
  }
}

/// The right edge of a Merkle tree: enough to append and to know the root, 32 bytes a level. What an auditor keeps.
package struct MerkleFrontier: Sendable {
  /// Roots of the complete subtrees of the current size, largest first.
  private var peaks: [MerkleHash] = []
  package private(set) var size: UInt64 = 0

  package init() {}

  package mutating func append(_ leaf: MerkleHash) {
    var carry = leaf
    var bits = size
    while bits & 1 == 1 {
      carry = .node(peaks.removeLast(), carry)
      bits >>= 1
    }
    peaks.append(carry)
    size += 1
  }

  package var root: MerkleHash {
    guard var hash = peaks.last else { return .empty }
    for peak in peaks.dropLast().reversed() { hash = .node(peak, hash) }
    return hash
  }
}
