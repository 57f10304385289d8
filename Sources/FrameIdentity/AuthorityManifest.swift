import FrameCore

/// `authority.json`: which keys a frame has and where each stands. Written last and by name, so that what it does not name
/// is not in use. It holds nothing secret.
struct AuthorityManifest: Codable {
  struct Entry: Codable {
    var id: String
    var state: String
    /// Unix nanoseconds, all of them; absent in version 1.
    var published_at: Int64?
    var expires_at: Int64?
    var activated_at: Int64?
    var retired_at: Int64?

    init(_ record: AuthorityRecord) {
      id = record.id
      state = record.state.rawValue
      published_at = record.publishedAt.unixNanoseconds
      expires_at = record.expiresAt.unixNanoseconds
      activated_at = record.activatedAt?.unixNanoseconds
      retired_at = record.retiredAt?.unixNanoseconds
    }

    /// - Parameters:
    ///   - published: for an entry of version 1, which does not say it.
    ///   - expires: the same.
    func record(published: FrameTime, expires: FrameTime) -> AuthorityRecord? {
      guard let state = AuthorityState(rawValue: state) else { return nil }
      func time(_ value: Int64?) -> FrameTime? { value.map { FrameTime(unixNanoseconds: $0) } }
      return AuthorityRecord(
        id: id, state: state, publishedAt: time(published_at) ?? published, expiresAt: time(expires_at) ?? expires,
        activatedAt: time(activated_at), retiredAt: time(retired_at))
    }
  }

  var version: Int
  var trust_domain: String
  var sequence: UInt64
  /// Whether the private files are sealed.
  var sealed: Bool?
  var x509: [Entry]
  var jwt: [Entry]
  /// Changes that are in force and not yet known to be on the log.
  var unlogged: [AuthorityChange]?

  /// 1 had one active key of each kind and no times.
  static let version = 2
  static let readable = 1...2
}
