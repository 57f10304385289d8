/// Why a text from outside is refused: what is wrong with it, and where.
package struct TextFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// A predicate: "is missing", "must be a string".
  package let reason: String
  /// Names and indices, the outermost first; empty for the text as a whole.
  package let path: [String]
  /// About the text, wherever in it the reader stood.
  package let isOfWhole: Bool

  /// A name from outside is shown no longer than this.
  private static let shownMax = 80

  package init(_ reason: String, at path: [String] = []) {
    self.reason = reason
    self.path = path
    isOfWhole = false
  }

  private init(ofWhole reason: String) {
    self.reason = reason
    path = []
    isOfWhole = true
  }

  package static func ofWhole(_ reason: String) -> TextFailure { TextFailure(ofWhole: reason) }

  /// The same, seen from one level further out.
  package func within(_ step: String) -> TextFailure { TextFailure(reason, at: [step] + path) }

  /// RFC 6901; "" is the text as a whole.
  package var pointer: String { Self.pointer(path) }

  package static func pointer(_ path: [String]) -> String {
    path.map { step in
      "/" + step.replacing("~", with: "~0").replacing("/", with: "~1").prefix(shownMax)
    }.joined()
  }

  /// `'/transfers/3/to' is missing`, `it is not valid JSON`.
  package var description: String { path.isEmpty ? "it \(reason)" : "'\(pointer)' \(reason)" }

  /// A name that is not among those that may be there.
  /// - Parameter known: those that may; the nearest is proposed.
  package static func unknown(_ name: String, known: some Collection<String>) -> TextFailure {
    unknownHere(name, known: known).within(name)
  }

  /// The same, of the name whose value a reader is at.
  package static func unknownHere(_ name: String, known: some Collection<String>) -> TextFailure {
    TextFailure("is unknown here" + (NearestName.of(name, in: known).map { "; '\($0)' is known" } ?? ""))
  }

  package static func twice(_ name: String) -> TextFailure { TextFailure("is there twice", at: [name]) }
  package static func missing(_ name: String) -> TextFailure { TextFailure("is missing", at: [name]) }
}

extension TextFailure: WordedError {
  package var plainWords: String { description }
}

/// What somebody meant who misspelt a name.
package enum NearestName {
  /// The nearest of `known` that differs in a third of its letters at most.
  package static func of(_ name: String, in known: some Collection<String>) -> String? {
    let letters = Array(name.utf8.prefix(65))
    guard (1...64).contains(letters.count) else { return nil }
    var best: (name: String, distance: Int)?
    for candidate in known where candidate.utf8.count <= 64 {
      let distance = Self.distance(letters, Array(candidate.utf8))
      guard distance <= max(1, candidate.utf8.count / 3) else { continue }
      if let best, (best.distance, best.name) <= (distance, candidate) { continue }
      best = (candidate, distance)
    }
    return best?.name
  }

  /// Levenshtein's, on bytes, in which two letters that changed places are one mistake.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var (before, row) = ([Int](), Array(0...b.count))
    for (i, x) in a.enumerated() {
      var next = [i + 1]
      for (j, y) in b.enumerated() {
        var least = min(min(row[j + 1], next[j]) + 1, row[j] + (x == y ? 0 : 1))
        if i > 0, j > 0, x == b[j - 1], a[i - 1] == y { least = min(least, before[j - 1] + 1) }
        next.append(least)
      }
      (before, row) = (row, next)
    }
    return row[b.count]
  }
}
