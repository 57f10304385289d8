/// The version of this source, as `frame version`, `/api/v1/frame` and `frame_build_info` give it.
package enum NodeVersion {
  package static let text = "0.1.0"

  /// The compiler's language generation, for `frame_build_info`.
  package static var swift: String {
    #if swift(>=6.3)
      "6.3"
    #elseif swift(>=6.2)
      "6.2"
    #else
      "6"
    #endif
  }
}
