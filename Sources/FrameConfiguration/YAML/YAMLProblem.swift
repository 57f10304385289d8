/// What libyaml finds wrong with a text, in our words: what is there, and what to write instead.
enum YAMLProblem {
  static func words(of problem: String) -> String {
    known.first { problem.contains($0.sign) }?.words ?? "it is not YAML"
  }

  /// By a part of libyaml's sentence, of which there is a fixed number; the first that fits.
  static let known: [(sign: String, words: String)] = [
    (
      "mapping values are not allowed",
      "a ':' cannot stand here; keys of one level begin in one column, and a text that has a ':' is put in quotes"
    ),
    ("mapping keys are not allowed", "a key cannot stand here"),
    ("block sequence entries are not allowed", "a list cannot begin with '-' here"),
    ("expected key", "a key was expected; lines that belong together begin in one column"),
    ("expected ':'", "a ':' is missing after a key"),
    ("unexpected ':'", "a ':' stands within a text; put the text in quotes"),
    ("',' or ']'", "a ',' or the closing ']' is missing"),
    ("',' or '}'", "a ',' or the closing '}' is missing"),
    ("'-' indicator", "a '-' was expected; entries of a list begin in one column"),
    ("node content", "a value was expected"),
    ("<document start>", "something stands after the document's end; lines that belong together begin in one column"),
    ("tab character", "a tab stands where only spaces may indent"),
    ("cannot start any token", "this character begins nothing in YAML (a tab does not indent); put the text in quotes"),
    ("unexpected end of stream", "a text in quotes does not end"),
    ("unexpected document indicator", "a document ends within a text in quotes"),
    ("escape", "a backslash in double quotes is followed by something that it cannot be"),
    ("hexdecimal", "a backslash in double quotes is followed by something that it cannot be"),
    ("octet", "it is not UTF-8"), ("control characters", "there is a control character"),
    ("comment or line break", "something stands where the line must end"),
    ("whitespace", "a space or the end of the line was expected"),
    ("indentation indicator", "a text block cannot say that it is indented by 0"),
    ("tag", "tags are not taken"), ("%", "directives are not taken"), ("directive", "directives are not taken"),
    ("version number", "directives are not taken"), ("alphabetic or numeric", "anchors and aliases are not taken"),
    ("too long", "it is too long"),
  ]
}
