import FrameCore

extension FrameAuthority {
  /// Seals the keys of a frame that is not running. What is interrupted is finished by doing it again. Blocks on the disk.
  /// - Throws: ``KeyFileError``, ``KeySealError``.
  package static func seal(frame: FrameID, in directory: KeyDirectory, with sealer: KeySealer) throws {
    // Files that are sealed already are opened with the same secret.
    try rewrite(frame, KeyStore(directory: directory, sealer: sealer), sealing: true)
  }

  /// Stores the keys of a frame that is not running in the clear again (mode 0600). Blocks on the disk.
  /// - Throws: ``KeyFileError``, ``KeySealError``; a wrong secret changes nothing.
  package static func unseal(frame: FrameID, in directory: KeyDirectory, with sealer: KeySealer) throws {
    try rewrite(frame, KeyStore(directory: directory, sealer: sealer), sealing: false)
  }

  private static func rewrite(_ frame: FrameID, _ store: KeyStore, sealing: Bool) throws {
    let writing = KeyStore(directory: store.directory, sealer: sealing ? store.sealer : nil)
    // All of it is read and checked before anything is written.
    let keys = try AuthorityKeys.load(for: frame, from: store, anySeal: true)
    try store.rewrite(Array(keys.names()), by: writing)
    try writing.write(try keys.manifest(for: frame, sealed: sealing), to: KeyFiles.manifest)
  }
}
