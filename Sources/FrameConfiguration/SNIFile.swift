import FrameCore
import FrameSNI

/// Checks `sni.map` of a configuration entry by entry, so that a mistake is told with its place in the file.
enum SNIFile {
  /// - Parameters:
  ///   - listener: the router's own; nil when there is none.
  ///   - refusal: makes the error for a name in the map and what is wrong with it.
  package static func check(
    _ map: [String: String], of frame: FrameID, listener: NodeConfiguration.Listener?,
    refusal: (_ name: String, _ why: String) -> ConfigurationError
  ) throws {
    var seen: [HostName: String] = [:]
    let router = listener.map { HostPort(host: $0.host, port: $0.port) }
    for (name, upstream) in map.sorted(by: { $0.key < $1.key }) {
      let host: HostName
      do { host = try HostName(name) } catch { throw refusal(name, "\(error.message) \(error.remedy)") }
      guard host.text != frame.name else {
        throw refusal(name, "it is this frame's own name, whose connections go to its own federation listener.")
      }
      if let other = seen.updateValue(name, forKey: host) {
        throw refusal(name, "it is the same host name as '\(other.prefix(100))'; a name has one route.")
      }
      let place: HostPort
      do { place = try HostPort(upstream) } catch {
        throw refusal(
          name,
          "'\(upstream.prefix(100))' is no address to pass connections on to; write host:port, with a port from 1 to 65535."
        )
      }
      if let router, SNIMap.leadsBack(place, to: router) {
        let error = SNIError.routeLoop(name, place.description)
        throw refusal(name, "\(error.message) \(error.remedy)")
      }
    }
  }
}
