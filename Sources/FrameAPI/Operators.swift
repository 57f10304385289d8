/// What a licence is asked for with. In a renewal, what is left out stays as it is; the time always starts anew.
package struct LicenceBody: Codable, Sendable {
  package var days: Int?
  package var scopes: [String]?
  package var hosts: [OperatorView.Host]?

  package init(days: Int? = nil, scopes: [String]? = nil, hosts: [OperatorView.Host]? = nil) {
    self.days = days
    self.scopes = scopes
    self.hosts = hosts
  }
}

/// `POST /api/v1/operators`.
package struct NewOperatorBody: Codable, Sendable {
  package var name: String
  package var days: Int?
  package var scopes: [String]?
  package var hosts: [OperatorView.Host]?

  package init(name: String, days: Int? = nil, scopes: [String]? = nil, hosts: [OperatorView.Host]? = nil) {
    self.name = name
    self.days = days
    self.scopes = scopes
    self.hosts = hosts
  }

  package var licence: LicenceBody { LicenceBody(days: days, scopes: scopes, hosts: hosts) }
}

package struct OperatorView: Codable, Sendable {
  package struct Host: Codable, Sendable {
    package let name: String
    package let upstream: String

    package init(name: String, upstream: String) {
      self.name = name
      self.upstream = upstream
    }
  }

  package let name: String
  package let spiffeId: String
  package let state: String
  package let reason: String?
  package let since: String
  package let licenceId: String
  package let scopes: [String]
  package let hosts: [Host]
  package let issuedAt: String
  package let expiresAt: String
  package let agents: [String]

  package init(
    name: String, spiffeId: String, state: String, reason: String?, since: String, licenceId: String, scopes: [String],
    hosts: [Host], issuedAt: String, expiresAt: String, agents: [String]
  ) {
    self.name = name
    self.spiffeId = spiffeId
    self.state = state
    self.reason = reason
    self.since = since
    self.licenceId = licenceId
    self.scopes = scopes
    self.hosts = hosts
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    self.agents = agents
  }
}

package struct OperatorsView: Codable, Sendable {
  package let operators: [OperatorView]

  package init(operators: [OperatorView]) {
    self.operators = operators
  }
}
