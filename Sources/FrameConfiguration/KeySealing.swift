import FrameCore
import FrameIdentity
import FrameLog

extension NodeConfiguration {
  /// Encrypts the private keys of a node that is not running with what `identity.seal` names. Blocks on the disk.
  /// - Throws: `KeyFileError`, `KeySealError`; `LogError.inUse` while the node runs; a `Refusal` when no seal is configured.
  package func sealKeys() throws {
    let sealer = try sealer()
    let lock = try DirectoryLock(logDirectory)
    defer { lock.release() }
    try FrameAuthority.seal(frame: frameID, in: KeyDirectory(path: keysDirectory.path), with: sealer)
  }

  /// Stores the private keys of a node that is not running in the clear again. Blocks on the disk.
  /// - Throws: as ``sealKeys()``.
  package func unsealKeys() throws {
    let sealer = try sealer()
    let lock = try DirectoryLock(logDirectory)
    defer { lock.release() }
    try FrameAuthority.unseal(frame: frameID, in: KeyDirectory(path: keysDirectory.path), with: sealer)
  }

  private func sealer() throws -> KeySealer {
    guard let seal = identity.seal else {
      throw Refusal(
        "no_seal_configured", .invalid, "identity.seal is not set.",
        remedy: "Set identity.seal in frame.yaml to passphrase_env, passphrase_file or key_file.")
    }
    return try seal.sealer()
  }
}
