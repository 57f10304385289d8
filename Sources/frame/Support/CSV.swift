/// Comma-separated values (RFC 4180).
enum CSV {
  /// The rows that have anything in them; nil when a quoted field does not end.
  static func rows(_ text: String) -> [[String]]? {
    var rows: [[String]] = []
    var row: [String] = []
    var field = ""
    var quoted = false
    var characters = Array(text)[...]
    func endRow() {
      row.append(field)
      if row != [""] { rows.append(row) }
      (row, field) = ([], "")
    }
    while let character = characters.popFirst() {
      switch character {
      case "\"" where quoted && characters.first == "\"":
        field.append("\"")
        characters.removeFirst()
      case "\"": quoted.toggle()
      case "," where !quoted:
        row.append(field)
        field = ""
      case "\n" where !quoted, "\r\n" where !quoted: endRow()
      default: field.append(character)
      }
    }
    guard !quoted else { return nil }
    endRow()
    return rows
  }
}
