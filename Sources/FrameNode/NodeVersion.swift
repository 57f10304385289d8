/// The version of this source, as `frame version`, `/api/v1/frame` and `frame_build_info` give it.
package enum NodeVersion {
  package static let text = "0.1.0"
}
