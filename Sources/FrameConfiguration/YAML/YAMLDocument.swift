import CYaml
import FrameCore
import Foundation

/// One YAML document, read to nodes within bounds before anything is made of it.
///
/// A strict part of YAML 1.2: one document; keys are texts and there once; no anchors, aliases, tags or directives, so that nothing
/// in it is more than it shows. Plain scalars are what the core schema says (`true`, `True` and `TRUE` are one thing, `yes` and `on` are
/// texts, `1:30` is one), but that a number with a leading zero is refused rather than read as octal or decimal.
package struct YAMLDocument: Sendable {
  /// Where something is in the file, from 1.
  package struct Mark: Sendable, Equatable {
    package let line: Int
    package let column: Int
  }

  /// Why a text is refused.
  package struct Failure: Error, Equatable, CustomStringConvertible {
    package let mark: Mark
    package let reason: String
    package var description: String { "line \(mark.line), column \(mark.column): \(reason)" }
  }

  package struct Limits: Sendable {
    package var bytes = 256 * 1024
    package var depth = 32
    package var nodes = 20_000
    package init() {}
  }

  package let root: TextTree
  private let marks: Marks

  /// The marks of a node and of what is in it, in the tree's shape.
  private indirect enum Marks: Sendable {
    case leaf(Mark)
    case list(Mark, [Marks])
    case object(Mark, [(key: Mark, value: Marks)])

    var mark: Mark {
      switch self {
      case .leaf(let mark), .list(let mark, _), .object(let mark, _): mark
      }
    }
  }

  /// - Throws: ``Failure``.
  package init(_ text: Data, _ limits: Limits = Limits()) throws(Failure) {
    guard text.count <= limits.bytes else {
      throw Failure(mark: Mark(line: 1, column: 1), reason: "\(text.count) bytes; \(limits.bytes) are allowed")
    }
    guard String(validating: text, as: UTF8.self) != nil else {
      throw Failure(mark: Mark(line: 1, column: 1), reason: "it is not UTF-8")
    }
    // YAML 1.2.2 §5.2: a stream may begin with a byte order mark, which is no part of it. libyaml would take it for content.
    let mark = Data([0xef, 0xbb, 0xbf])
    let events = Events(Array(text.starts(with: mark) ? text.dropFirst(mark.count) : text))
    var builder = Builder(events: events, limits: limits)
    (root, marks) = try builder.document()
  }

  /// Where the node is that a path leads to, or the innermost one that there is; of a name that is there, its own place.
  package func mark(of path: [String]) -> Mark {
    var (node, place, found) = (root, marks, marks.mark)
    for step in path {
      switch (node, place) {
      case (.object(let members), .object(_, let inner)):
        guard let index = members.firstIndex(where: { $0.name == step }) else { return found }
        (node, place, found) = (members[index].value, inner[index].value, inner[index].key)
      case (.list(let elements), .list(_, let inner)):
        guard let index = Int(step), elements.indices.contains(index) else { return found }
        (node, place, found) = (elements[index], inner[index], inner[index].mark)
      default: return found
      }
    }
    return found
  }

  package func has(_ path: [String]) -> Bool {
    path.reduce(TextTree?.some(root)) { node, step in
      if let elements = node?.list { return Int(step).flatMap { elements.indices.contains($0) ? elements[$0] : nil } }
      return node?[step]
    } != nil
  }

  // MARK: Building

  private struct Builder {
    let events: Events
    let limits: Limits
    var nodes = 0

    mutating func document() throws(Failure) -> (TextTree, Marks) {
      try expect(.streamStart)
      let start = try events.next()
      if case .streamEnd = start.kind { return (.object([]), .object(start.mark, [])) }
      guard case .documentStart(let hasDirectives) = start.kind else { throw start.refusal("a document was expected") }
      guard !hasDirectives else { throw start.refusal("directives are not taken") }
      let result = try node(try events.next(), depth: 0)
      try expect(.documentEnd)
      let end = try events.next()
      guard case .streamEnd = end.kind else { throw end.refusal("there is a second document") }
      return result
    }

    private func expect(_ kind: Events.Kind) throws(Failure) {
      let event = try events.next()
      guard event.kind == kind else { throw event.refusal("it is not one YAML document") }
    }

    /// Recursive only as deep as `limits.depth`.
    private mutating func node(_ event: Events.Event, depth: Int) throws(Failure) -> (TextTree, Marks) {
      nodes += 1
      guard nodes <= limits.nodes else { throw event.refusal("there are more than \(limits.nodes) values") }
      guard depth <= limits.depth else { throw event.refusal("it is nested deeper than \(limits.depth) levels") }
      switch event.kind {
      case .scalar(let text, let isPlain):
        let tree: TextTree = isPlain ? try Self.plain(text, event) : .string(text)
        return (tree, .leaf(event.mark))
      case .sequenceStart:
        var (elements, places): ([TextTree], [Marks]) = ([], [])
        while true {
          let next = try events.next()
          if case .sequenceEnd = next.kind { break }
          let (element, place) = try node(next, depth: depth + 1)
          elements.append(element)
          places.append(place)
        }
        return (.list(elements), .list(event.mark, places))
      case .mappingStart:
        var (members, places): ([TextTree.Member], [(key: Mark, value: Marks)]) = ([], [])
        var seen: Set<String> = []
        while true {
          let key = try events.next()
          if case .mappingEnd = key.kind { break }
          guard case .scalar(let name, _) = key.kind else { throw key.refusal("a key must be a text") }
          guard !name.isEmpty else { throw key.refusal("a key is empty") }
          guard seen.insert(name).inserted else { throw key.refusal("'\(name.prefix(80))' is there twice") }
          let (value, place) = try node(try events.next(), depth: depth + 1)
          members.append(TextTree.Member(name, value))
          places.append((key.mark, place))
        }
        return (.object(members), .object(event.mark, places))
      case .alias, .anchored: throw event.refusal("anchors and aliases are not taken")
      case .tagged: throw event.refusal("tags are not taken")
      default: throw event.refusal("a value was expected")
      }
    }

    /// By the core schema of YAML 1.2.
    private static func plain(_ text: String, _ event: Events.Event) throws(Failure) -> TextTree {
      switch text {
      case "", "~", "null", "Null", "NULL": return .null
      case "true", "True", "TRUE": return .boolean(true)
      case "false", "False", "FALSE": return .boolean(false)
      default: break
      }
      if text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?/) != nil { return .number(text) }
      if text.wholeMatch(of: /[-+]?[0-9]+|0[xo][0-9a-fA-F]+/) != nil {
        throw event.refusal(
          "'\(text.prefix(40))' may mean several numbers; write it without leading zeros, or in quotes")
      }
      return .string(text)
    }
  }
}

