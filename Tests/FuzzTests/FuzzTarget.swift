import Foundation
import FrameCore

/// One reader of bytes that come from outside, as a fuzzer calls it.
///
/// ``read`` must come back for every input: a trap ends the process and is a finding, as is a broken property, which it throws as
/// ``FuzzFailure``. What a reader refuses is no finding.
struct FuzzTarget: Sendable {
  /// What became of one input.
  enum Verdict: Hashable, Sendable {
    case accepted
    /// The stable code of the refusal, or the type of the error.
    case refused(String)
  }

  let name: String
  /// Words that the format knows: mutations insert them, which chance alone would never spell.
  let words: [String]
  /// Larger inputs are cut: the bound of the reader itself, or less where more says nothing new.
  let bytesMax: Int
  /// Where mutations begin, besides the saved corpus.
  let seeds: [Data]
  /// Reads one input and checks what must hold of the result.
  let read: @Sendable (Data) throws -> Verdict

  init(
    _ name: String, words: [String] = [], bytesMax: Int = 4096, seeds: [Data],
    read: @escaping @Sendable (Data) throws -> Verdict
  ) {
    self.name = name
    self.words = words
    self.bytesMax = bytesMax
    self.seeds = seeds
    self.read = read
  }

  /// For formats that are text.
  init(
    _ name: String, words: [String] = [], bytesMax: Int = 4096, texts: [String],
    read: @escaping @Sendable (String) throws -> Verdict
  ) {
    self.init(name, words: words, bytesMax: bytesMax, seeds: texts.map { Data($0.utf8) }) { data in
      try read(String(decoding: data, as: UTF8.self))
    }
  }

  /// Reads, and says how an error is counted.
  static func verdict(_ body: () throws -> Void) throws -> Verdict {
    do {
      try body()
      return .accepted
    } catch let failure as FuzzFailure {
      throw failure
    } catch let error as any FrameError {
      // What people and machines are shown of it must be made without a trap as well, and not grow with the input.
      try require(!error.code.isEmpty, "an error without a code")
      try require("\(error)".utf8.count < 16_384, "the text of '\(error.code)' has \("\(error)".utf8.count) bytes")
      return .refused(error.code)
    } catch {
      return .refused("\(type(of: error))")
    }
  }

  /// - Throws: ``FuzzFailure`` unless `condition` holds.
  static func require(_ condition: Bool, _ why: @autoclosure () -> String) throws {
    guard condition else { throw FuzzFailure(why: why()) }
  }
}

/// A property that an input breaks.
struct FuzzFailure: Error, CustomStringConvertible {
  let why: String
  var description: String { why }
}
