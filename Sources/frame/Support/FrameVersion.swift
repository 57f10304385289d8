import FrameNode

/// The version of this binary.
enum FrameVersion {
  static let text = NodeVersion.text
}
