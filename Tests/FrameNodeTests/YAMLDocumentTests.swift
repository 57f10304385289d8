import Foundation
import FrameCore
import FrameMetrics
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("YAML from outside")
struct YAMLDocumentTests {
  private func read(_ text: String) throws -> TextTree { try YAMLDocument(Data(text.utf8)).root }

  private func refusal(_ text: String) -> String? {
    do {
      _ = try read(text)
      return nil
    } catch { return "\(error)" }
  }

  @Test("scalars are what the core schema of YAML 1.2 says, and nothing else")
  func scalars() throws {
    let text =
      "a: yes\nb: on\nc: true\nd: 1:30\ne: 1.10\nf: -5\ng:\nh: ~\ni: '010'\nj: 2026-11-30\nk: \"\\u00e9\"\nl: 1e3\n"
    let expected: [(String, TextTree)] = [
      ("a", .string("yes")), ("b", .string("on")), ("c", .boolean(true)), ("d", .string("1:30")),
      ("e", .number("1.10")),
      ("f", .number("-5")), ("g", .null), ("h", .null), ("i", .string("010")), ("j", .string("2026-11-30")),
      ("k", .string("é")), ("l", .string("1e3")),
    ]
    let tree = try read(text)
    for (name, value) in expected { #expect(tree[name] == value, "\(name)") }
  }

  @Test(
    "what is no plain tree of texts is refused with its line and column, in one line",
    arguments: [
      ("frame_id: {{ x }}", "line 1, column 12: a key must be a text"), ("a: 1\n? [a]\n: b", "line 2, column 3: a key"),
      ("sni: {map: {{ m }}}", "a key must be a text"), ("{{}: 1}", "a key must be a text"),
      ("a: 1\nb: {c: 1, c: 2}", "line 2, column 11: 'c' is there twice"), ("a: 1\n\"\\x61\": 2", "'a' is there twice"),
      ("a: &x 1", "anchors"), ("a: &x {b: 1}", "anchors"), ("a: *x", "anchors"), ("a: !!str 1", "tags are not taken"),
      ("a: !!binary aGk=", "tags"), ("--- {}\n---\n{}", "second document"), ("%YAML 1.1\n---\na: 1", "directives"),
      ("a: 010", "leading zeros"), ("a: 0x1F", "leading zeros"), ("a: +5", "leading zeros"),
      ("\"\": 1", "a key is empty"),
      ("a: [", "line 2"), ("a: \u{1}", "control"), ("a:\n\t- b", "line 2"),
    ])
  func refused(text: String, says: String) {
    let said = refusal(text)
    #expect(said?.contains(says) == true && said?.contains("\n") == false, "\(said ?? "it was taken")")
  }

  @Test(
    "what is not YAML is told in our words, with what to do where there is something",
    arguments: [
      ("a: b: c", "put in quotes"), ("a: 1\n b: 2", "one column"), ("- a\nb: 1", "'-' was expected"),
      ("a: [1", "closing ']'"), ("a: {b: 1", "closing '}'"), ("a: \"x", "does not end"),
      ("a: @x", "put the text in quotes"),
      ("a: `x", "put the text in quotes"), ("a:\n\tb: 1", "tab"), ("a: \"\\q\"", "backslash"),
      ("a: ]", "value was expected"),
      ("a: 1\nb", "':' is missing"), ("a: - b", "cannot begin with '-'"), ("a: 'x' y", "key was expected"),
      ("%FOO\n---\na: 1", "directives"), ("a: &", "anchors"), ("a: |0\n x", "indented by 0"),
      ("a: 1\n...\nb: 1", "document"),
    ])
  func ourWords(text: String, says: String) throws {
    let said = try #require(refusal(text), "it was taken")
    #expect(said.contains(says), "\(said)")
    for theirs in ["did not find", "found ", "not allowed in this context", "while "] {
      #expect(!said.contains(theirs), "\(said)")
    }
  }

  @Test("bombs of aliases, of depth and of length end at a bound, not in memory or on the stack")
  func bounds() {
    let bomb = "a: &a [x,x]\n" + (0..<40).map { "a\($0): &b\($0) [*a,*a]\n" }.joined()
    #expect(refusal(bomb)?.contains("anchors") == true)
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
      let deep = String(repeating: open, count: 20_000) + "x" + String(repeating: close, count: 20_000)
      #expect(refusal(deep) != nil, "\(open)")
    }
    #expect(refusal("[" + String(repeating: "a,", count: 30_000) + "]")?.contains("20000") == true)
    #expect(refusal(String(repeating: "#", count: 300_000))?.contains("262144") == true)
    #expect(throws: YAMLDocument.Failure.self) { try YAMLDocument(Data([0x61, 0x3a, 0x20, 0xff])) }
    #expect(throws: YAMLDocument.Failure.self) { try YAMLDocument(Data([0xff, 0xfe, 0x61, 0])) }
  }

