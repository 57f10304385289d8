import FrameCore
import Yams

extension YamlError: WordedError {
  /// The parser's first line: where, and what is wrong there.
  public var plainWords: String { "\(self)".split(separator: "\n").first.map(String.init) ?? "it is empty" }
}
