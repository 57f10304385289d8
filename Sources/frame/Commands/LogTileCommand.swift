import ArgumentParser
import Foundation
import FrameLog

/// `frame log tile`.
struct LogTileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tile", abstract: "A hash tile or an entry bundle of the log, one hash or entry a line.",
    discussion: """
      Examples:
        frame log tile 0/000.p/12           # the first twelve leaf hashes
        # a full tile: 256 roots of 256 leaves each
        frame log tile 1/x001/067
        # the first twelve events, in base64 (authority)
        frame log tile entries/000.p/12
        frame log tile 0/000 --raw > tile
      """)

  @Argument(help: "Level and index, or entries and index, as in the tile's path.")
  var tile: String

  @Flag(name: .long, help: "Write the bytes as they are.")
  var raw = false

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  private struct Pieces: Encodable {
    let tile: String
    /// Base64.
    let pieces: [Data]
  }

  func run() async throws {
    let tile = try Tile(path: self.tile.hasPrefix("tile/") ? self.tile : "tile/\(self.tile)")
    let client = tile.kind == .entries ? try node.client() : try node.publicClient()
    let bytes = try await client.bytes(APIPath(tile: tile.path))
    if raw { return Output.file(bytes) }
    let pieces = try Self.pieces(bytes, of: tile)
    if output.json { return try Output.json(Pieces(tile: tile.path, pieces: pieces)) }
    for line in pieces { Output.line(line.base64EncodedString()) }
  }

  private static func pieces(_ bytes: Data, of tile: Tile) throws -> [Data] {
    let pieces =
      tile.kind == .entries
      ? EntryBundle.entries(bytes)
      : stride(from: 0, to: bytes.count, by: 32).map { Data(bytes.dropFirst($0).prefix(32)) }
    guard let pieces, pieces.count == tile.width else {
      throw CLIError.badAnswer(url: tile.path, why: "it does not hold \(tile.width) pieces")
    }
    return pieces
  }
}
