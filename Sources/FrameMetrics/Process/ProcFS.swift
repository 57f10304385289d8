#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads of `/proc` as proc(5) describes it. Everything is optional: what cannot be read or parsed is nil.
struct ProcFS: Sendable {
  /// `/proc`, or a copy of it in tests.
  let root: String

  private static let fileBytesMax = 1 << 20

  /// A whole file, at most `fileBytesMax` bytes of it.
  func read(_ path: String) -> String? {
    let file = open(root + "/" + path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while bytes.count < Self.fileBytesMax {
      #if canImport(Glibc)
        let count = Glibc.read(file, &chunk, chunk.count)
      #elseif canImport(Musl)
        let count = Musl.read(file, &chunk, chunk.count)
      #elseif canImport(Darwin)
        let count = Darwin.read(file, &chunk, chunk.count)
      #endif
      if count < 0 { return nil }
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// How many entries a directory has.
  func entries(_ path: String) -> Int? {
    guard let directory = opendir(root + "/" + path) else { return nil }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      // `.` and `..` are no entries; every name in /proc/self/fd begins with a digit.
      if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
    }
    return count
  }
}

/// The fields of `/proc/self/stat` that the process metrics need.
struct ProcStat: Equatable {
  /// User and system time, in clock ticks.
  let cpuTicks: UInt64
  let threads: Int64
  /// After boot, in clock ticks.
  let startTicks: UInt64
  let virtualBytes: UInt64
  let residentPages: Int64

  /// The command name may hold blanks and parentheses, so fields are counted from the last `)` on.
  init?(_ text: String) {
    guard let end = text.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    // The first field after the name is number 3 of proc(5).
    let fields = text[text.index(after: end)...].split { $0 == " " || $0 == "\n" }
    func field(_ number: Int) -> Substring? {
      let index = number - 3
      return fields.indices.contains(index) ? fields[index] : nil
    }
    guard let user = field(14).flatMap({ UInt64($0) }), let system = field(15).flatMap({ UInt64($0) }),
      let threads = field(20).flatMap({ Int64($0) }), let start = field(22).flatMap({ UInt64($0) }),
      let virtual = field(23).flatMap({ UInt64($0) }), let resident = field(24).flatMap({ Int64($0) })
    else { return nil }
    cpuTicks = user + system
    self.threads = threads
    startTicks = start
    virtualBytes = virtual
    residentPages = resident
  }
}
