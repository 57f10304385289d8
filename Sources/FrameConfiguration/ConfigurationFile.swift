import Foundation
import FrameCore
import FrameTreaty
import FrameEvents
import FrameLog
import Yams

/// `frame.yaml` as written: every field but the frame's identity optional, amounts as decimal strings.
struct ConfigurationFile: Codable {
  /// Seconds are written as people write them, and as they are read back (60 and 0.5, not 6e+1 and 5e-1).
  struct Seconds: Codable {
    let value: Double

    init(value: Double) { self.value = value }
    init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Double.self) }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      if let whole = Int(exactly: value) {
        try container.encode(whole)
      } else {
        try container.encode(Decimal(string: "\(value)") ?? Decimal(value))
      }
    }
  }

  struct Currency: Codable {
    var code: String
    var scale: Int
  }
  struct Listener: Codable {
    var host: String?
    var port: Int?
  }
  struct Bundle: Codable {
    var host: String?
    var port: Int?
    var profile: String?
    var certificate: String?
    var private_key: String?
    var additional_roots: String?
  }
  struct SNI: Codable {
    var enabled: Bool?
    var host: String?
    var port: Int?
    var map: [String: String]?
  }
  struct Advertise: Codable {
    var federation_address: String?
    var bundle_endpoint: String?
    var api_url: String?
  }
  struct Fees: Codable {
    var basis_points: Int?
    var fixed: String?
    var minimum: String?
    var maximum: String?
  }
  struct Canary: Codable {
    var enabled: Bool?
    var interval_seconds: Seconds?
    var amount: String?
    var float: String?
  }
  struct Snapshot: Codable {
    var every_events: Int?
  }
  struct Treaty: Codable {
    var net_debit_cap: String?
    var bridge_cap: String?
    var bridge_rate_per_minute: String?
  }

  struct Witness: Codable {
    var url: String
    var verifier_key: String
  }

  var frame_id: String
  var currency: Currency
  var data_dir: String?
  var api: Listener?
  package var ops: Listener?
  package var federation: Listener?
  var bundle: Bundle?
  var sni: SNI?
  var advertise: Advertise?
  var fees: Fees?
  var canary: Canary?
  var treaty: Treaty?
  var snapshot: Snapshot?
  var witnesses: [Witness]?
  var audit_interval_seconds: Seconds?
  var bundle_refresh_seconds: Seconds?
  var log_level: String?
  package var identity: IdentityFile?
}

extension NodeConfiguration {
  /// Reads and checks a `frame.yaml`. Relative paths in it are relative to the file.
  /// - Throws: ``ConfigurationError``, naming the file, the field and what is wrong with it.
  package static func load(_ file: URL) throws -> NodeConfiguration {
    let name = file.path
    let text: Data
    // A FIFO would wait for its other end, and a reload with it. A link is followed: mounted configurations are links.
    let descriptor = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    var status = stat()
    if descriptor >= 0, fstat(descriptor, &status) != 0 || status.st_mode & S_IFMT != S_IFREG {
      close(descriptor)
      throw ConfigurationError.unreadable(file: name, why: "it is not a regular file")
    }
    do {
      guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      defer { try? handle.close() }
      // One byte more than is taken, so that the reader can say that it is too much.
      text = try handle.read(upToCount: YAMLDocument.Limits().bytes + 1) ?? Data()
    } catch {
      let missing = !FileManager.default.fileExists(atPath: name)
      throw ConfigurationError.unreadable(file: name, why: missing ? "there is no such file" : "it cannot be opened")
    }
    var configuration = try parse(text, file: name, directory: file.deletingLastPathComponent())
    configuration.file = file.standardizedFileURL.path
    return configuration
  }

