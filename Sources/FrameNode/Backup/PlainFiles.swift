import Crypto
import Foundation
import FrameCore

/// Files of a folder that somebody brings: regular ones only, looked at without being followed, opened without waiting.
///
/// A link, a FIFO, a socket or a device in a backup is never what a backup had: it is refused by name before anything is copied.
enum PlainFiles {
  static let entriesMax = 100_000
  static let depthMax = 8

  struct Listing {
    /// Paths below the folder, with their sizes.
    var files: [String: Int] = [:]
    var folders: [String] = []
  }

  struct Copied {
    let bytes: Int
    let sha256: String
  }

  /// Everything below `root`.
  /// - Throws: `BackupError.irregular`, `.unreadable`, `.damaged` when there is too much of it.
  static func list(_ root: String) throws -> Listing {
    var listing = Listing()
    var waiting: [(path: String, depth: Int)] = [("", 0)]
    while let (folder, depth) = waiting.popLast() {
      guard depth <= depthMax else { throw BackupError.damaged("\(folder) is too deep") }
      for name in try names(in: folder.isEmpty ? root : "\(root)/\(folder)") {
        let path = folder.isEmpty ? name : "\(folder)/\(name)"
        guard listing.files.count + listing.folders.count < entriesMax else {
          throw BackupError.damaged("\(root) has more than \(entriesMax) entries")
        }
        var status = stat()
        guard lstat("\(root)/\(path)", &status) == 0 else {
          // What was renamed or removed since its folder was read is not there.
          if errno == ENOENT { continue }
          throw BackupError.unreadable("\(root)/\(path)", ReadFailure(errno: errno))
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: listing.files[path] = Int(status.st_size)
        case S_IFDIR:
          listing.folders.append(path)
          waiting.append((path, depth + 1))
        case let kind: throw BackupError.irregular("\(root)/\(path)", what: word(kind))
        }
      }
    }
    return listing
  }

  private static func names(in folder: String) throws -> [String] {
    guard let directory = opendir(folder) else { throw BackupError.unreadable(folder, ReadFailure(errno: errno)) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let name else { throw BackupError.irregular(folder, what: "a folder with a name that is not UTF-8") }
      if name == "." || name == ".." { continue }
      names.append(name)
      guard names.count <= entriesMax else {
        throw BackupError.damaged("\(folder) has more than \(entriesMax) entries")
      }
    }
    return names.sorted()
  }

  /// Opens a regular file and nothing else: a FIFO would wait for its other end, a link lead elsewhere.
  private static func open(_ path: String) throws -> FileHandle {
    let file = Foundation.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      throw errno == ELOOP
        ? BackupError.irregular(path, what: "a link") : BackupError.unreadable(path, ReadFailure(errno: errno))
    }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw BackupError.irregular(path, what: word(status.st_mode & S_IFMT))
    }
    return FileHandle(fileDescriptor: file, closeOnDealloc: true)
  }

  /// - Throws: `BackupError.irregular`, `.unreadable`, `.damaged` when it is larger than `limit`.
  static func contents(_ path: String, limit: Int) throws -> Data {
    let file = try open(path)
    defer { try? file.close() }
    let data = try file.read(upToCount: limit + 1) ?? Data()
    guard data.count <= limit else { throw BackupError.damaged("\(path) has more than \(limit) bytes") }
    return data
  }

  /// Reads a file to its end, and writes what it reads to `target` when there is one, which must not exist. It is on disk then.
  /// - Throws: `BackupError.irregular`, `.unreadable`, `.notWritable`.
  static func read(_ path: String, copyingTo target: String? = nil) throws -> Copied {
    let source = try open(path)
    defer { try? source.close() }
    var copy: FileHandle?
    if let target {
      // Private whatever it was: it may be a key.
      let file = Foundation.open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw BackupError.notWritable(target, WriteFailure(errno: errno)) }
      copy = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    }
    defer { try? copy?.close() }
    var hash = SHA256()
    var bytes = 0
    while true {
      let part: Data
      do { part = try source.read(upToCount: 1 << 20) ?? Data() } catch {
        throw BackupError.unreadable(path, ReadFailure(errno: errno))
      }
      if part.isEmpty { break }
      hash.update(data: part)
      bytes += part.count
      do { try copy?.write(contentsOf: part) } catch {
        throw BackupError.notWritable(target ?? "", WriteFailure(error))
      }
    }
    do { try copy?.synchronize() } catch { throw BackupError.notWritable(target ?? "", WriteFailure(error)) }
    let digest = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return Copied(bytes: bytes, sha256: digest)
  }

  /// Makes a folder that only its owner can look into.
  /// - Throws: `BackupError.notWritable`.
  static func makeFolder(_ path: String) throws {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw BackupError.notWritable(path, WriteFailure(errno: errno))
    }
  }

  private static func word(_ kind: mode_t) -> String {
    switch kind {
    case S_IFLNK: "a link"
    case S_IFIFO: "a FIFO"
    case S_IFSOCK: "a socket"
    case S_IFCHR, S_IFBLK: "a device"
    case S_IFDIR: "a folder"
    default: "not a regular file"
    }
  }
}
