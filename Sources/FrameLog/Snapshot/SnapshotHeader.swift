internal import FrameEvents
internal import Foundation
internal import FrameCore

/// What a snapshot says of itself: the text of a signed note at the head of its file.
///
/// Its first line is the log's name and `/snapshot`, which is no log's origin: the note can never pass for a checkpoint.
struct SnapshotHeader: Sendable, Equatable {
  static let format = 2

  let origin: String
  let program: String
  /// The events it covers.
  let size: UInt64
  /// The root of the log of that size.
  let root: MerkleHash
  /// The leaf hash of the last of them.
  let leaf: MerkleHash
  /// When the last of them was recorded.
  let time: FrameTime
  /// SHA-256 of all that follows the header.
  let body: Data

  private static func title(_ origin: String) -> String { "\(origin)/snapshot" }

  func note(signer: LogSigner) -> Data {
    let text = """
      \(Self.title(origin))
      format \(Self.format)
      program \(program)
      size \(size)
      root \(root.data.base64EncodedString())
      leaf \(leaf.data.base64EncodedString())
      time \(time.unixNanoseconds)
      body \(body.base64EncodedString())

      """
    return Data(signer.sign(note: text).utf8)
  }
}

extension SnapshotHeader {
  /// - Throws: `SnapshotRefusal.notSigned`, `.damaged`, `.otherProgram`.
  init(note: Data, key: LogVerifierKey, program: String) throws {
    let text: String
    do { text = try SignedNote(note).verified(by: key) } catch { throw SnapshotRefusal.notSigned }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    guard lines.popFirst() == Self.title(key.name)[...] else { throw SnapshotRefusal.notSigned }
    func value(_ name: String) throws -> String {
      guard let line = lines.popFirst(), line.hasPrefix("\(name) ") else {
        throw SnapshotRefusal.damaged("its header has no \(name)")
      }
      return String(line.dropFirst(name.count + 1))
    }
    func number<Number: LosslessStringConvertible>(_ name: String) throws -> Number {
      let text = try value(name)
      guard let number = Number(text) else { throw SnapshotRefusal.damaged("its \(name) is '\(text)'") }
      return number
    }
    func hash(_ name: String) throws -> MerkleHash {
      guard let bytes = Data(base64Encoded: try value(name)), let hash = MerkleHash(bytes) else {
        throw SnapshotRefusal.damaged("its \(name) is no hash")
      }
      return hash
    }
    let format: Int = try number("format")
    guard format == Self.format else { throw SnapshotRefusal.otherProgram("it has format \(format)") }
    let writer = try value("program")
    guard writer == program else { throw SnapshotRefusal.otherProgram("it was \(writer), this is \(program)") }
    self.init(
      origin: key.name, program: writer, size: try number("size"), root: try hash("root"), leaf: try hash("leaf"),
      time: FrameTime(unixNanoseconds: try number("time")), body: try hash("body").data)
    guard size > 0 else { throw SnapshotRefusal.damaged("it is of no events") }
  }
}
