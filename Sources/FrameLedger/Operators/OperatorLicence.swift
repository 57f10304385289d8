package import FrameCore
package import FrameEvents
package import Foundation
internal import FrameProtos

/// A public host name of an operator, and where the SNI router takes its connections.
package struct OperatorHost: Sendable, Hashable {
  /// In its one spelling (`HostName`), if it is a host name at all.
  package let name: String
  /// `host:port`.
  package let upstream: String

  package init(name: String, upstream: String) {
    self.name = (try? HostName(name))?.text ?? name
    self.upstream = upstream
  }
}

/// What the frame grants an operator, until when.
package struct OperatorLicence: Sendable, Equatable {
  package let name: OperatorName
  /// New with every licence.
  package let id: String
  package let scopes: Set<LicenceScope>
  package let hosts: [OperatorHost]
  /// Whole seconds, as is the expiry: the document says them to the second.
  package let issued: FrameTime
  package let expires: FrameTime

  package static let lifetimeMax: Duration = .seconds(1096 * 86_400)
  package static let hostsMax = 16

  /// - Parameters:
  ///   - issued: rounded down to the second.
  ///   - expires: rounded down to the second.
  package init(
    name: OperatorName, id: String, scopes: Set<LicenceScope>, hosts: [OperatorHost], issued: FrameTime,
    expires: FrameTime
  ) {
    self.name = name
    self.id = id
    self.scopes = scopes
    self.hosts = hosts.sorted { $0.name < $1.name }
    self.issued = issued.wholeSecond
    self.expires = expires.wholeSecond
  }

  /// - Throws: `OperatorError.invalidLicence`.
  func validate(at now: FrameTime) throws(OperatorError) {
    guard !scopes.isEmpty else { throw .invalidLicence("it has no scope") }
    guard (1...64).contains(id.utf8.count), id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw .invalidLicence("its id is not one")
    }
    guard expires > now else { throw .invalidLicence("it would have expired at \(expires)") }
    guard expires <= now + Self.lifetimeMax else {
      throw .invalidLicence("it would be valid for more than three years")
    }
    guard hosts.count <= Self.hostsMax else { throw .invalidLicence("it has \(hosts.count) host names") }
    guard Set(hosts.map(\.name)).count == hosts.count else { throw .invalidLicence("a host name is there twice") }
    for host in hosts {
      guard (try? HostName(host.name)) != nil else {
        throw .invalidLicence("'\(host.name.prefix(100))' is not a host name")
      }
      guard (3...300).contains(host.upstream.utf8.count), host.upstream.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
      else { throw .invalidLicence("'\(host.upstream.prefix(100))' is not host:port") }
    }
  }
}

extension OperatorLicence {
  /// The first line of the document. A log's checkpoint begins with a frame's id, which has no space: neither can be taken
  /// for the other, although one key signs both.
  static let title = "frame operator licence v1"

  /// The licence as its operator keeps it: a C2SP signed note by the frame's log key, which can be verified offline.
  ///
  /// The upstreams are the frame's own business and not in it.
  package func document(by signer: LogSigner) -> String { signer.sign(note: text(of: signer.verifierKey.name)) }

  private func text(of frame: String) -> String {
    let fields = [
      ("frame", frame), ("operator", name.text), ("spiffe-id", "spiffe://\(frame)/operator/\(name.text)"),
      ("licence", id), ("scopes", scopes.sorted().map(\.rawValue).joined(separator: " ")),
      ("hosts", hosts.map(\.name).joined(separator: " ")), ("issued", issued.toTheSecond),
      ("expires", expires.toTheSecond),
    ]
    return Self.title + "\n" + fields.map { "\($0.0): \($0.1)\n" }.joined()
  }
}

