import Foundation
import FrameCore
import HTTPTypes
import HummingbirdCore

@testable import FrameLedger
@testable import FrameMetrics
@testable import FrameConfiguration
@testable import FrameREST

/// What callers of the API and scrapers send, and what operators write.
enum NodeTargets {
  static let all = [jsonBody, jsonText, batchBody, yamlText, configuration, query, accept, scrape]

  private static let jsonWords = [
    "\"to\"", "\"amount\"", "\"memo\"", "\"from\"", "\"transfers\"", "\"backend\"", "{", "}", "[", "]", ",", ":",
    "null",
    "true", "\\u0000", "\\ud83d\\ude00", "\\ud800", "1e5", "-0", "\u{feff}", "\"\\u0074o\"", "\"expires_at\"",
    "\"expiresAt\"",
  ]

  /// The one way that a route reads a body.
  private static func decode<Body: Decodable>(_ type: Body.Type, _ data: Data) throws -> Body {
    do { return try TextDecoding.request.decode(type, json: data, JSONReader.Limits(bytes: 16_384)) } catch {
      throw RequestError.body(error)
    }
  }

  /// What a reader takes is written back, and read as the same.
  static let jsonText = FuzzTarget(
    "json-text", words: jsonWords, bytesMax: 16_384, texts: [#"{"a":[1,-2.5e+10,true,null,{"b":"\u00e9"}]}"#, "[[]]"]
  ) { text in
    try FuzzTarget.verdict {
      let limits = JSONReader.Limits(bytes: 1 << 20)
      let tree = try TextTree(json: Data(text.utf8), limits)
      try FuzzTarget.require(tree.nameTwice == nil, "a name is there twice")
      let again = try TextTree(json: Data(tree.json(indented: true).utf8), limits)
      try FuzzTarget.require(again == tree, "a tree does not come back as it was read")
    }
  }

  private static let yamlWords = [
    ": ", "- ", "? ", "{", "}", "[", "]", "&a", "*a", "!!str", "|", ">", "'", "\"", "#", "---\n", "...", "%YAML 1.1\n",
    "\t", "010", "1:30", "yes", "~", "<<: ",
  ]

  static let yamlText = FuzzTarget(
    "yaml", words: yamlWords, bytesMax: 16_384,
    texts: ["a: {b: [1, 'x', \"y\"]}\nc:\n  - d: ~\n", "? [a]\n: b\n", "{{ x }}"]
  ) { text in
    try FuzzTarget.verdict {
      let tree = try YAMLDocument(Data(text.utf8)).root
      var limits = YAMLDocument.Limits()
      // Quoted, a text can be longer than it was.
      limits.bytes = 1 << 22
      let again = try YAMLDocument(Data(YAMLText.of(tree).utf8), limits).root
      try FuzzTarget.require(again == tree || tree.list != nil || tree.members == nil, "it does not come back: \(tree)")
    }
  }

  /// Two readers: what the quick one of a batch makes of a text, the general one makes of it too, and they refuse the same.
  static let batchBody = FuzzTarget(
    "batch-body", words: jsonWords, bytesMax: 16_384,
    texts: [
      #"{"from":"alice","transfers":[{"to":"bob","amount":"1.00","memo":"m"},{"to":"carol","amount":"2"}]}"#,
      #"{"transfers":[]}"#, #" { "transfers" : [ { "amount" : "1" , "to" : "a@b" , "memo" : null } ] } "#,
    ]
  ) { text in
    struct Item: Decodable { let to: String; let amount: String; let memo: String? }
    struct Body: Decodable { let from: String?; let asset: String?; let transfers: [Item] }
    let data = Data(text.utf8)
    return try FuzzTarget.verdict {
      let general = Result { try decode(Body.self, data) }
      let quick: TransferBatchReader
      do {
        quick = try TransferBatchReader(json: data)
        if let fault = quick.faults.min(by: { $0.key < $1.key })?.value.first { throw RequestError.body(fault) }
      } catch {
        try FuzzTarget.require((try? general.get()) == nil, "only the quick reader refuses: \(error)")
        throw error
      }
      let one = try general.get()
      try FuzzTarget.require(quick.asset == one.asset, "'asset' is read as two things")
      try compare(quick, one.from, one.transfers.map { ($0.to, $0.amount, $0.memo ?? "") })
    }
  }

  private static func compare(
    _ quick: TransferBatchReader, _ from: String?, _ transfers: [(to: String, amount: String, memo: String)]
  ) throws {
    try FuzzTarget.require(quick.from == from, "'from' is \(quick.from ?? "nil") and \(from ?? "nil")")
    let one = quick.transfers.map { "\($0.to ?? "")\u{0}\($0.amount ?? "")\u{0}\($0.memo)" }
    let two = transfers.map { "\($0.to)\u{0}\($0.amount)\u{0}\($0.memo)" }
    try FuzzTarget.require(one == two, "two readers: \(one) and \(two)")
  }

  static let jsonBody = FuzzTarget(
    "json-body", words: jsonWords + ["\"seconds\"", "\"a_b\"", "\"aB\"", "9223372036854775808", "1.5"],
    bytesMax: 16_384,
    texts: [
      #"{"to":"bob","amount":"1.00","memo":"m","expires_in_seconds":60}"#,
      #"{"days":7,"scopes":["agents"],"hosts":[]}"#,
    ]
  ) { text in
    struct Host: Decodable { let name: String; let upstream: String }
    struct Body: Decodable {
      let to: String?
      let amount: String?
      let memo: String?
      let expiresInSeconds: Int64?
      let days: Int?
      let ok: Bool?
      let position: UInt64?
      let rate: Double?
      let scopes: [String]?
      let hosts: [Host]?
    }
    return try FuzzTarget.verdict { _ = try decode(Body.self, Data(text.utf8)) }
  }

  static let query = FuzzTarget(
    "query", words: ["?", "&", "=", "%", "%00", "%2B", "+", "at_time=", "at_position=", "limit=", "#", "//"],
    bytesMax: 4_096,
    texts: ["/api/v1/supply?at_position=10", "/x?at_time=2027-01-31T12%3A00%3A00Z&limit=5", "?&&==%"]
  ) { text in
    let uri = URI(text)
    _ = uri.path.removingPercentEncoding
    return try FuzzTarget.verdict {
      let query = try RequestQuery(uri.query, known: ["at_time", "at_position", "limit"])
      _ = query["limit"].flatMap(UInt64.init)
    }
  }

  static let accept = FuzzTarget(
    "accept",
    words: [
      "text/plain", "application/openmetrics-text", ";", ",", "q=", "version=", "escaping=", "\"", "\\", "*/*", "0.5",
      "1e-400",
      "nan", "inf",
    ], bytesMax: 8_256,
    texts: [
      "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.7,*/*;q=0.1",
      "text/plain; version=\"0.0.4\"; q=1", "application/vnd.google.protobuf;proto=io.prometheus",
    ]
  ) { text in
    let format = ExpositionFormat.negotiate(accept: text)
    try FuzzTarget.require(
      [ExpositionFormat.text.syntax, ExpositionFormat.openMetrics.syntax].contains(format.syntax), "\(format)")
    let elements = HeaderList.parse(text)
    try FuzzTarget.require(elements.count <= HeaderList.elementsMax, "\(elements.count) elements")
    for element in elements { try FuzzTarget.require((0...1).contains(element.quality), "quality \(element.quality)") }
    return elements.isEmpty ? .refused("nothing") : .accepted
  }

  private static let handler: ExpositionHandler = {
    let registry = MetricRegistry()
    ProcessCollector.register(in: registry)
    return ExpositionHandler(registry)
  }()

  /// A whole scrape: method, Accept, Accept-Encoding, timeout and query, a line each.
  static let scrape = FuzzTarget(
    "scrape", words: ["GET", "HEAD", "gzip", "name[]=", "name%5B%5D=", "1e300", "-1", "nan", "0.0001", "*;q=0"],
    texts: ["GET\n*/*\ngzip\n10\nname[]=process_cpu_seconds_total", "HEAD\n\n\n1e308\n", "POST\n\n\n0\n"]
  ) { text in
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) + ["", "", "", "", ""]
    let request = ExpositionRequest(
      method: lines[0], accept: lines[1], acceptEncoding: lines[2], names: ExpositionRequest.names(inQuery: lines[4]),
      scrapeTimeout: lines[3])
    let response = handler.respond(to: request)
    try FuzzTarget.require(response.status < 500 || response.status == 503, "a scrape is answered \(response.status)")
    return response.status == 200 ? .accepted : .refused("\(response.status)")
  }

