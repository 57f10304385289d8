import FrameAPI
import FrameCore
import FrameIdentity
import FrameNodeState
import FrameWorkload

/// Who gets an SVID over the Workload API.
package struct EntryRoutes {
  let node: NodeCore
  let entries: EntryBook

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/entries", .authority) { [entries] _ in
      _ = try issuer()
      return .json(EntriesView(entries: entries.entries.map(EntryView.init)))
    }
    api.on(.post, "/api/v1/entries", .authority) { call in .json(EntryView(try await create(call)), .created) }
    api.on(.get, "/api/v1/entries/{id}", .authority) { [entries] call in
      _ = try issuer()
      return .json(EntryView(try entries.entry(call.parameter("id"))))
    }
    api.on(.post, "/api/v1/entries/{id}/delete", .authority) { [entries] call in
      _ = try issuer()
      let entry = try await entries.remove(
        call.parameter("id"), reason: try call.reason(), actor: try call.actor())
      return .json(EntryView(entry))
    }
  }

  private func issuer() throws -> FrameAuthority { try node.issuer("its workloads have their entries") }

  private func create(_ call: APICall) async throws -> RegistrationEntry {
    let policy = try issuer().policy
    let body = try call.decode(NewEntryBody.self)
    // A path alone names a workload of this frame.
    let id =
      body.spiffeId.hasPrefix("/")
      ? try SPIFFEID(trustDomain: node.frame, path: body.spiffeId) : try SPIFFEID(body.spiffeId)
    return try await entries.create(
      id, selectors: try body.selectors.map { try Selector($0) },
      x509Lifetime: try lifetime(
        "x509_svid_ttl_seconds", body.x509SvidTtlSeconds, least: 30, longest: policy.x509SVIDLifetime),
      jwtLifetime: try lifetime(
        "jwt_svid_ttl_seconds", body.jwtSvidTtlSeconds, least: 1, longest: policy.longestJWTSVID),
      hint: try APICall.short(body.hint ?? "", "hint", .hint), forNode: body.forNode ?? false, actor: try call.actor())
  }

  private func lifetime(_ field: String, _ seconds: Int?, least: Int, longest: Duration) throws -> Duration? {
    guard let seconds else { return nil }
    guard seconds >= least, .seconds(seconds) <= longest else { throw EntryError.lifetime(field, seconds) }
    return .seconds(seconds)
  }
}

extension EntryView {
  init(_ entry: RegistrationEntry) {
    self.init(
      entryId: entry.id,
      spiffeId: entry.spiffeID.description,
      selectors: entry.selectors.map(\.description),
      x509SvidTtlSeconds: entry.x509Lifetime?.components.seconds,
      jwtSvidTtlSeconds: entry.jwtLifetime?.components.seconds,
      hint: entry.hint)
  }
}