/// What a licence document says, once its signature has been checked.
package struct VerifiedLicence: Sendable, Equatable {
  package let frame: FrameID
  package let name: OperatorName
  package let spiffeID: SPIFFEID
  package let id: String
  package let scopes: [LicenceScope]
  package let hosts: [String]
  package let issued: FrameTime
  package let expires: FrameTime

  /// Checks a document offline: signed by the frame's log key, of the frame that the key is named after, well formed, issued
  /// and not expired. Whether the frame has suspended the operator since, only the frame can say.
  /// - Parameter key: the frame's log verifier key, learned from the frame by other means than the document.
  /// - Throws: `OperatorError.licenceUnverified`, `.licenceNotValidNow`.
  package init(_ document: Data, key: LogVerifierKey, at now: FrameTime) throws {
    let text: String
    do { text = try key.verifiedText(of: document) } catch { throw OperatorError.licenceUnverified(error.words) }
    func unreadable(_ why: String) -> OperatorError { .licenceUnverified("it is signed, but \(why)") }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    guard lines.first == OperatorLicence.title[...] else { throw unreadable("it is not an operator's licence") }
    var fields: [Substring: Substring] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstRange(of: ": "), fields[line[..<colon.lowerBound]] == nil else {
        throw unreadable("a line is not a field, or is there twice")
      }
      fields[line[..<colon.lowerBound]] = line[colon.upperBound...]
    }
    func field(_ name: Substring) throws -> String {
      guard let value = fields[name] else { throw unreadable("it does not say its \(name)") }
      return String(value)
    }
    func time(_ name: Substring) throws -> FrameTime {
      guard let time = FrameTime(toTheSecond: try field(name)) else { throw unreadable("its \(name) is not a time") }
      return time
    }
    do {
      frame = try FrameID(field("frame"))
      name = try OperatorName(field("operator"))
      spiffeID = try SPIFFEID(field("spiffe-id"))
    } catch let error as IdentifierError { throw unreadable(error.message) }
    guard frame.name == key.name else { throw unreadable("it is of \(frame), not of \(key.name)") }
    guard spiffeID == .ofOperator(name, in: frame) else { throw unreadable("\(spiffeID) is not the operator's id") }
    id = try field("licence")
    scopes = try field("scopes").split(separator: " ").map {
      guard let scope = LicenceScope(rawValue: String($0)) else { throw unreadable("'\($0)' is not a scope") }
      return scope
    }
    hosts = try field("hosts").split(separator: " ").map(String.init)
    issued = try time("issued")
    expires = try time("expires")
    guard now >= issued, now < expires else {
      throw OperatorError.licenceNotValidNow(id: id, from: issued.toTheSecond, to: expires.toTheSecond)
    }
  }
}

extension FrameTime {
  var wholeSecond: FrameTime { .init(unixNanoseconds: unixNanoseconds - unixNanoseconds % 1_000_000_000) }

  /// RFC 3339, UTC, without a fraction.
  package var toTheSecond: String { description.prefix(19) + "Z" }

  /// Reads what ``toTheSecond`` writes, and nothing else.
  init?(toTheSecond text: String) {
    guard let written = try? WrittenTime(text) else { return nil }
    self = written.time
    guard toTheSecond == text else { return nil }
  }
}

extension FrameID {
  /// A byte that may stand in a DNS host name, as this node writes them.
  static func isHostByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }
}

extension OperatorLicence {
  init?(_ event: PBOperatorLicensed) {
    guard let name = try? OperatorName(event.operatorName) else { return nil }
    self.init(
      name: name, id: event.licenceID, scopes: Set(event.scopes.compactMap(LicenceScope.init)),
      hosts: event.hosts.map { OperatorHost(name: $0.name, upstream: $0.upstream) },
      issued: FrameTime(unixNanoseconds: event.issuedUnixNs), expires: FrameTime(unixNanoseconds: event.expiresUnixNs))
  }

  var event: PBOperatorLicensed {
    .with {
      $0.operatorName = name.text
      $0.licenceID = id
      $0.scopes = scopes.sorted().map(\.rawValue)
      $0.hosts = hosts.map { host in
        .with {
          $0.name = host.name
          $0.upstream = host.upstream
        }
      }
      $0.issuedUnixNs = issued.unixNanoseconds
      $0.expiresUnixNs = expires.unixNanoseconds
    }
  }
}
