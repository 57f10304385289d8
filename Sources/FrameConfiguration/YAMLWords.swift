import FrameCore
import Yams

extension YamlError: WordedError {
  /// It only writes here: what is read goes through `YAMLDocument`.
  public var plainWords: String { "it cannot be written as YAML" }
}
