import FrameCore

/// The version of this binary.
enum FrameVersion {
  static let text = NodeVersion.text
}