  private static let yaml = """
    frame_id: frame-a.example
    currency: {code: AVT, scale: 2}
    api: {host: 127.0.0.1, port: 8080}
    ops: {port: 9090}
    federation: {port: 9443}
    bundle: {port: 9444, profile: https_spiffe}
    sni: {enabled: true, port: 443, map: {a.example: "127.0.0.1:9443"}}
    fees: {basis_points: 10, fixed: "0.01"}
    treaty: {net_debit_cap: "100.00"}
    witnesses: []

    """

  static let configuration = FuzzTarget(
    "configuration",
    words: [
      "? [a]\n: b\n", "&a ", "*a", "!!binary ", "<<: ", "{{ x }}", "- ", ": ", "|\n", ">\n", "---\n", "...\n", "1:30",
      "0x10",
      "0o17", "yes", "~", ".inf", ".nan", "1e400", "!!int ", "\t", "# ", "%YAML 1.1\n", "identity: {", "canary: {",
    ], bytesMax: 8_192, texts: [yaml, "frame_id: a\ncurrency: {code: AB, scale: 9}\n"]
  ) { text in
    try FuzzTarget.verdict {
      let directory = URL(fileURLWithPath: "/nowhere")
      let read = { try NodeConfiguration.parse(text, file: "frame.yaml", directory: directory, environment: [:]) }
      let (one, two) = (try read(), try read())
      try FuzzTarget.require(one == two, "one text, two configurations")
    }
  }
}
