import Crypto
import Foundation
import FrameCore
import Testing

@testable import FrameIdentity

@Suite("Keys at rest")
struct KeyDirectoryTests {
  let folder: TemporaryFolder
  let directory: KeyDirectory
  let clock = ManualClock()

  init() throws {
    folder = try TemporaryFolder()
    directory = KeyDirectory(path: folder.path + "/data/keys")
  }

  private func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.posixPermissions] as? Int)
  }

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
  }

  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? KeyFileError)?.code }
  }

  private func load() throws -> FrameAuthority {
    try FrameAuthority.load(frame: Frames.a, from: directory, clock: clock)
  }

  @Test("a frame that is created and loaded is the same frame: bundle, log key, tokens and SVIDs")
  func createAndLoad() async throws {
    let created = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    let loaded = try load()
    #expect(loaded.bundle == created.bundle)
    #expect(loaded.logKey.rawRepresentation == created.logKey.rawRepresentation)
    let svid = try loaded.issueX509SVID(for: .node(of: Frames.a))
    _ = try await SPIFFEVerifier(bundles: created.bundle, clock: clock).verify(svid.chain)
    let token = try await loaded.issueJWTSVID(for: .authority(of: Frames.a), audience: ["x"])
    _ = try await JWTSVIDVerifier(bundles: created.bundle, audiences: ["x"], clock: clock).verify(token.token)
    #expect(try FrameAuthority.loadOrCreate(frame: Frames.a, in: directory, clock: clock).bundle == created.bundle)
  }

  @Test("the folder has mode 0700 and every key 0600, whatever the umask")
  func modes() throws {
    _ = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    #expect(try mode(directory.path) == 0o700)
    let names = try files()
    #expect(names.count == 4)
    for name in names { #expect(try mode(directory.path + "/" + name) == 0o600, "\(name)") }
  }

  @Test("keys are never created over others")
  func noOverwrite() throws {
    let created = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    #expect(
      code { _ = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock) } == "key_directory_exists")
    #expect(try load().bundle == created.bundle)
  }

  @Test("a creation that was cut short leaves nothing that counts, and the next one succeeds")
  func interruptedCreation() throws {
    let staging = directory.path + ".new"
    try FileManager.default.createDirectory(atPath: staging, withIntermediateDirectories: true)
    try Data("half".utf8).write(to: URL(fileURLWithPath: staging + "/authority.json"))
    #expect(!directory.exists)
    _ = try FrameAuthority.loadOrCreate(frame: Frames.a, in: directory, clock: clock)
    #expect(!FileManager.default.fileExists(atPath: staging))
    #expect(try files().count == 4)
  }

  @Test(
    "a key file that others can read is refused by name, with the command that helps",
    arguments: [0o644, 0o640, 0o604, 0o660])
  func permissions(_ mode: Int) throws {
    _ = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    for name in try files() {
      let path = directory.path + "/" + name
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      do {
        _ = try load()
        Issue.record("\(name) was accepted")
      } catch let error as KeyFileError {
        #expect(error == .permissions(path, mode: UInt32(mode)))
        #expect(error.remedy.contains("chmod 0600 \(path)"))
      }
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }
    _ = try load()
  }

  @Test("a missing key file is named, and is never replaced by a new key")
  func missing() throws {
    #expect(code { _ = try load() } == "key_file_missing")
    _ = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    for name in try files() {
      let path = directory.path + "/" + name
      try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
      #expect(throws: KeyFileError.missing(path)) { try load() }
      #expect(
        code { _ = try FrameAuthority.loadOrCreate(frame: Frames.a, in: directory, clock: clock) } == "key_file_missing"
      )
      try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
    }
    _ = try load()
  }

  @Test("a damaged key file is named: empty, cut, noise, too large", arguments: ["empty", "cut", "noise", "large"])
  func damaged(_ how: String) throws {
    _ = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    for name in try files() {
      let path = directory.path + "/" + name
      let original = try directory.read(name)
      let bad: Data =
        switch how {
        case "empty": Data()
        case "cut": original.prefix(original.count / 2)
        case "noise": Data((0..<300).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        default: Data(repeating: 0x41, count: KeyDirectory.fileLimit + 1)
        }
      try directory.write(Data(bad), to: name)
      #expect { try load() } throws: {
        guard case .damaged(let named, _) = $0 as? KeyFileError else { return false }
        return named == path
      }
      try directory.write(original, to: name)
    }
    _ = try load()
  }

  @Test("keys of another frame, and keys swapped between files, are refused")
  func mixedUp() throws {
    _ = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    #expect { try FrameAuthority.load(frame: Frames.b, from: directory, clock: clock) } throws: {
      ($0 as? KeyFileError)?.code == "key_file_other_frame"
    }
    let other = KeyDirectory(path: folder.path + "/other")
    _ = try FrameAuthority.create(frame: Frames.b, in: other, clock: clock)
    let names = try FileManager.default.contentsOfDirectory(atPath: other.path)
    for prefix in ["x509-", "jwt-"] {
      let ours = try #require(try files().first { $0.hasPrefix(prefix) })
      let theirs = try #require(names.first { $0.hasPrefix(prefix) })
      let original = try directory.read(ours)
      try directory.write(try other.read(theirs), to: ours)
      #expect(code { _ = try load() } == "key_file_damaged")
      try directory.write(original, to: ours)
    }
  }

  @Test("an id in the manifest cannot lead out of the folder")
  func traversal() throws {
    _ = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    let text = String(decoding: try directory.read("authority.json"), as: UTF8.self)
    let manifest = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    var changed = manifest
    changed["jwt"] = [["id": "../../secret", "state": "active"]]
    try directory.write(try JSONSerialization.data(withJSONObject: changed), to: "authority.json")
    #expect(code { _ = try load() } == "key_file_damaged")
  }

  @Test("a folder that cannot be written gives one clear error")
  func notWritable() throws {
    let file = folder.path + "/file"
    try Data().write(to: URL(fileURLWithPath: file))
    #expect(
      code { _ = try FrameAuthority.create(frame: Frames.a, in: KeyDirectory(path: file + "/keys")) } == "key_file_io")
  }

  @Test("the log key file is one PEM block of 32 bytes under its own label")
  func logKeyForm() throws {
    let created = try FrameAuthority.create(frame: Frames.a, in: directory, clock: clock)
    let text = String(decoding: try directory.read("log.key"), as: UTF8.self)
    #expect(text.hasPrefix("-----BEGIN FRAME LOG PRIVATE KEY-----\n"))
    #expect(text.contains(created.logKey.rawRepresentation.base64EncodedString()))
    #expect(text.hasSuffix("-----END FRAME LOG PRIVATE KEY-----\n"))
  }
}