  /// - Parameter environment: of the process; some settings may come from it.
  package static func parse(
    _ text: String, file: String, directory: URL,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> NodeConfiguration {
    try parse(Data(text.utf8), file: file, directory: directory, environment: environment)
  }

  /// - Throws: ``ConfigurationError`` in one line, with the file, the line and the column.
  package static func parse(
    _ text: Data, file: String, directory: URL,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> NodeConfiguration {
    let document: YAMLDocument
    do { document = try YAMLDocument(text) } catch {
      throw ConfigurationError.malformed(file: "\(file):\(error.mark.line):\(error.mark.column)", why: error.reason)
    }
    func place(_ path: [String]) -> String {
      let mark = document.mark(of: path)
      return "\(file):\(mark.line):\(mark.column)"
    }
    let raw: ConfigurationFile
    do { raw = try Self.decoding.decode(ConfigurationFile.self, from: document.root) } catch {
      let field = Self.field(error.path)
      guard !field.isEmpty, document.has(error.path) else {
        throw ConfigurationError.malformed(
          file: place(error.path), why: field.isEmpty ? "it \(error.reason)" : "\(field) \(error.reason)")
      }
      throw ConfigurationError.invalid(file: place(error.path), field: field, why: "it \(error.reason).")
    }
    let configuration = try check(raw, directory: directory, environment: environment) { field, why in
      .invalid(file: place(Self.path(field)), field: field, why: why)
    }
    let listener = configuration.sni.enabled ? configuration.sni.listener : nil
    try SNIFile.check(configuration.sni.map, of: configuration.frameID, listener: listener) { name, why in
      // A host name has the dots that part the steps of a field's name.
      .invalid(file: place(["sni", "map", name]), field: "sni.map.\(name.prefix(100))", why: why)
    }
    return configuration
  }

  private static let decoding = TextDecoding(
    spelling: .asWritten, unknown: .refused, null: .refused, numeralsAreText: true)

  /// `witnesses[0].url` of a path.
  private static func field(_ path: [String]) -> String {
    path.reduce(into: "") { text, step in
      if Int(step) != nil { text += "[\(step)]" } else { text += (text.isEmpty ? "" : ".") + step.prefix(80) }
    }
  }

  private static func path(_ field: String) -> [String] {
    field.split { $0 == "." || $0 == "[" || $0 == "]" }.map(String.init)
  }

  private static func check(
    _ raw: ConfigurationFile, directory: URL, environment: [String: String],
    invalid: (_ field: String, _ why: String) -> ConfigurationError
  ) throws -> NodeConfiguration {
    func naming<T>(_ field: String, _ body: () throws -> T) throws -> T {
      do { return try body() } catch let error as any FrameError {
        throw invalid(field, "\(error.message.sentence) \(error.remedy)")
      }
    }
    func listener(_ field: String, _ raw: ConfigurationFile.Listener?, host: String, port: Int) throws -> Listener {
      let result = Listener(host: raw?.host ?? host, port: raw?.port ?? port)
      guard (1...65535).contains(result.port) else { throw invalid("\(field).port", "\(result.port) is not a port.") }
      guard !result.host.isEmpty else { throw invalid("\(field).host", "it is empty.") }
      return result
    }
    func seconds(_ field: String, _ value: ConfigurationFile.Seconds?, default fallback: Double) throws -> Duration {
      let value = value?.value ?? fallback
      guard (0.05...86400).contains(value) else {
        throw invalid(field, "\(value) is not between 0.05 and 86400 seconds.")
      }
      return .nanoseconds(Int64(value * 1e9))
    }
    let frameID = try naming("frame_id") { try FrameID(raw.frame_id) }
    let native = try naming("currency") {
      try Asset(origin: frameID, code: raw.currency.code, scale: raw.currency.scale)
    }
    func amount(_ field: String, _ text: String?, default units: Int64) throws -> Amount {
      guard let text else { return Amount(minorUnits: units) }
      let amount = try naming(field) { try Amount(text, scale: native.scale) }
      guard amount >= .zero else { throw invalid(field, "'\(text)' is negative.") }
      return amount
    }
    func units(_ field: String, _ text: String?, default fallback: String) throws -> UnitAmount {
      let amount = try naming(field) { try UnitAmount(text ?? fallback) }
      guard !amount.isNegative else { throw invalid(field, "'\(text ?? fallback)' is negative.") }
      return amount
    }
    let probe = try amount("canary.amount", raw.canary?.amount, default: 1)
    guard probe > .zero else {
      throw invalid(
        "canary.amount",
        "'\(raw.canary?.amount ?? "")' moves nothing: a probe moves \(Amount(minorUnits: 1).decimal(scale: native.scale)) at least; canary.enabled: false turns the canary off."
      )
    }
    let one = (0..<native.scale).reduce(Int64(1)) { n, _ in n * 10 }
    let federation = try listener("federation", raw.federation, host: "0.0.0.0", port: 9443)
    let bundle = try listener(
      "bundle", ConfigurationFile.Listener(host: raw.bundle?.host, port: raw.bundle?.port), host: "0.0.0.0", port: 9444)
    // Without a trailing slash the last component would be taken for a file and replaced.
    let folder = URL(fileURLWithPath: directory.path, isDirectory: true)
    func path(_ text: String?) -> URL? {
      text.map { URL(fileURLWithPath: $0, relativeTo: folder).standardizedFileURL }
    }
    let endpoint = BundleEndpoint(
      profile: try naming("bundle.profile") { try BundleProfile(raw.bundle?.profile ?? BundleProfile.spiffe.rawValue) },
      certificate: path(raw.bundle?.certificate), privateKey: path(raw.bundle?.private_key),
      additionalRoots: path(raw.bundle?.additional_roots))
    let hasFiles = [endpoint.certificate, endpoint.privateKey].map { $0 != nil }
    guard hasFiles == (endpoint.profile == .web ? [true, true] : [false, false]) else {
      throw invalid(
        "bundle", "certificate and private_key are needed with profile https_web, and only with it.")
    }
    let sni = try listener(
      "sni", ConfigurationFile.Listener(host: raw.sni?.host, port: raw.sni?.port), host: "127.0.0.1", port: 8443)
    let api = try listener("api", raw.api, host: "127.0.0.1", port: 8080)
    let ops = try listener("ops", raw.ops, host: "127.0.0.1", port: 9464)
    let isRouting = raw.sni?.enabled ?? true
    try requireApart(
      [("api", api), ("ops", ops), ("federation", federation), ("bundle", bundle)] + (isRouting ? [("sni", sni)] : []),
      invalid)
    let basisPoints = raw.fees?.basis_points ?? 0
    guard (0...10_000).contains(basisPoints) else {
      throw invalid("fees.basis_points", "\(basisPoints) is not between 0 and 10000.")
    }
    let fees = Fees(
      basisPoints: basisPoints, fixed: try amount("fees.fixed", raw.fees?.fixed, default: 0),
      minimum: try amount("fees.minimum", raw.fees?.minimum, default: 0),
      maximum: try raw.fees?.maximum.map { try amount("fees.maximum", $0, default: 0) })
    if let maximum = fees.maximum, maximum < fees.minimum {
      throw invalid("fees.maximum", "'\(raw.fees?.maximum ?? "")' is below the minimum.")
    }
    let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
    let logLevel = raw.log_level ?? "info"
    guard levels.contains(logLevel) else {
      throw invalid("log_level", "'\(logLevel)' is not one of \(levels.joined(separator: ", ")).")
    }
    let snapshotEvery = raw.snapshot?.every_events ?? Int(SnapshotPolicy.defaultEveryEvents)
    guard (0...1_000_000_000).contains(snapshotEvery) else {
      throw invalid("snapshot.every_events", "\(snapshotEvery) is not between 0 and 1000000000.")
    }
    let bundleEndpoint = raw.advertise?.bundle_endpoint ?? "https://127.0.0.1:\(bundle.port)"
    guard bundleEndpoint.hasPrefix("https://") else {
      throw invalid("advertise.bundle_endpoint", "'\(bundleEndpoint)' must start with https://.")
    }
    // What a peer would refuse is told here, not by an invitation that nobody answers.
    guard (try? HostPort(url: bundleEndpoint)) != nil else {
      throw invalid("advertise.bundle_endpoint", "'\(bundleEndpoint)' is not https://host:port.")
    }
    let federationAddress = raw.advertise?.federation_address ?? "127.0.0.1:\(federation.port)"
    guard (try? HostPort(federationAddress)) != nil else {
      throw invalid("advertise.federation_address", "'\(federationAddress)' is not host:port.")
    }
    let apiURL = raw.advertise?.api_url ?? ""
    let isWeb = ["https://", "http://"].contains { apiURL.hasPrefix($0) && apiURL.utf8.count > $0.utf8.count }
    guard apiURL.isEmpty || isWeb && apiURL.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw invalid("advertise.api_url", "'\(apiURL)' is not an http:// or https:// URL.")
    }
    // Without a trailing slash the last component would be taken for a file and replaced.
    let data = URL(
      fileURLWithPath: raw.data_dir ?? ".", relativeTo: URL(fileURLWithPath: directory.path, isDirectory: true)
    ).standardizedFileURL
    return NodeConfiguration(
      frameID: frameID, native: native,
      dataDirectory: data,
      api: api, ops: ops,
      federation: federation, bundle: bundle, bundleEndpoint: endpoint,
      sni: SNI(enabled: isRouting, listener: sni, map: raw.sni?.map ?? [:]),
      advertised: Advertised(
        federationAddress: federationAddress, bundleEndpoint: bundleEndpoint, apiURL: apiURL),
      fees: fees,
      canary: Canary(
        enabled: raw.canary?.enabled ?? true,
        interval: try seconds("canary.interval_seconds", raw.canary?.interval_seconds, default: 60),
        amount: probe,
        float: try amount("canary.float", raw.canary?.float, default: 100 * one)),
      treaty: TreatyDefaults(
        netDebitCap: try amount("treaty.net_debit_cap", raw.treaty?.net_debit_cap, default: 1_000_000 * one),
        bridgeCap: try units("treaty.bridge_cap", raw.treaty?.bridge_cap, default: "1000000"),
        bridgeRatePerMinute: try units(
          "treaty.bridge_rate_per_minute", raw.treaty?.bridge_rate_per_minute, default: "100000")),
      snapshotEvery: UInt64(snapshotEvery),
      auditInterval: try seconds("audit_interval_seconds", raw.audit_interval_seconds, default: 60),
      refreshInterval: try seconds("bundle_refresh_seconds", raw.bundle_refresh_seconds, default: 300),
      logLevel: logLevel,
      identity: try (raw.identity ?? IdentityFile()).check(
        directory: directory, data: data, environment: environment, refusal: invalid),
      witnesses: try (raw.witnesses ?? []).enumerated().map { index, witness in
        guard witness.url.hasPrefix("https://") || witness.url.hasPrefix("http://") else {
          throw invalid("witnesses[\(index)].url", "'\(witness.url)' must start with https:// or http://.")
        }
        return OutsideWitness(
          url: witness.url.hasSuffix("/") ? String(witness.url.dropLast()) : witness.url,
          key: try naming("witnesses[\(index)].verifier_key") { try CosignatureKey(witness.verifier_key) })
      })
  }

  /// Two listeners on one address and port: the second could not be opened, and only the start would say so.
  private static func requireApart(
    _ listeners: [(name: String, listener: Listener)], _ invalid: (_ field: String, _ why: String) -> ConfigurationError
  ) throws {
    for (index, one) in listeners.enumerated() {
      for other in listeners[..<index] where one.listener.clashes(with: other.listener) {
        throw invalid(
          "\(one.name).port", "\(one.listener.port) is the port of \(other.name) too; each has one of its own.")
      }
    }
  }

  /// The file that ``load(_:)`` reads back as this configuration, with `data_dir` relative (the file lives in it).
  package func yaml() throws -> String {
    func plain(_ d: Duration) -> ConfigurationFile.Seconds { .init(value: d.inSeconds) }
    func decimal(_ a: Amount) -> String { a.decimal(scale: native.scale) }
    let file = ConfigurationFile(
      frame_id: frameID.name, currency: .init(code: native.code, scale: Int(native.scale)), data_dir: ".",
      api: .init(host: api.host, port: api.port), ops: .init(host: ops.host, port: ops.port),
      federation: .init(host: federation.host, port: federation.port),
      bundle: .init(
        host: bundle.host, port: bundle.port, profile: bundleEndpoint.profile.rawValue,
        certificate: bundleEndpoint.certificate?.path, private_key: bundleEndpoint.privateKey?.path,
        additional_roots: bundleEndpoint.additionalRoots?.path),
      sni: .init(enabled: sni.enabled, host: sni.listener.host, port: sni.listener.port, map: sni.map),
      advertise: .init(
        federation_address: advertised.federationAddress, bundle_endpoint: advertised.bundleEndpoint,
        api_url: advertised.apiURL),
      fees: .init(
        basis_points: fees.basisPoints, fixed: decimal(fees.fixed), minimum: decimal(fees.minimum),
        maximum: fees.maximum.map(decimal)),
      canary: .init(
        enabled: canary.enabled, interval_seconds: plain(canary.interval), amount: decimal(canary.amount),
        float: decimal(canary.float)),
      treaty: .init(
        net_debit_cap: decimal(treaty.netDebitCap), bridge_cap: treaty.bridgeCap.decimal,
        bridge_rate_per_minute: treaty.bridgeRatePerMinute.decimal),
      snapshot: .init(every_events: Int(snapshotEvery)),
      witnesses: witnesses.isEmpty ? nil : witnesses.map { .init(url: $0.url, verifier_key: $0.key.text) },
      audit_interval_seconds: plain(auditInterval), bundle_refresh_seconds: plain(refreshInterval), log_level: logLevel,
      identity: IdentityFile(identity, data: dataDirectory))
    return try YAMLEncoder().encode(file)
  }
}
