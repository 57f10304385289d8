import FrameAPI
import FrameCore
import FrameSNI

/// The SNI router's map: what is in it, the same for nginx, and reading it again.
package struct SNIRoutes {
  let names: SNIMapComposer
  let reload: @Sendable () async throws -> Reloaded

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/sni", .authority) { [names] _ in .json(view(names)) }
    api.on(.get, "/api/v1/sni/nginx", .authority) { [names] call in
      let listen = try HostPort(call.query("listen") ?? "0.0.0.0:443")
      let refusal = try call.query("alert_at").map { SNIMap.NginxRefusal.alert(try HostPort($0)) } ?? .close
      // nginx would pass such a connection to itself, as our own router would.
      for (name, upstream) in names.map.upstreams where SNIMap.leadsBack(upstream, to: listen) {
        throw SNIError.routeLoop(name, upstream.description)
      }
      return .text(names.map.nginx(listen: listen, refusal: refusal))
    }
    api.on(.post, "/api/v1/sni/reload", .authority) { [names, reload] _ in
      let reloaded = try await reload()
      return .json(ReloadView(routes: view(names).routes, needsRestart: reloaded.needRestart))
    }
  }

  private func view(_ names: SNIMapComposer) -> SNIView {
    SNIView(
      routes: names.routes.map { .init(name: $0.name, upstream: $0.upstream.description, source: $0.source.rawValue) })
  }
}

/// What reading frame.yaml again has brought.
package struct Reloaded: Sendable {
  package let sniMapChanged: Bool
  /// Settings that differ from those the node runs with, and stay as they are until it is started again.
  package let needRestart: [String]

  package init(sniMapChanged: Bool, needRestart: [String]) {
    self.sniMapChanged = sniMapChanged
    self.needRestart = needRestart
  }
}
