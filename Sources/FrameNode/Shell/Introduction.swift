import FrameCore
import Logging

extension NodeParts {
  /// Who starts here, for the first line of the log: what somebody who reads it later needs to know which node it was.
  func introduction() -> Logger.Metadata {
    let configuration = core.configuration
    func address(_ listener: NodeConfiguration.Listener) -> Logger.MetadataValue { "\(listener.host):\(listener.port)" }
    var metadata: Logger.Metadata = [
      "version": "\(NodeVersion.text)", "frame": "\(core.frame)", "currency": "\(configuration.native.code)",
      "fingerprint": "\(core.trust.bundle.fingerprint)", "data": "\(configuration.dataDirectory.path)",
      "events": "\(core.writer.durableSize())", "api": address(configuration.api), "ops": address(configuration.ops),
      "federation": address(configuration.federation), "bundle": address(configuration.bundle),
    ]
    if configuration.sni.enabled { metadata["sni"] = address(configuration.sni.listener) }
    return metadata
  }
}
