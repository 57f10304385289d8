/// What a PromQL expression reads: found with a lexer of our own; whether it is valid at all, promtool says.
struct PromQL {
  struct Matcher: Equatable {
    let label: String
    let operation: String
    let value: String
  }

  struct Selector {
    /// Empty for `{__name__=~"…"}`.
    let metric: String
    let matchers: [Matcher]
    /// What stands in the brackets of a range, e.g. `5m` or `$__rate_interval`.
    let range: String?
    /// The function whose first argument this is, e.g. `rate`.
    let function: String?
  }

  let selectors: [Selector]

  init(_ expression: String) {
    var parser = Parser(tokens: Token.all(of: expression))
    selectors = parser.selectors()
  }

  private enum Token: Equatable {
    case word(String)
    case string(String)
    case range(String)
    case symbol(Character)

    static func all(of text: String) -> [Token] {
      var tokens: [Token] = []
      var rest = Substring(text)
      while let first = rest.first {
        switch first {
        case "#": rest = rest.drop { $0 != "\n" }
        case "\"", "'", "`":
          rest = rest.dropFirst()
          var value = ""
          while let next = rest.first, next != first {
            value.append(next)
            rest = rest.dropFirst()
            if next == "\\", first != "`", let escaped = rest.first {
              value.append(escaped)
              rest = rest.dropFirst()
            }
          }
          rest = rest.dropFirst()
          tokens.append(.string(value))
        case "[":
          let inside = rest.dropFirst().prefix { $0 != "]" }
          tokens.append(.range(String(inside)))
          rest = rest.dropFirst(inside.count + 2)
        case _ where first.isWhitespace: rest = rest.dropFirst()
        case _ where isWord(first):
          let word = rest.prefix(while: isWord)
          tokens.append(.word(String(word)))
          rest = rest.dropFirst(word.count)
        default:
          tokens.append(.symbol(first))
          rest = rest.dropFirst()
        }
      }
      return tokens
    }

    /// Numbers and durations are words too: they begin with a digit.
    private static func isWord(_ character: Character) -> Bool {
      character.isLetter || character.isNumber || character == "_" || character == ":" || character == "."
    }
  }

  private struct Parser {
    let tokens: [Token]
    var index = 0

    init(tokens: [Token]) { self.tokens = tokens }

    private static let grouping: Set = ["by", "without", "on", "ignoring", "group_left", "group_right"]
    private static let operators: Set = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "Inf", "nan", "NaN"]
    private static let aggregations: Set = [
      "sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile",
    ]

    private func token(_ offset: Int) -> Token? {
      tokens.indices.contains(index + offset) ? tokens[index + offset] : nil
    }

    mutating func selectors() -> [Selector] {
      var found: [Selector] = []
      while index < tokens.count {
        defer { index += 1 }
        switch tokens[index] {
        case .word(let word) where Self.grouping.contains(word):
          if token(1) == .symbol("(") { skipParentheses() }
        case .word(let word):
          let isName = word.first.map { $0.isLetter || $0 == "_" || $0 == ":" } ?? false
          if !isName || Self.operators.contains(word) || token(1) == .symbol("(") { continue }
          if Self.aggregations.contains(word), case .word(let next)? = token(1), Self.grouping.contains(next) {
            continue
          }
          found.append(selector(named: word))
        case .symbol("{"):
          index -= 1
          found.append(selector(named: ""))
        default: continue
        }
      }
      return found
    }

    private mutating func skipParentheses() {
      while index < tokens.count, tokens[index] != .symbol(")") { index += 1 }
    }

    /// Reads what follows the name at `index`.
    private mutating func selector(named name: String) -> Selector {
      let function = enclosingFunction(of: name.isEmpty ? index + 1 : index)
      var matchers: [Matcher] = []
      if token(1) == .symbol("{") {
        index += 2
        var label = ""
        var operation = ""
        while index < tokens.count, tokens[index] != .symbol("}") {
          switch tokens[index] {
          case .word(let word): (label, operation) = (word, "")
          case .symbol(","): break
          case .symbol(let symbol): operation.append(symbol)
          case .string(let value): matchers.append(Matcher(label: label, operation: operation, value: value))
          case .range: break
          }
          index += 1
        }
      }
      var range: String?
      if case .range(let text)? = token(1) {
        range = text
        index += 1
      }
      return Selector(metric: name, matchers: matchers, range: range, function: function)
    }

    private func enclosingFunction(of position: Int) -> String? {
      guard position >= 2, tokens[position - 1] == .symbol("("), case .word(let function) = tokens[position - 2]
      else { return nil }
      return function
    }
  }
}
