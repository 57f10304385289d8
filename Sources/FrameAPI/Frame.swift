package struct FrameView: Codable, Sendable {
  package struct Currency: Codable, Sendable {
    package let code: String
    package let scale: Int

    package init(code: String, scale: Int) {
      self.code = code
      self.scale = scale
    }
  }

  package let frameId: String
  package let currency: Currency
  package let federationAddress: String
  package let bundleEndpoint: String
  package let bundleFingerprint: String
  package let logVerifierKey: String
  package let version: String
  package let logSize: UInt64

  package init(
    frameId: String, currency: Currency, federationAddress: String, bundleEndpoint: String, bundleFingerprint: String,
    logVerifierKey: String, version: String, logSize: UInt64
  ) {
    self.frameId = frameId
    self.currency = currency
    self.federationAddress = federationAddress
    self.bundleEndpoint = bundleEndpoint
    self.bundleFingerprint = bundleFingerprint
    self.logVerifierKey = logVerifierKey
    self.version = version
    self.logSize = logSize
  }
}

package struct MetricsView: Codable, Sendable {
  package struct Entry: Codable, Sendable {
    package let name: String
    package let type: String
    package let unit: String
    package let labels: [String]
    package let help: String

    package init(name: String, type: String, unit: String, labels: [String], help: String) {
      self.name = name
      self.type = type
      self.unit = unit
      self.labels = labels
      self.help = help
    }
  }

  package let metrics: [Entry]

  package init(metrics: [Entry]) {
    self.metrics = metrics
  }
}

/// One entry of Prometheus HTTP service discovery (`http_sd_configs`).
package struct ServiceDiscovery: Codable, Sendable {
  package let targets: [String]
  package let labels: [String: String]

  package init(targets: [String], labels: [String: String]) {
    self.targets = targets
    self.labels = labels
  }
}
