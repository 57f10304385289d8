import Crypto
import CryptoExtras
import Foundation
import FrameCore
import SwiftASN1
import Synchronization

/// Seals key files with a secret, so that a copy of the disk alone is no copy of the keys.
///
/// AES-256-GCM under a key derived from a passphrase (scrypt, RFC 7914) or from a key file (HKDF-SHA256, RFC 5869). The
/// parameters stand in each file and are authenticated together with the file's name: a sealed file cannot be passed off
/// as another.
package final class KeySealer: Sendable {
  private enum Secret: Sendable {
    case passphrase(Data)
    case keyFile(SymmetricKey)
  }

  /// The parameters of a derivation, as the file's first bytes have them.
  private struct Parameters: Hashable {
    static let magic = Data("FSK1".utf8)
    static let count = 4 + 4 + 16
    /// 1: scrypt; 2: HKDF.
    var kdf: UInt8
    var roundsLog2: UInt8 = 0
    var blockSize: UInt8 = 0
    var parallelism: UInt8 = 0
    var salt: Data

    var encoded: Data { Self.magic + Data([kdf, roundsLog2, blockSize, parallelism]) + salt }
  }

  static let label = "FRAME SEALED KEY"
  /// scrypt: 32 MiB, three times over (one of the settings that OWASP recommends for passwords).
  private static let scrypt = (roundsLog2: UInt8(15), blockSize: UInt8(8), parallelism: UInt8(3))
  /// A file that asks for more memory than this (128 × 2^rounds × block size) is refused.
  private static let memoryMax = 256 << 20
  package static let passphraseMin = 8
  package static let keyFileMin = 32

  private let secret: Secret
  /// Deriving is slow on purpose, and all files of a folder share their salt.
  private let derived = Mutex<[Parameters: SymmetricKey]>([:])

  /// - Throws: ``KeySealError/weakSecret(_:)`` for fewer than 8 bytes.
  package init(passphrase: Data) throws(KeySealError) {
    guard passphrase.count >= Self.passphraseMin else {
      throw .weakSecret("the passphrase has \(passphrase.count) bytes; \(Self.passphraseMin) are the least")
    }
    secret = .passphrase(passphrase)
  }

  /// - Throws: ``KeySealError/weakSecret(_:)`` for fewer than 32 bytes.
  package init(keyFile: Data) throws(KeySealError) {
    guard keyFile.count >= Self.keyFileMin else {
      throw .weakSecret("the key file has \(keyFile.count) bytes; \(Self.keyFileMin) are the least")
    }
    secret = .keyFile(SymmetricKey(data: SHA256.hash(data: keyFile)))
  }

  /// Reads the secret from a file that only its owner can read, or whom root lets in. Blocks on the disk.
  /// - Parameter isPassphrase: a line of text (its line end does not count); else the file's bytes are the key.
  /// - Throws: ``KeySealError``.
  package convenience init(file: String, isPassphrase: Bool) throws {
    let path = (file as NSString)
    let folder = path.deletingLastPathComponent
    var data: Data
    do {
      data = try KeyDirectory(path: folder.isEmpty ? "." : folder).read(path.lastPathComponent, readers: .thoseOfRoot)
    } catch {
      // It is no key of the frame: what to do about it is another thing.
      switch error {
      case .missing: throw KeySealError.secretFileMissing(file)
      case .io(_, _, EACCES), .io(_, _, EPERM): throw KeySealError.secretFileForbidden(file)
      default: throw KeySealError.secretFileUnusable(file, why: error.message)
      }
    }
    if isPassphrase {
      while let last = data.last, last == 0x0a || last == 0x0d { data.removeLast() }
      try self.init(passphrase: data)
    } else {
      try self.init(keyFile: data)
    }
  }

  static func isSealed(_ data: Data) -> Bool { data.starts(with: Data("-----BEGIN \(label)-----".utf8)) }

  /// - Parameter name: the file's name, which is authenticated.
  func seal(_ contents: Data, name: String) throws -> Data {
    let parameters = usual()
    let key = try derive(parameters)
    let box = try AES.GCM.seal(contents, using: key, authenticating: parameters.encoded + Data(name.utf8))
    // With a nonce of the usual size there always is a combined form.
    guard let combined = box.combined else { throw KeySealError.notOpened(name) }
    let document = PEMDocument(type: Self.label, derBytes: Array(parameters.encoded + combined))
    return Data((document.pemString + "\n").utf8)
  }

  /// - Throws: ``KeySealError/notOpened(_:)``: another secret, or a file that was changed.
  func open(_ sealed: Data, name: String, file: String) throws(KeySealError) -> Data {
    guard let document = try? PEMDocument(pemString: String(decoding: sealed, as: UTF8.self)),
      document.discriminator == Self.label, let parameters = Self.parameters(of: Data(document.derBytes))
    else { throw .malformed(file) }
    let body = Data(document.derBytes.dropFirst(Parameters.count))
    do {
      let key = try derive(parameters)
      return try AES.GCM.open(
        try AES.GCM.SealedBox(combined: body), using: key, authenticating: parameters.encoded + Data(name.utf8))
    } catch {
      throw .notOpened(file)
    }
  }

  /// The parameters that files of this folder have already, else new ones.
  private func usual() -> Parameters {
    if let known = derived.withLock({ $0.keys.first }) { return known }
    let salt = SymmetricKey(size: .bits128).withUnsafeBytes { Data($0) }
    switch secret {
    case .passphrase:
      return Parameters(
        kdf: 1, roundsLog2: Self.scrypt.roundsLog2, blockSize: Self.scrypt.blockSize,
        parallelism: Self.scrypt.parallelism, salt: salt)
    case .keyFile: return Parameters(kdf: 2, salt: salt)
    }
  }

  private func derive(_ parameters: Parameters) throws -> SymmetricKey {
    if let key = derived.withLock({ $0[parameters] }) { return key }
    let key: SymmetricKey
    switch (secret, parameters.kdf) {
    case (.passphrase(let passphrase), 1):
      key = try KDF.Scrypt.deriveKey(
        from: passphrase, salt: parameters.salt, outputByteCount: 32, rounds: 1 << Int(parameters.roundsLog2),
        blockSize: Int(parameters.blockSize), parallelism: Int(parameters.parallelism))
    case (.keyFile(let secret), 2):
      key = HKDF<SHA256>.deriveKey(
        inputKeyMaterial: secret, salt: parameters.salt, info: Data("frame key seal v1".utf8), outputByteCount: 32)
    default: throw KeySealError.otherSecret
    }
    derived.withLock { $0[parameters] = key }
    return key
  }

  private static func parameters(of bytes: Data) -> Parameters? {
    let bytes = Array(bytes)
    guard bytes.count > Parameters.count + 28, Data(bytes[..<4]) == Parameters.magic else { return nil }
    let parameters = Parameters(
      kdf: bytes[4], roundsLog2: bytes[5], blockSize: bytes[6], parallelism: bytes[7],
      salt: Data(bytes[8..<Parameters.count]))
    guard parameters.kdf == 1 else { return parameters }
    guard (1...24).contains(parameters.roundsLog2), parameters.blockSize > 0, (1...16).contains(parameters.parallelism),
      (128 << Int(parameters.roundsLog2)) * Int(parameters.blockSize) <= memoryMax
    else { return nil }
    return parameters
  }
}

