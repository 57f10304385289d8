package struct SNIView: Codable, Sendable {
  package struct Route: Codable, Sendable {
    package let name: String
    package let upstream: String
    package let source: String

    package init(name: String, upstream: String, source: String) {
      self.name = name
      self.upstream = upstream
      self.source = source
    }
  }

  package let routes: [Route]

  package init(routes: [Route]) {
    self.routes = routes
  }
}

package struct ReloadView: Codable, Sendable {
  package let routes: [SNIView.Route]
  /// Settings that were changed and not taken over.
  package let needsRestart: [String]

  package init(routes: [SNIView.Route], needsRestart: [String]) {
    self.routes = routes
    self.needsRestart = needsRestart
  }
}
