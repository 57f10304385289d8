import FrameConfiguration
import FrameCore
import Logging

extension NodeConfiguration {
  /// Who starts here, for the first line of the log: what somebody who reads it later needs to know which node it was.
  func introduction() -> Logger.Metadata {
    func address(_ listener: NodeConfiguration.Listener) -> Logger.MetadataValue { "\(listener.host):\(listener.port)" }
    var metadata: Logger.Metadata = [
      "version": "\(NodeVersion.text)", "frame": "\(frameID)", "currency": "\(native.code)",
      "data": "\(dataDirectory.path)", "api": address(api), "ops": address(ops), "federation": address(federation),
      "bundle": address(bundle),
    ]
    if sni.enabled { metadata["sni"] = address(sni.listener) }
    return metadata
  }
}

extension NodeParts {
  /// With which keys and which log, as soon as both are open.
  func standing() -> Logger.Metadata {
    ["fingerprint": "\(core.trust.bundle.fingerprint)", "events": "\(core.writer.durableSize())"]
  }
}
