package import Foundation

/// Verification of RFC 6962 proofs (algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2).
package enum MerkleProof {
  /// The longest proof a 64-bit tree can need; anything longer is refused before it is hashed.
  package static let maximumLength = 64
  /// The same for a proof that two trees are of one history.
  package static let maximumConsistencyLength = maximumLength + 1

  /// The one reader of proofs that come from outside: their length is bounded before anything else is looked at.
  /// - Returns: nil when it is no proof: too long, or a hash that is none.
  package static func hashes(_ proof: [Data], atMost limit: Int) -> [MerkleHash]? {
    guard proof.count <= limit else { return nil }
    let hashes = proof.compactMap(MerkleHash.init)
    return hashes.count == proof.count ? hashes : nil
  }

  /// The root that an inclusion proof leads to.
  /// - Returns: nil when the proof has the wrong length for the index and size.
  package static func root(
    leaf: MerkleHash, index: UInt64, size: UInt64, proof: [MerkleHash]
  ) -> MerkleHash? {
    guard index < size, proof.count <= maximumLength else { return nil }
    var (node, last) = (index, size - 1)
    var hash = leaf
    for sibling in proof {
      guard last > 0 else { return nil }
      if node & 1 == 1 || node == last {
        hash = .node(sibling, hash)
        while node & 1 == 0, node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        hash = .node(hash, sibling)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 ? hash : nil
  }

  /// Whether the tree of `first` leaves with `firstRoot` is a prefix of the tree of `second` leaves with `secondRoot`.
  package static func isConsistent(
    first: UInt64, firstRoot: MerkleHash, second: UInt64, secondRoot: MerkleHash, proof: [MerkleHash]
  ) -> Bool {
    guard first <= second, proof.count <= maximumConsistencyLength else { return false }
    if first == second { return proof.isEmpty && firstRoot == secondRoot }
    if first == 0 { return proof.isEmpty && firstRoot == .empty }
    var path = proof[...]
    if first & (first - 1) == 0 { path = ([firstRoot] + proof)[...] }
    guard let seed = path.popFirst() else { return false }
    var (node, last) = (first - 1, second - 1)
    while node & 1 == 1 {
      node >>= 1
      last >>= 1
    }
    var (old, new) = (seed, seed)
    for sibling in path {
      guard last > 0 else { return false }
      if node & 1 == 1 || node == last {
        old = .node(sibling, old)
        new = .node(sibling, new)
        while node & 1 == 0, node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        new = .node(new, sibling)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && old == firstRoot && new == secondRoot
  }
}