/// libyaml's events, one after the other.
private final class Events {
  enum Kind: Equatable {
    case streamStart, streamEnd, documentEnd, sequenceStart, sequenceEnd, mappingStart, mappingEnd
    case documentStart(hasDirectives: Bool)
    case scalar(String, isPlain: Bool)
    case alias
    case anchored, tagged
  }

  struct Event {
    let kind: Kind
    let mark: YAMLDocument.Mark

    func refusal(_ reason: String) -> YAMLDocument.Failure { .init(mark: mark, reason: reason) }
  }

  private let bytes: UnsafeMutableBufferPointer<UInt8>
  private var parser = yaml_parser_t()

  init(_ text: [UInt8]) {
    // The parser keeps the pointer: the bytes must stay where they are for as long as it lives.
    bytes = .allocate(capacity: max(1, text.count))
    _ = bytes.initialize(from: text)
    yaml_parser_initialize(&parser)
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(&parser, bytes.baseAddress, text.count)
  }

  deinit {
    yaml_parser_delete(&parser)
    bytes.deallocate()
  }

  func next() throws(YAMLDocument.Failure) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(&parser, &event) == 1 else {
      let problem = parser.problem.map { String(cString: $0) } ?? ""
      throw YAMLDocument.Failure(mark: Self.mark(parser.problem_mark), reason: YAMLProblem.words(of: problem))
    }
    defer { yaml_event_delete(&event) }
    return Event(kind: Self.kind(event), mark: Self.mark(event.start_mark))
  }

  private static func mark(_ mark: yaml_mark_t) -> YAMLDocument.Mark {
    YAMLDocument.Mark(line: Int(clamping: mark.line) &+ 1, column: Int(clamping: mark.column) &+ 1)
  }

  private static func kind(_ event: yaml_event_t) -> Kind {
    switch event.type {
    case YAML_STREAM_START_EVENT: return .streamStart
    case YAML_DOCUMENT_START_EVENT:
      let start = event.data.document_start
      return .documentStart(
        hasDirectives: start.version_directive != nil || start.tag_directives.start != start.tag_directives.end)
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_ALIAS_EVENT: return .alias
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      if scalar.anchor != nil { return .anchored }
      if scalar.tag != nil { return .tagged }
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return start.anchor != nil ? .anchored : start.tag != nil ? .tagged : .sequenceStart
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return start.anchor != nil ? .anchored : start.tag != nil ? .tagged : .mappingStart
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    // Nothing else is between the start of a stream and its end.
    default: return .streamEnd
    }
  }
}
