import Crypto
import FrameCore

extension FrameAuthority {
  /// Looks at a keys folder that is to become a frame's, without using it: everything that its manifest names is there and is what it
  /// says. Blocks on the disk.
  /// - Parameter sealer: what the private files are sealed with; nil when that is not known.
  /// - Returns: the public half of the log's key; nil when the files are sealed and `sealer` is nil.
  /// - Throws: ``KeyFileError``, ``KeySealError``.
  package static func inspect(
    frame: FrameID, in directory: KeyDirectory, sealer: KeySealer?
  ) throws -> Curve25519.Signing.PublicKey? {
    let store = KeyStore(directory: directory, sealer: sealer)
    let manifest = try AuthorityKeys.readManifest(for: frame, from: store)
    if sealer == nil {
      let names =
        manifest.x509.map { KeyFiles.x509($0.id) } + manifest.jwt.map { KeyFiles.jwt($0.id) } + [KeyFiles.logKey]
      var isSealed = false
      for name in names where KeySealer.isSealed(try directory.read(name)) { isSealed = true }
      if isSealed { return nil }
    }
    return try AuthorityKeys.load(for: frame, from: store, anySeal: true).logKey.publicKey
  }
}
