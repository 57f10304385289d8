import Foundation

/// The arguments as a person wrote them, made ready for the parser.
enum Arguments {
  /// Joins an option and the negative number behind it (`--amount -1`) to one argument (`--amount=-1`): the parser takes what begins
  /// with a dash for an option and says that a value is missing; the command says what is wrong with the number.
  static func joiningNegatives(_ arguments: [String]) -> [String] {
    var joined: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument != "--" else { return joined + ["--"] + rest }
      if argument.hasPrefix("--"), !argument.contains("="), let next = rest.first, isNegative(next) {
        joined.append("\(argument)=\(next)")
        rest.removeFirst()
      } else {
        joined.append(argument)
      }
    }
    return joined
  }

  private static func isNegative(_ text: String) -> Bool {
    text.wholeMatch(of: /-[0-9.,][0-9.,eE+_-]*/) != nil
  }
}
