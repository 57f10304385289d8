import FrameCore
extension SNIMap {
  /// What nginx shall do with names that are not in the map.
  package enum NginxRefusal: Sendable, Equatable {
    /// Close the connection without a word: there is no upstream to pass it to.
    case close
    /// Pass it to this address, where nginx itself answers every hello with the TLS alert `unrecognized_name`, as our router
    /// does. Only nginx listens there.
    case alert(HostPort)
  }

  /// The same routing as configuration of nginx (1.19.4 or later, with its stream and ssl_preread modules), to be included at
  /// the top level of `nginx.conf`.
  ///
  /// TLS is passed on untouched. No name is defaulted to an upstream.
  /// - Parameter listen: the address nginx listens on.
  package func nginx(listen: HostPort, refusal: NginxRefusal) -> String {
    let names = upstreams.keys.sorted()
    let targets = Set(upstreams.values).sorted { "\($0)" < "\($1)" }
    let label = Dictionary(uniqueKeysWithValues: targets.enumerated().map { ($1, "frame_upstream_\($0 + 1)") })
    var lines = [
      "# Made by `frame sni export --format nginx`: make it anew when the map changes.",
      "# Names that are not listed are refused; none is passed to a default upstream.",
      "stream {",
    ]
    // Upstream blocks, not addresses in the map: a host name in a variable would need a resolver.
    for target in targets {
      lines.append("  upstream \(label[target] ?? "") { server \(target); }")
    }
    lines.append("  map $ssl_preread_server_name $frame_upstream {")
    for name in names {
      lines.append("    \"\(Self.escaped(name))\" \(upstreams[name].flatMap { label[$0] } ?? "");")
    }
    switch refusal {
    case .close:
      // Without a default the variable is empty, and nginx ends a session that has no upstream.
      break
    case .alert(let address): lines.append("    default \(address);")
    }
    lines += [
      "  }", "  server {", "    listen \(listen);", "    ssl_preread on;", "    preread_timeout 5s;",
      "    proxy_connect_timeout 5s;", "    proxy_timeout 1h;", "    proxy_pass $frame_upstream;", "  }", "}",
    ]
    if case .alert(let address) = refusal {
      lines += [
        "http {", "  server {", "    listen \(address) ssl default_server;", "    ssl_reject_handshake on;", "  }", "}",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A host name that is also a word of nginx's `map` must not be taken for it.
  private static func escaped(_ name: String) -> String {
    ["default", "hostnames", "include", "volatile"].contains(name) ? "\\\(name)" : name
  }
}
