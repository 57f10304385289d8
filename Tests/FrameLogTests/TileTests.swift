import Foundation
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct TileTests {
  @Test(
    "L4: an index is written in groups of three digits, all but the last after an x",
    arguments: [
      (0, "000"), (7, "007"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067"),
      (1_000_000, "x001/x000/000"), (UInt64.max, "x018/x446/x744/x073/x709/x551/615"),
    ] as [(UInt64, String)])
  func indexes(index: UInt64, text: String) throws {
    #expect(Tile.encode(index) == text)
    for kind in [Tile.Kind.hashes(level: 0), .hashes(level: 63), .entries] {
      for width in [1, 8, 255, 256] {
        let tile = Tile(kind, index: index, width: width)
        #expect(try Tile(path: tile.path) == tile)
      }
    }
    #expect(try Tile(path: "tile/0/\(text)") == Tile(.hashes(level: 0), index: index))
    #expect(try Tile(path: "tile/entries/\(text).p/8") == Tile(.entries, index: index, width: 8))
  }

  @Test(
    "L4: a tile has one path; every other spelling is refused",
    arguments: [
      "", "tile", "tile/0", "tile/0/", "0/000", "/tile/0/000", "tile/0/000/", "tile//000", "tile/00/000", "tile/+1/000",
      "tile/-1/000", "tile/64/000", "tile/x/000", "tile/data/000", "tile/0/0", "tile/0/0000", "tile/0/x000",
      "tile/0/x000/001", "tile/0/001/234", "tile/0/x1/234", "tile/0/x001/x234", "tile/0/+12", "tile/0/ 12",
      "tile/0/00a", "tile/0/X001/234", "tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/08", "tile/0/000.p/256",
      "tile/0/000.p/-1", "tile/0/000.p/", "tile/0/000.p", "tile/0/.p/8", "tile/0/000.p/8/9", "tile/0/000.P/8",
      "tile/0/x018/x446/x744/x073/x709/x551/616", "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/%30%30%30",
      "tile/0/٠٠٠", "tile/entries/000.p/1000000000000000000000",
    ])
  func refused(path: String) {
    #expect(throws: LogError.invalidTilePath(path)) { try Tile(path: path) }
  }

  @Test("L4: a log of 70,000 events has the tiles that the specification counts, and none is empty")
  func shape() {
    let tiles = Tile.hashTiles(of: 70_000)
    func row(_ level: Int) -> [Tile] { tiles.filter { $0.kind == .hashes(level: level) } }
    #expect(row(0).count == 274)
    #expect(row(0).last == Tile(.hashes(level: 0), index: 273, width: 112))
    #expect(row(1) == [Tile(.hashes(level: 1), index: 0), Tile(.hashes(level: 1), index: 1, width: 17)])
    #expect(row(2) == [Tile(.hashes(level: 2), index: 0, width: 1)])
    #expect(tiles.count == 274 + 2 + 1)
    #expect(Tile.bundles(of: 70_000).count == 274)
    #expect(Tile.hashTiles(of: 256).map(\.path) == ["tile/0/000", "tile/1/000.p/1"])
    #expect(Tile.hashTiles(of: 0).isEmpty && Tile.bundles(of: 0).isEmpty)
  }

  @Test("L4: what a tile has at a size", arguments: [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
  func available(size: UInt64) {
    for tile in Tile.hashTiles(of: size) + Tile.bundles(of: size) {
      #expect(tile.available(in: size) == tile.width)
      #expect(tile.available(in: size + 256) >= tile.width)
    }
    #expect(Tile(.hashes(level: 0), index: size / 256 + 1).available(in: size) == 0)
    #expect(Tile(.hashes(level: 0), index: .max).available(in: size) == 0)
    #expect(Tile(.hashes(level: 63), index: 0).available(in: .max) == 0)
    #expect(Tile(.hashes(level: 7), index: 0).available(in: .max) == 255)
  }

  @Test("L4: entries are framed by their lengths, 16 bits, big endian")
  func framing() {
    var bundle = Data()
    let entries = [Data([1, 2, 3]), Data(), Data(repeating: 9, count: 258), Data(repeating: 7, count: 65_535)]
    for entry in entries { EntryBundle.append(entry, to: &bundle) }
    #expect(bundle.prefix(9) == Data([0, 3, 1, 2, 3, 0, 0, 1, 2]))
    #expect(bundle.count == 8 + 3 + 258 + 65_535)
    #expect(EntryBundle.entries(bundle) == entries)
    #expect(EntryBundle.entries(Data()) == [])
    for cut in [1, 4, 5, 100] { #expect(EntryBundle.entries(bundle.dropLast(cut)) == nil) }
    #expect(EntryBundle.entries(Data([0])) == nil)
  }

  @Test("L1: tiles made leaf by leaf hold the hashes of the tree", arguments: [1, 255, 256, 257, 700, 65_793])
  func builder(size: Int) {
    var tree = MerkleTree()
    var builder = TileBuilder()
    var made: Set<Tile> = []
    func check(_ tile: Tile, _ hashes: [MerkleHash]) {
      guard case .hashes(let level) = tile.kind else { return }
      made.insert(tile)
      let first = tile.index * 256
      #expect(hashes == (0..<UInt64(tile.width)).map { tree.subtree(level: 8 * level, index: first + $0) })
    }
    for number in 0..<size {
      let leaf = MerkleHash.leaf(Data("\(number)".utf8))
      tree.append(leaf)
      builder.append(leaf, check)
    }
    builder.finish(check)
    #expect(made == Set(Tile.hashTiles(of: UInt64(size))))
  }
}
