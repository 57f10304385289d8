/// A time as a person or a program wrote it: RFC 3339, and nothing else.
///
/// The one reader of such texts: a query, a JSON body, an option and a signed document read alike. What does not exist (a 30
/// February, hour 24, a leap second) is no time, and what nanoseconds since 1970 cannot say is refused by name, never bent to
/// the nearest time that they can.
public struct WrittenTime: Sendable, Equatable {
  public let time: FrameTime
  /// Digits of the fraction of a second that were written, at most 9.
  public let fractionDigits: Int

  /// - Throws: ``WrittenTimeError``.
  public init(_ text: String) throws(WrittenTimeError) {
    var reader = Reader(text)
    guard let fields = reader.read(), Self.isReal(fields) else { throw .notATime(text) }
    var seconds = Self.days(fields.year, fields.month, fields.day) * 86_400
    seconds += fields.hour * 3600 + fields.minute * 60 + fields.second - fields.offsetMinutes * 60
    // Four digits of a year: the seconds are far from where they could overflow, their nanoseconds are not.
    let sum = Int128(seconds) * 1_000_000_000 + Int128(fields.nanoseconds)
    guard let nanoseconds = Int64(exactly: sum) else { throw .outOfRange(text) }
    time = FrameTime(unixNanoseconds: nanoseconds)
    fractionDigits = fields.fractionDigits
  }

  /// The end of the microsecond that is named: the log writes its times so, and who copies one means the event it is of.
  public var endOfMicrosecond: FrameTime { fractionDigits > 6 ? time : time + .nanoseconds(999) }

  private struct Fields {
    var (year, month, day): (Int64, Int64, Int64) = (0, 0, 0)
    var (hour, minute, second): (Int64, Int64, Int64) = (0, 0, 0)
    var nanoseconds: Int64 = 0
    var fractionDigits = 0
    var offsetMinutes: Int64 = 0
  }

  private static func isReal(_ f: Fields) -> Bool {
    guard (1...12).contains(f.month), f.hour < 24, f.minute < 60, f.second < 60 else { return false }
    let isLeap = f.year % 4 == 0 && (f.year % 100 != 0 || f.year % 400 == 0)
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...lengths[Int(f.month) - 1]).contains(f.day)
  }

  /// Days since 1970-01-01 in the Gregorian calendar, carried back before it was made. The year begins with March, so that
  /// the leap day is its last.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// `2027-01-31T12:00:00[.123456789](Z|+01:00)`.
  private struct Reader {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = Substring(text).utf8 }

    mutating func read() -> Fields? {
      var fields = Fields()
      guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2), take("T", or: "t"),
        let hour = number(2), take(":"), let minute = number(2), take(":"), let second = number(2)
      else { return nil }
      (fields.year, fields.month, fields.day) = (year, month, day)
      (fields.hour, fields.minute, fields.second) = (hour, minute, second)
      if take(".") {
        let digits = rest.prefix { Self.isDigit($0) }.count
        guard (1...9).contains(digits), let fraction = number(digits) else { return nil }
        fields.fractionDigits = digits
        fields.nanoseconds = (digits..<9).reduce(fraction) { value, _ in value * 10 }
      }
      guard let offset = offset(), rest.isEmpty else { return nil }
      fields.offsetMinutes = offset
      return fields
    }

    private mutating func offset() -> Int64? {
      if take("Z", or: "z") { return 0 }
      let sign: Int64
      if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
      guard let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
      return sign * (hours * 60 + minutes)
    }

    /// At most 9 digits.
    private mutating func number(_ digits: Int) -> Int64? {
      guard rest.count >= digits else { return nil }
      var value: Int64 = 0
      for byte in rest.prefix(digits) {
        guard Self.isDigit(byte) else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      rest = rest.dropFirst(digits)
      return value
    }

    private mutating func take(_ byte: Unicode.Scalar, or other: Unicode.Scalar? = nil) -> Bool {
      guard let first = rest.first, first == UInt8(ascii: byte) || other.map({ first == UInt8(ascii: $0) }) == true
      else { return false }
      rest = rest.dropFirst()
      return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  }
}

/// Why a text is not taken as a time.
public enum WrittenTimeError: FrameError, Equatable {
  case notATime(String)
  case outOfRange(String)

  public var code: String {
    switch self {
    case .notATime: "invalid_time"
    case .outOfRange: "time_out_of_range"
    }
  }

  public var kind: FrameErrorKind { .invalid }

  public var message: String {
    switch self {
    case .notATime(let text): "'\(text.prefix(40))' is not a time."
    case .outOfRange(let text): "'\(text.prefix(40))' is a time that this frame cannot say."
    }
  }

  public var remedy: String {
    switch self {
    case .notATime: "Write it as RFC 3339 says, for example 2027-01-31T12:00:00Z."
    case .outOfRange: "Name a time between 1677-09-22T00:00:00Z and 2262-04-11T00:00:00Z."
    }
  }
}
