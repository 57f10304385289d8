import Foundation
import FrameCore

/// The keys folder, with the secret that its private files are sealed with, if any.
struct KeyStore: Sendable {
  let directory: KeyDirectory
  let sealer: KeySealer?

  /// The full path of a file, as errors name it.
  func path(_ name: String) -> String { directory.path + "/" + name }

  /// Reads a private key file, opening its seal.
  /// - Throws: ``KeyFileError``, ``KeySealError``.
  func read(_ name: String) throws -> Data {
    let data = try directory.read(name)
    guard KeySealer.isSealed(data) else { return data }
    guard let sealer else { throw KeySealError.secretMissing(path(name)) }
    return try sealer.open(data, name: name, file: path(name))
  }

  /// What is stored for a file; the manifest, which holds nothing secret, stays readable.
  func stored(_ contents: Data, as name: String) throws -> Data {
    guard let sealer, name != KeyFiles.manifest else { return contents }
    return try sealer.seal(contents, name: name)
  }

  func write(_ contents: Data, to name: String) throws {
    try directory.write(try stored(contents, as: name), to: name)
  }

  /// Deletes the key files of authorities that `kept` does not name, and files that a crash left half written.
  func sweep(keeping kept: Set<String>) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    for name in names where !kept.contains(name) {
      let isKey = (name.hasPrefix("x509-") || name.hasPrefix("jwt-")) && name.hasSuffix(".pem")
      if isKey || name.hasSuffix(".new") { unlink(path(name)) }
    }
  }

  /// Seals (or, with no sealer to write with, opens) every private file of the folder, one after the other: each is replaced
  /// whole, and what is interrupted is finished by doing it again.
  /// - Parameter writing: how the files are to be stored from now on.
  func rewrite(_ names: [String], by writing: KeyStore) throws {
    for name in names.sorted() {
      let contents = try read(name)
      try writing.write(contents, to: name)
    }
  }
}
