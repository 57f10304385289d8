internal import FrameEvents

/// A log's Merkle tree with one hash in memory for every 256 leaves, instead of every hash there is.
///
/// A block is 256 leaves, as in a full tile. Of complete blocks the roots are kept, and the tree above them; what is below
/// is made again from the stored events when a proof asks for it, and must give the root that is kept: whatever is proved was
/// just read back. The newest, incomplete block is kept whole, and so are a few that were used last.
struct LogTree: Sendable {
  static let blockLeaves = UInt64(Tile.fullWidth)
  private static let blockLevel = Tile.fullWidth.trailingZeroBitCount
  /// 16 KiB each.
  private static let cachedBlocks = 64

  /// Gives the leaf hashes of the stored events at these positions.
  typealias Leaves = (Range<UInt64>) throws -> [MerkleHash]

  /// Its leaves are the blocks' roots.
  private var upper = MerkleTree()
  private var edge = MerkleTree()
  private var cache: [UInt64: MerkleTree] = [:]
  /// Oldest use first.
  private var uses: [UInt64] = []

  init() {}

  /// A tree of complete blocks only.
  init(blocks: some Sequence<MerkleHash>) {
    for root in blocks { upper.append(root) }
  }

  var size: UInt64 { upper.size * Self.blockLeaves + edge.size }

  /// The roots of all complete blocks.
  var blocks: [MerkleHash] { upper.leaves }

  mutating func append(_ leaf: MerkleHash) {
    edge.append(leaf)
    guard edge.size == Self.blockLeaves else { return }
    keep(edge, as: upper.size)
    upper.append(edge.root)
    edge = MerkleTree()
  }

  /// - Throws: what `leaves` throws; `LogError.damagedLog` when they are not the ones that were hashed.
  mutating func root(at size: UInt64, _ leaves: Leaves) throws -> MerkleHash {
    precondition(size <= self.size, "a root is asked for beyond the tree")
    return try MerkleMath.root(at: size) { try node(level: $0, index: $1, leaves) }
  }

  /// The root of all leaves: nothing needs to be read for it.
  var root: MerkleHash {
    MerkleMath.root(at: size) { level, index in
      level >= Self.blockLevel
        ? upper.subtree(level: level - Self.blockLevel, index: index)
        : edge.subtree(level: level, index: index - upper.size << UInt64(Self.blockLevel - level))
    }
  }

  /// PATH(index, D[size]) of RFC 6962 §2.1.1, bottom up.
  /// - Throws: as ``root(at:_:)``.
  mutating func inclusionProof(of index: UInt64, in size: UInt64, _ leaves: Leaves) throws -> [MerkleHash] {
    precondition(size <= self.size, "an inclusion proof is asked for beyond the tree")
    return try MerkleMath.inclusionProof(of: index, in: size) { try node(level: $0, index: $1, leaves) }
  }

  /// PROOF(first, D[second]) of RFC 6962 §2.1.2.
  /// - Throws: as ``root(at:_:)``.
  mutating func consistencyProof(from first: UInt64, to second: UInt64, _ leaves: Leaves) throws -> [MerkleHash] {
    precondition(second <= size, "a consistency proof is asked for beyond the tree")
    return try MerkleMath.consistencyProof(from: first, to: second) { try node(level: $0, index: $1, leaves) }
  }

  /// The root of the complete subtree of leaves `index * 2^level ..< (index + 1) * 2^level`, which must all be there.
  /// - Throws: as ``root(at:_:)``.
  mutating func node(level: Int, index: UInt64, _ leaves: Leaves) throws -> MerkleHash {
    guard level < Self.blockLevel else { return upper.subtree(level: level - Self.blockLevel, index: index) }
    let shift = UInt64(Self.blockLevel - level)
    let block = index >> shift
    return try tree(of: block, leaves).subtree(level: level, index: index - block << shift)
  }

  private mutating func tree(of block: UInt64, _ leaves: Leaves) throws -> MerkleTree {
    if block == upper.size { return edge }
    if let tree = cache[block] { return tree }
    let first = block * Self.blockLeaves
    var tree = MerkleTree()
    for leaf in try leaves(first..<first + Self.blockLeaves) { tree.append(leaf) }
    // Pair assertion: what is read is what was hashed.
    guard tree.size == Self.blockLeaves, tree.root == upper.leaf(block) else {
      throw LogError.damagedLog("events \(first) to \(first + Self.blockLeaves - 1) changed since they were hashed")
    }
    keep(tree, as: block)
    return tree
  }

  private mutating func keep(_ tree: MerkleTree, as block: UInt64) {
    if uses.count == Self.cachedBlocks { cache[uses.removeFirst()] = nil }
    cache[block] = tree
    uses.append(block)
  }
}

extension LogTree {
  /// The leaf hashes of stored events.
  static func leaves(_ reader: LogReader) -> Leaves {
    { positions in
      var leaves: [MerkleHash] = []
      leaves.reserveCapacity(positions.count)
      try reader.scan(from: positions.lowerBound, to: positions.upperBound) { leaves.append(.leaf($1)) }
      return leaves
    }
  }

  /// Appends the stored events up to `size`.
  /// - Throws: `LogError.damagedLog`, `.storage`.
  mutating func catchUp(to end: UInt64, _ reader: LogReader) throws {
    guard size < end else { return }
    try reader.scan(from: size, to: end) { append(.leaf($1)) }
  }
}
