import Foundation

/// The checkout that this test was compiled from.
enum Repository {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A file, by its path from the root of the repository.
  struct File: CustomStringConvertible, Sendable {
    let path: String

    var url: URL { Repository.root.appendingPathComponent(path) }
    var name: String { String(path.split(separator: "/").last ?? "") }
    /// The file's name without its last extension.
    var stem: String { name.split(separator: ".").dropLast().joined(separator: ".") }
    var description: String { path }

    func text() throws -> String { try String(contentsOf: url, encoding: .utf8) }
  }

  /// Every file below `folder` whose name ends in one of `suffixes`, sorted; hidden and build folders are left out.
  static func files(under folder: String, suffixes: [String] = [""]) -> [File] {
    let base = root.appendingPathComponent(folder)
    guard let walk = FileManager.default.enumerator(atPath: base.path) else { return [] }
    var found: [File] = []
    while let path = walk.nextObject() as? String {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      if name.hasPrefix(".") || name == "__pycache__" {
        walk.skipDescendants()
        continue
      }
      guard suffixes.contains(where: name.hasSuffix), walk.fileAttributes?[.type] as? FileAttributeType == .typeRegular
      else { continue }
      found.append(File(path: "\(folder)/\(path)"))
    }
    return found.sorted { $0.path < $1.path }
  }

  /// The names of the folders directly below `folder`.
  static func folders(in folder: String) -> [String] {
    let base = root.appendingPathComponent(folder)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: base.path)) ?? []
    return names.filter { name in
      var isFolder: ObjCBool = false
      return !name.hasPrefix(".")
        && FileManager.default.fileExists(atPath: base.appendingPathComponent(name).path, isDirectory: &isFolder)
        && isFolder.boolValue
    }.sorted()
  }
}

extension Repository.File {
  /// Code that a generator wrote.
  var isGenerated: Bool { path.hasSuffix(".pb.swift") || path.hasSuffix(".grpc.swift") }
}
