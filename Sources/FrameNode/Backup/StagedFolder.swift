import Foundation
import FrameCore

/// A folder that is made out of sight and appears whole, or not at all.
///
/// What a crash left unfinished is found by the next try, which begins anew: nothing half-made is ever in its way.
struct StagedFolder {
  /// Where the folder is to be; exists only if it did before, and is empty then.
  private let target: String
  /// Holds the lock, the content while it is made, and the names that were moved out of it.
  private let work: String
  /// Folders above the target that were made for it, outermost first.
  private let parents: [String]
  private let lock: FileHandle
  private let exists: Bool

  private static let workName = ".unfinished"
  private var content: String { work + "/content" }
  private var moved: String { work + "/moved" }

  /// - Parameters:
  ///   - last: the name that is moved last: without it the folder is nothing to anybody.
  ///   - body: fills the folder it is given; what it throws undoes everything.
  /// - Throws: `BackupError.notEmpty`, `.notWritable`, `.underWay`; what `body` throws.
  static func make<Result>(at target: URL, last: String, _ body: (URL) throws -> Result) throws -> Result {
    let staged = try StagedFolder(target.resolvingSymlinksInPath().standardizedFileURL.path, named: target.path)
    do {
      let result = try body(URL(fileURLWithPath: staged.content, isDirectory: true))
      try staged.publish(last: last)
      return result
    } catch {
      staged.undo()
      throw error
    }
  }

  private init(_ target: String, named: String) throws {
    var status = stat()
    let exists = lstat(target, &status) == 0
    if exists {
      guard status.st_mode & S_IFMT == S_IFDIR else { throw BackupError.notEmpty(named) }
      // Inside: a folder that is there may be a volume, onto which nothing can be renamed.
      work = "\(target)/\(Self.workName)"
      parents = []
    } else {
      let url = URL(fileURLWithPath: target)
      let parent = url.deletingLastPathComponent().path
      parents = try Self.makeParents(parent)
      work = "\(parent)/.\(url.lastPathComponent)\(Self.workName)"
    }
    self.target = target
    self.exists = exists
    do {
      if exists {
        let entries = try FileManager.default.contentsOfDirectory(atPath: target)
        guard entries.isEmpty || entries.contains(Self.workName) else { throw BackupError.notEmpty(named) }
      }
      do { try PlainFiles.makeFolder(work) } catch BackupError.notWritable(_, let failure) {
        // Of the folder that was named: nobody has asked for this one.
        throw BackupError.notWritable(named, failure)
      }
      // In a folder that others can write to, somebody may have been there first.
      guard lstat(work, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
        throw BackupError.notWritable(work, WriteFailure(denied: "it is not a folder of this user"))
      }
      let file = open("\(work)/lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw BackupError.notWritable(work, WriteFailure(errno: errno)) }
      lock = FileHandle(fileDescriptor: file, closeOnDealloc: true)
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else { throw BackupError.underWay(named) }
    } catch {
      for folder in parents.reversed() { rmdir(folder) }
      throw error is BackupError ? error : BackupError.notWritable(named, WriteFailure(error))
    }
    do {
      try clearLeftovers()
      if exists {
        let rest = try FileManager.default.contentsOfDirectory(atPath: target).filter { $0 != Self.workName }
        guard rest.isEmpty else { throw BackupError.notEmpty(named) }
      }
      try PlainFiles.makeFolder(content)
    } catch {
      undo()
      throw error is BackupError ? error : BackupError.notWritable(named, WriteFailure(error))
    }
  }

  private static func makeParents(_ path: String) throws -> [String] {
    var missing: [String] = []
    var folder = URL(fileURLWithPath: path)
    while !FileManager.default.fileExists(atPath: folder.path), folder.path != "/" {
      missing.append(folder.path)
      folder.deleteLastPathComponent()
    }
    for folder in missing.reversed() { try PlainFiles.makeFolder(folder) }
    return missing.reversed()
  }

  /// Of an earlier try: what it had made, and what it had moved out already.
  private func clearLeftovers() throws {
    removeMoved()
    if FileManager.default.fileExists(atPath: content) { try FileManager.default.removeItem(atPath: content) }
    unlink(moved)
  }

  private func removeMoved() {
    guard exists, let names = try? PlainFiles.contents(moved, limit: 4096) else { return }
    for name in String(decoding: names, as: UTF8.self).split(separator: "\n") where Self.isName(name) {
      try? FileManager.default.removeItem(atPath: "\(target)/\(name)")
    }
  }

  private static func isName(_ name: Substring) -> Bool { !name.contains("/") && name != "." && name != ".." }

  private func publish(last: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: content).sorted { a, b in
      (a == last ? 1 : 0, a) < (b == last ? 1 : 0, b)
    }
    try Self.sync(content)
    guard exists else {
      guard rename(content, target) == 0 else { throw BackupError.notWritable(target, WriteFailure(errno: errno)) }
      try? Self.sync(URL(fileURLWithPath: target).deletingLastPathComponent().path)
      return removeWork()
    }
    do {
      try Data(names.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: moved), options: .atomic)
    } catch { throw BackupError.notWritable(moved, WriteFailure(error)) }
    try Self.sync(work)
    for name in names {
      guard rename("\(content)/\(name)", "\(target)/\(name)") == 0 else {
        throw BackupError.notWritable("\(target)/\(name)", WriteFailure(errno: errno))
      }
    }
    try? Self.sync(target)
    removeWork()
  }

  private func undo() {
    removeMoved()
    removeWork()
    for folder in parents.reversed() { rmdir(folder) }
  }

  /// What was moved is what it is from here on: the list of it goes first.
  private func removeWork() {
    unlink(moved)
    try? FileManager.default.removeItem(atPath: work)
    try? lock.close()
  }

  private static func sync(_ folder: String) throws {
    let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { throw BackupError.notWritable(folder, WriteFailure(errno: errno)) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw BackupError.notWritable(folder, WriteFailure(errno: errno)) }
  }
}
