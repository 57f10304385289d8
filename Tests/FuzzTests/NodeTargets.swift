import Foundation
import FrameCore
import HTTPTypes
import HummingbirdCore

@testable import FrameLedger
@testable import FrameMetrics
@testable import FrameNode

/// What callers of the API and scrapers send, and what operators write.
enum NodeTargets {
  static let all = [jsonBody, query, accept, scrape]

  private static let jsonWords = [
    "\"to\"", "\"amount\"", "\"memo\"", "\"from\"", "\"transfers\"", "\"backend\"", "{", "}", "[", "]", ",", ":",
    "null",
    "true", "\\u0000", "\\ud83d\\ude00", "\\ud800", "1e5", "-0", "\u{feff}", "\"\\u0074o\"", "\"expires_at\"",
    "\"expiresAt\"",
  ]

  /// Two readers: what the quick one of a batch makes of a text, the general one makes of it too.
  static let batchBody = FuzzTarget(
    "batch-body", words: jsonWords, bytesMax: 16_384,
    texts: [
      #"{"from":"alice","transfers":[{"to":"bob","amount":"1.00","memo":"m"},{"to":"carol","amount":"2"}]}"#,
      #"{"transfers":[]}"#, #" { "transfers" : [ { "amount" : "1" , "to" : "a@b" , "memo" : null } ] } "#,
    ]
  ) { text in
    struct Item: Decodable { let to: String; let amount: String; let memo: String? }
    struct Body: Decodable { let from: String?; let transfers: [Item] }
    let data = Data(text.utf8)
    return try FuzzTarget.verdict {
      let quick = try TransferBatchBody(json: data)
      let general = try JSONReply.decode(Body.self, from: data)
      try FuzzTarget.require(
        quick.from == general.from, "'from' is \(quick.from ?? "nil") and \(general.from ?? "nil")")
      let one = quick.transfers.map { "\($0.to)\u{0}\($0.amount)\u{0}\($0.memo)" }
      let two = general.transfers.map { "\($0.to)\u{0}\($0.amount)\u{0}\($0.memo ?? "")" }
      try FuzzTarget.require(one == two, "two readers: \(one) and \(two)")
    }
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
    return try FuzzTarget.verdict { _ = try JSONReply.decode(Body.self, from: Data(text.utf8)) }
  }

  static let query = FuzzTarget(
    "query", words: ["?", "&", "=", "%", "%00", "%2B", "+", "at_time=", "at_position=", "limit=", "#", "//"],
    bytesMax: 4_096,
    texts: ["/api/v1/supply?at_position=10", "/x?at_time=2027-01-31T12%3A00%3A00Z&limit=5", "?&&==%"]
  ) { text in
    let uri = URI(text)
    for (name, value) in uri.queryParameters {
      _ = String(value).removingPercentEncoding
      _ = UInt64(value).map { (0...UInt64(Int64.max)).contains($0) }
      _ = String(name)
    }
    _ = uri.path.removingPercentEncoding
    return uri.path.isEmpty ? .refused("no_path") : .accepted
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
