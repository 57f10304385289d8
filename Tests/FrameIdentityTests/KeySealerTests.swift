import Foundation
import FrameCore
import Testing

@testable import FrameIdentity

@Suite("Sealed keys")
struct KeySealerTests {
  let folder: TemporaryFolder
  let directory: KeyDirectory
  let clock = ManualClock()

  init() throws {
    folder = try TemporaryFolder()
    directory = KeyDirectory(path: folder.path + "/keys")
  }

  private func sealer(_ passphrase: String = "correct horse battery") throws -> KeySealer {
    try KeySealer(passphrase: Data(passphrase.utf8))
  }

  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? any FrameError)?.code }
  }

  private func load(_ sealer: KeySealer?) throws -> FrameAuthority {
    try FrameAuthority.load(frame: Frames.a, from: directory, sealer: sealer, clock: clock)
  }

  @Test("a sealed folder holds no key in the clear and opens with its passphrase only")
  func passphrase() throws {
    let created = try FrameAuthority.create(frame: Frames.a, in: directory, sealer: try sealer(), clock: clock)
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) where name != "authority.json" {
      let text = String(decoding: try directory.read(name), as: UTF8.self)
      #expect(text.hasPrefix("-----BEGIN FRAME SEALED KEY-----\n") && !text.contains("PRIVATE KEY"))
    }
    #expect(try load(try sealer()).bundle == created.bundle)
    #expect(code { _ = try load(try sealer("correct horse batterx")) } == "key_seal_wrong_secret")
    #expect(code { _ = try load(nil) } == "key_seal_secret_missing")
    #expect(code { _ = try load(try KeySealer(keyFile: Data(repeating: 7, count: 32))) } == "key_seal_wrong_secret")
  }

  @Test("keys made by a rotation are sealed like the others")
  func rotation() throws {
    let authority = try FrameAuthority.create(
      frame: Frames.a, in: directory, sealer: try KeySealer(keyFile: Data(repeating: 7, count: 32)), clock: clock)
    try authority.rotate(.x509, .prepare, byOperator: true)
    try authority.rotate(.jwt, .prepare, byOperator: true)
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) where name != "authority.json" {
      #expect(KeySealer.isSealed(try directory.read(name)), "\(name)")
    }
    #expect(try load(try KeySealer(keyFile: Data(repeating: 7, count: 32))).bundle == authority.bundle)
    #expect(code { _ = try load(try KeySealer(keyFile: Data(repeating: 8, count: 32))) } == "key_seal_wrong_secret")
  }

  @Test("a folder is sealed and opened in place; a run that was cut short is finished by the next")
  func inPlace() throws {
    let created = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    #expect(code { _ = try load(try sealer()) } == "key_seal_missing")
    // Cut short: one file is sealed, the manifest does not say so.
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: directory.path).first { $0.hasPrefix("jwt-") })
    let one = try sealer()
    try directory.write(try one.seal(try directory.read(name), name: name), to: name)
    #expect(code { _ = try load(nil) } == "key_seal_secret_missing")
    try FrameAuthority.seal(frame: Frames.a, in: directory, with: try sealer())
    #expect(try load(try sealer()).bundle == created.bundle)
    try FrameAuthority.seal(frame: Frames.a, in: directory, with: try sealer())
    #expect(
      code { try FrameAuthority.unseal(frame: Frames.a, in: directory, with: try sealer("wrong wrong")) }
        == "key_seal_wrong_secret")
    #expect(try load(try sealer()).bundle == created.bundle)
    try FrameAuthority.unseal(frame: Frames.a, in: directory, with: try sealer())
    #expect(try load(nil).bundle == created.bundle)
    #expect(try load(nil).logKey.rawRepresentation == created.logKey.rawRepresentation)
  }

  @Test("a sealed file cannot pass as another, be changed, or ask for much memory")
  func attacks() throws {
    let sealer = try KeySealer(keyFile: Data(repeating: 7, count: 32))
    let sealed = try sealer.seal(Data("secret".utf8), name: "log.key")
    #expect(try sealer.open(sealed, name: "log.key", file: "f") == Data("secret".utf8))
    #expect(code { _ = try sealer.open(sealed, name: "jwt-x.pem", file: "f") } == "key_seal_wrong_secret")
    #expect(code { _ = try sealer.open(sealed.prefix(60), name: "log.key", file: "f") } == "key_seal_malformed")
    for index in [30, 45, 60, 75, 90] {
      var changed = Array(sealed)
      guard changed[index + 5] != 0x0a else { continue }
      changed[index + 5] = changed[index + 5] == 0x41 ? 0x42 : 0x41
      #expect(code { _ = try sealer.open(Data(changed), name: "log.key", file: "f") } != nil, "byte \(index + 5)")
    }
    var huge = Data("FSK1".utf8)
    huge.append(contentsOf: [1, 24, 255, 1])
    huge.append(Data(repeating: 0, count: 16 + 40))
    let document = "-----BEGIN FRAME SEALED KEY-----\n\(huge.base64EncodedString())\n-----END FRAME SEALED KEY-----\n"
    #expect(
      code { _ = try self.sealer().open(Data(document.utf8), name: "log.key", file: "f") } == "key_seal_malformed")
  }

  @Test("a secret file that others can read, or that is too short, is refused")
  func secretFile() throws {
    let path = folder.path + "/secret"
    func write(_ text: String, mode: Int) throws {
      try? FileManager.default.removeItem(atPath: path)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
    try write("correct horse battery\n", mode: 0o644)
    #expect(code { _ = try KeySealer(file: path, isPassphrase: true) } == "key_seal_file_unusable")
    try write("short\n", mode: 0o600)
    #expect(code { _ = try KeySealer(file: path, isPassphrase: true) } == "key_seal_weak")
    #expect(code { _ = try KeySealer(file: path, isPassphrase: false) } == "key_seal_weak")
    try write("correct horse battery\n", mode: 0o600)
    let created = try FrameAuthority.create(
      frame: Frames.a, in: directory, sealer: try KeySealer(file: path, isPassphrase: true), clock: clock)
    #expect(try load(try sealer()).bundle == created.bundle, "the line end is not part of the passphrase")
  }

  @Test("a secret of root's own may be read by whom root lets in by an ACL, a key by its owner alone")
  func managedSecret() throws {
    let path = folder.path + "/secret"
    try Data("correct horse battery\n".utf8).write(to: URL(fileURLWithPath: path))
    func code(mode: Int, _ read: () throws -> Void) throws -> String? {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      return self.code(read)
    }
    let passphrase = { _ = try KeySealer(file: path, isPassphrase: true) }
    // As systemd leaves a credential where the file system has ACLs: their mask shows as the group's rights.
    var status = stat()
    #expect(stat(path, &status) == 0)
    let isRoots = status.st_uid == 0 && status.st_gid == 0
    #expect(try code(mode: 0o440, passphrase) == (isRoots ? nil : "key_seal_file_unusable"))
    for mode in [0o444, 0o460, 0o404, 0o450] {
      #expect(try code(mode: mode, passphrase) == "key_seal_file_unusable", "\(String(mode, radix: 8))")
    }
    let key = { _ = try KeyDirectory(path: folder.path).read("secret") }
    #expect(try code(mode: 0o440, key) == "key_file_permissions")
    #expect(try code(mode: 0o400, key) == nil)
  }
}
