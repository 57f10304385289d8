package struct EntryView: Codable, Sendable {
  package let entryId: String
  package let spiffeId: String
  package let selectors: [String]
  package let x509SvidTtlSeconds: Int64?
  package let jwtSvidTtlSeconds: Int64?
  package let hint: String

  package init(
    entryId: String, spiffeId: String, selectors: [String], x509SvidTtlSeconds: Int64?, jwtSvidTtlSeconds: Int64?,
    hint: String
  ) {
    self.entryId = entryId
    self.spiffeId = spiffeId
    self.selectors = selectors
    self.x509SvidTtlSeconds = x509SvidTtlSeconds
    self.jwtSvidTtlSeconds = jwtSvidTtlSeconds
    self.hint = hint
  }
}

package struct EntriesView: Codable, Sendable {
  package let entries: [EntryView]

  package init(entries: [EntryView]) {
    self.entries = entries
  }
}

/// `POST /api/v1/entries`; a path alone names a workload of this frame.
package struct NewEntryBody: Codable, Sendable {
  package var spiffeId: String
  package var selectors: [String]
  package var x509SvidTtlSeconds: Int?
  package var jwtSvidTtlSeconds: Int?
  package var hint: String?
  package var forNode: Bool?

  package init(
    spiffeId: String, selectors: [String], x509SvidTtlSeconds: Int? = nil, jwtSvidTtlSeconds: Int? = nil,
    hint: String? = nil, forNode: Bool? = nil
  ) {
    self.spiffeId = spiffeId
    self.selectors = selectors
    self.x509SvidTtlSeconds = x509SvidTtlSeconds
    self.jwtSvidTtlSeconds = jwtSvidTtlSeconds
    self.hint = hint
    self.forNode = forNode
  }
}