/// Why sealed keys cannot be used.
package enum KeySealError: FrameError, Hashable {
  case weakSecret(String)
  case malformed(String)
  /// Another passphrase or key file than it was sealed with, or a changed file.
  case notOpened(String)
  case otherSecret
  case secretMissing(String)
  case notSealed(String)
  /// The file that should hold the secret.
  case secretFileMissing(String)
  case secretFileForbidden(String)
  case secretFileUnusable(String, why: String)
  /// The environment variable that should hold the passphrase is not set.
  case environmentUnset(String)

  package var code: String {
    switch self {
    case .weakSecret: "key_seal_weak"
    case .malformed: "key_seal_malformed"
    case .notOpened: "key_seal_wrong_secret"
    case .otherSecret: "key_seal_other_secret"
    case .secretMissing: "key_seal_secret_missing"
    case .notSealed: "key_seal_missing"
    case .secretFileMissing: "key_seal_file_missing"
    case .secretFileForbidden: "key_seal_file_forbidden"
    case .secretFileUnusable: "key_seal_file_unusable"
    case .environmentUnset: "key_seal_environment_unset"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .secretFileMissing: .notFound
    case .secretFileForbidden: .forbidden
    default: .invalid
    }
  }
  package var message: String {
    switch self {
    case .weakSecret(let why): "The secret cannot seal keys: \(why)."
    case .malformed(let file): "The sealed key file \(file) is damaged."
    case .notOpened(let file): "The key file \(file) cannot be opened with this passphrase or key file."
    case .otherSecret: "The keys were sealed with a passphrase and a key file is given, or the other way round."
    case .secretMissing(let file): "The key file \(file) is sealed and no passphrase or key file is configured."
    case .notSealed(let file): "A seal is configured, but the key file \(file) is not sealed."
    case .secretFileMissing(let file): "The file with the secret of the keys, \(file), does not exist."
    case .secretFileForbidden(let file): "The file with the secret of the keys, \(file), may not be read by this user."
    case .secretFileUnusable(let file, let why): "The file with the secret of the keys, \(file), cannot be used: \(why)"
    case .environmentUnset(let name): "The environment variable '\(name)' has no passphrase in it."
    }
  }
  package var remedy: String {
    switch self {
    case .weakSecret: "Use a longer passphrase, or 32 random bytes in a file."
    case .malformed: "Restore it from the backup of the keys folder."
    case .notOpened, .otherSecret:
      "Set identity.seal in frame.yaml to the secret that they were sealed with. To seal with another one: stop the node, with the old setting run frame authority unseal, change the setting, run frame authority seal."
    case .secretMissing: "Set identity.seal in frame.yaml."
    case .notSealed: "Stop the node and run 'frame authority seal'."
    case .secretFileMissing, .secretFileForbidden:
      "Check the path that is given or in identity.seal, and who may read it."
    case .secretFileUnusable: "It is a regular file of mode 0600 with a passphrase, or at least 32 bytes of a key."
    case .environmentUnset(let name): "Set \(name) to the passphrase that the keys were sealed with."
    }
  }
}