  @Test("what is written is read back, by our reader")
  func written() throws {
    let tree = try TextTree(
      json: Data(#"{"a":{"b":["x",1,{"yes":"no: #","d":[]}],"200":"on"},"e":"","f":null,"g":"1.0","h i":true}"#.utf8),
      .init(bytes: 999))
    #expect(try read(YAMLText.of(tree)) == tree)
  }

  @Test("with any byte changed, it is read or refused, and the process lives")
  func mutated() {
    let text = Array(
      "frame_id: a.example\nsni: {enabled: true, map: {'x.example': \"127.0.0.1:1\"}}\nw:\n  - url: h\n".utf8)
    var random = HostileInputTests.Random(state: 8)
    let words = Array("{}[]:,?-*&!|>'\"%@ \n\t#x0".utf8)
    for _ in 0..<5_000 {
      var changed = text
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: text.indices, using: &random)] = words.randomElement(using: &random) ?? 0
      }
      _ = try? YAMLDocument(Data(changed))
      _ = try? NodeConfiguration.parse(Data(changed), file: "f", directory: URL(fileURLWithPath: "/"), environment: [:])
    }
  }
}

@Suite("Mistakes in frame.yaml")
struct ConfigurationMistakeTests {
  private static let start = "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n"

  @Test(
    "an unknown setting is refused however deep it stands, a value must be of its kind, and the place is told",
    arguments: [
      (start + "witnesses: [{tiemout: 5}]\n", "frame.yaml:3:13", "witnesses[0].url is missing; there is 'tiemout'"),
      (start + "api: {port: 1:30}\n", "frame.yaml:3:7: api.port", "whole number"),
      (start + "api: {prot: 1}\n", "frame.yaml:3:7: api.prot", "'port' is known"),
      (start + "identity:\n  seal:\n    key: a\n", "frame.yaml:5:5: identity.seal.key", "unknown"),
      (start + "api: {port: 010}\n", "frame.yaml:3:13", "leading zeros"),
      (start + "sni: {enabled: yes}\n", "frame.yaml:3:7: sni.enabled", "true or false"),
      (start + "sni: {map: {{ m }}}\n", "frame.yaml:3:13", "a key must be a text"),
      (start + "sni: {map: {x: 'a:1', x: 'b:1'}}\n", "frame.yaml:3:23", "there twice"),
      (start + "api: {port: 70000}\n", "frame.yaml:3:7: api.port", "not a port"),
      (
        start + "sni:\n  map:\n    good.example: a:1\n    shop.example: a\n", "frame.yaml:6:5: sni.map.shop.example",
        "write host:port"
      ),
      (start + "sni: {map: {'1.2.3.4': 'a:1'}}\n", "frame.yaml:3:13: sni.map.1.2.3.4", "it is an address"),
      (start + "sni: {map: {x.example: 'a:1', X.example.: 'b:1'}}\n", "frame.yaml:3:", "the same host name as"),
      (start + "sni: {map: {x.example: 'localhost:8443'}}\n", "frame.yaml:3:13: sni.map.x.example", "leads back"),
      (start + "treaty: {bridge_cap: 1e3}\n", "frame.yaml:3:10: treaty.bridge_cap", "not a decimal amount"),
      (start + "treaty: {bridge_rate_per_minute: -1}\n", "frame.yaml:3:10: treaty.bridge_rate_per_minute", "negative"),
      (start + "treaty: {bridge_cap: 0.0000000001}\n", "frame.yaml:3:10: treaty.bridge_cap", "more than 9"),
      (start + "fees: {fixed: true}\n", "frame.yaml:3:8: fees.fixed", "must be a string"),
      ("? [a]\n: b\n", "frame.yaml:1:3", "a key must be a text"),
      (start + "api: [1]\n", "frame.yaml:3:1: api", "object"),
    ])
  func told(text: String, place: String, why: String) {
    do {
      _ = try NodeConfiguration.parse(text, file: "frame.yaml", directory: URL(fileURLWithPath: "/srv"))
      Issue.record("'\(text)' was taken")
    } catch {
      #expect("\(error)".contains(place) && "\(error)".contains(why), "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }

  @Test(
    "a reload that fails, for whatever reason, is counted and changes nothing, and the next one that is right works")
  func reload() async throws {
    try await NodeFixture.with { fixture in
      let file = fixture.folder.appendingPathComponent(NodeSetup.configurationName)
      let good = try String(contentsOf: file, encoding: .utf8)
      @Sendable func refused() -> Int {
        let line = Exposition.text(fixture.registry).split(separator: "\n").first {
          $0.hasPrefix("frame_sni_reloads_total") && $0.contains("refused")
        }
        return line.flatMap { Int($0.split(separator: " ").last ?? "") } ?? -1
      }
      try await fixture.api { api in
        let before = try await api.get("/api/v1/sni").expect(200).json
        let texts = [
          "sni: {map: {{ m }}}\n", "? [a]\n: b\n", good + "more: 1\n", "", "\u{0}", good + "sni: {map: {x: 1}}\n",
          "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\nsni: {map: {'x y': '127.0.0.1:1'}}\n",
        ]
        for (index, text) in texts.enumerated() {
          try Data(text.utf8).write(to: file)
          let answer = try await api.post("/api/v1/sni/reload", [:])
          #expect(answer.status == 400, "\(index): \(answer.text)")
          #expect(refused() == index + 1, "\(index)")
        }
        try FileManager.default.removeItem(at: file)
        #expect(try await api.post("/api/v1/sni/reload", [:]).status == 400)
        #expect(refused() == texts.count + 1)
        #expect(try await api.get("/api/v1/sni").expect(200).json == before)
        try Data(good.utf8).write(to: file)
        try await api.post("/api/v1/sni/reload", [:]).expect(200)
      }
    }
  }

  @Test("a reload names every setting that was changed and is not taken over, until the file fits again")
  func needsRestart() async throws {
    try await NodeFixture.with { fixture in
      let file = fixture.folder.appendingPathComponent(NodeSetup.configurationName)
      let good = try String(contentsOf: file, encoding: .utf8)
      let base = "frame_id: frame-a.example\n"
      let currency = "currency: {code: AVT, scale: 2}\n"
      let defaults = "federation: {host: 127.0.0.1}\nbundle: {host: 127.0.0.1}\n"
      let cases: [(text: String, settings: [String])] = [
        (good, []), (base + currency + defaults, []),
        (base + currency + defaults + "sni: {map: {c.example: \"127.0.0.1:9999\"}}\n", []),
        (base + currency + defaults + "api: {port: 8081}\n", ["api.port"]),
        ("frame_id: other.example\n" + currency + defaults, ["frame_id"]),
        (base + currency.replacing("AVT", with: "XYZ") + defaults, ["currency.code"]),
        // Of the amounts only those whose defaults are counted in the smallest unit become others.
        (base + currency.replacing("2", with: "3") + defaults, ["canary.amount", "currency.scale"]),
        (base + currency + defaults + "data_dir: elsewhere\n", ["data_dir"]),
        (
          base + currency + defaults
            + "log_level: debug\nidentity: {x509_svid_ttl_seconds: 1800}\nfees: {maximum: \"9\"}\n",
          ["fees.maximum", "identity.x509_svid_ttl_seconds", "log_level"]
        ),
        (base + currency + defaults + "sni: {port: 8444, enabled: false}\n", ["sni.enabled", "sni.port"]),
        (good, []),
      ]
      try await fixture.api { api in
        for (text, settings) in cases {
          try Data(text.utf8).write(to: file)
          let answer = try await api.post("/api/v1/sni/reload", [:]).expect(200).json
          #expect(answer["needs_restart"].array.compactMap(\.string) == settings, "\(text)")
          let gauge = Exposition.text(fixture.registry)
          #expect(gauge.contains("frame_configuration_restart_pending_settings \(settings.count)\n"), "\(text)")
        }
      }
    }
  }

  @Test("booleans are those of the core schema, in its spellings and no others")
  func booleans() throws {
    let base = "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n"
    func enabled(_ word: String) throws -> Bool {
      try NodeConfiguration.parse(
        base + "canary: {enabled: \(word)}\n", file: "frame.yaml", directory: URL(fileURLWithPath: "/srv")
      ).canary.enabled
    }
    for word in ["true", "True", "TRUE"] { #expect(try enabled(word), "\(word)") }
    for word in ["false", "False", "FALSE"] { #expect(try !enabled(word), "\(word)") }
    for word in ["yes", "on", "tRUE", "y", "1", "\"true\"", "'True'"] {
      #expect(throws: ConfigurationError.self, "\(word)") { try enabled(word) }
    }
  }

  @Test("a byte order mark at the start is no part of the text; anywhere else it is")
  func mark() throws {
    let mark = Data([0xef, 0xbb, 0xbf])
    let document = try YAMLDocument(mark + Data("a: 1\nb: {c: x}\n".utf8))
    #expect(document.root["a"] == .number("1") && document.mark(of: ["a"]) == YAMLDocument.Mark(line: 1, column: 1))
    #expect(throws: YAMLDocument.Failure.self, "another encoding") {
      _ = try YAMLDocument(Data([0xff, 0xfe, 0x61, 0]))
    }
    #expect(try YAMLDocument(mark).root == .object([]))
  }

  @Test(
    "a key without a value is refused where it stands",
    arguments: [
      ("api: ~", "frame.yaml:3:1"), ("api:", "frame.yaml:3:1"), ("fees: null", "frame.yaml:3:1"),
      ("sni: {map: ~}", "frame.yaml:3:7"), ("fees: {maximum: Null}", "frame.yaml:3:8"),
      ("witnesses: ~", "frame.yaml:3:1"),
      ("data_dir:", "frame.yaml:3:1"), ("identity: {seal: ~}", "frame.yaml:3:12"),
    ])
  func nulls(line: String, place: String) {
    let text = "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n\(line)\n"
    #expect {
      _ = try NodeConfiguration.parse(text, file: "frame.yaml", directory: URL(fileURLWithPath: "/srv"))
    } throws: {
      let message = ($0 as? any FrameError)?.message ?? ""
      return message.contains(place) && message.contains("null")
    }
  }

  @Test("two listeners that could not both be open are refused; those of different addresses may share a port")
  func ports() throws {
    let base = "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n"
    func parse(_ text: String) throws {
      _ = try NodeConfiguration.parse(base + text, file: "frame.yaml", directory: URL(fileURLWithPath: "/srv"))
    }
    for text in [
      "api: {port: 9464}", "ops: {port: 8080}", "ops: {host: localhost, port: 8080}", "bundle: {port: 9443}",
      "api: {host: 0.0.0.0, port: 9464}", "federation: {port: 8443}", "sni: {port: 9444}",
      "api: {host: \"::\", port: 7000}\nops: {host: \"::1\", port: 7000}",
    ] {
      #expect { try parse(text) } throws: {
        let message = ($0 as? any FrameError)?.message ?? ""
        return message.hasPrefix("frame.yaml:") && message.contains(".port: ") && message.contains("is the port of")
      }
    }
    try parse("ops: {host: 10.0.0.1, port: 8080}")
    try parse("federation: {port: 8443}\nsni: {enabled: false}")
    #expect(throws: ConfigurationError.self) {
      try NodeSetup.initialise(
        frameID: FrameID("frame-a.example"), currency: "AVT", scale: 2,
        data: FileManager.default.temporaryDirectory.appendingPathComponent("frame-ports-\(UUID().uuidString)"),
        ports: PortPlan(api: 8080, ops: 8080))
    }
  }
}
