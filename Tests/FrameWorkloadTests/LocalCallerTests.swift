import Foundation
import FrameCore
import Testing

@testable import FrameWorkload

@Suite("Who a local process is", .timeLimit(.minutes(2)))
struct LocalCallerTests {
  /// A process that runs until the test is done with it.
  private final class Child {
    let process = Process()
    let input = Pipe()

    init(_ program: String, _ arguments: [String]) throws {
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = arguments
      process.standardInput = input
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
    }

    var pid: Int32 { process.processIdentifier }
    var program: String? { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe") }

    /// Waits until it has become that program.
    func runs(_ path: String) async throws {
      for _ in 0..<2_000 where program != path { try await Task.sleep(for: .milliseconds(5)) }
      #expect(program == path)
    }

    func caller() -> LocalCaller { LocalCaller(pid: pid, uid: getuid(), gid: getgid(), handle: ProcessHandle(of: pid)) }

    /// Not SIGTERM: a child of a pool's thread has it blocked, and to wait for its end would keep that thread.
    func end() { kill(pid, SIGKILL) }

    deinit { end() }
  }

  private static func real(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static let sleep = real("/bin/sleep")
  private static let shell = real("/bin/sh")

  private static func ends(_ program: String, _ arguments: [String]) -> Bool {
    guard let child = try? Child(program, arguments) else { return false }
    child.process.waitUntilExit()
    return child.process.terminationStatus == 0
  }

  /// Whether this user may make a mount namespace of its own.
  static let canUnshare = ends("/usr/bin/unshare", ["-Urm", "/bin/true"])

  private func folder<T>(_ body: (URL) async throws -> T) async throws -> T {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("caller-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(URL(fileURLWithPath: Self.real(folder.path)))
  }

  @Test("a process is its user, its group and the program that it runs")
  func plain() async throws {
    let child = try Child(Self.sleep, ["1000"])
    try await child.runs(Self.sleep)
    let facts = await child.caller().facts()
    #expect(facts.selectors == [.uid(getuid()), .gid(getgid()), .path(Self.sleep)] && facts.refusal == nil)
  }

  @Test("a process that connects and then becomes another program is neither of them on that connection")
  func exec() async throws {
    let child = try Child(Self.shell, ["-c", "read line; exec \(Self.sleep) 1000"])
    try await child.runs(Self.shell)
    let before = child.caller()
    #expect(await before.facts().selectors.contains(.path(Self.shell)))
    try child.input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
    try await child.runs(Self.sleep)
    let facts = await before.facts()
    #expect(facts.refusal == .changed)
    #expect(facts.selectors == [.uid(getuid()), .gid(getgid())])
    // What it connects as what it is now, it is.
    #expect(await child.caller().facts().selectors.contains(.path(Self.sleep)))
  }

  @Test("a program in another mount namespace is not the one whose path it has there", .enabled(if: canUnshare))
  func mountNamespace() async throws {
    try await folder { folder in
      let target = folder.appendingPathComponent("service").path
      try FileManager.default.copyItem(atPath: "/bin/true", toPath: target)
      let child = try Child(
        "/usr/bin/unshare", ["-Urm", "/bin/sh", "-c", "mount --bind \(Self.sleep) \(target) && exec \(target) 1000"])
      for _ in 0..<2_000 where child.program != target && child.process.isRunning {
        try await Task.sleep(for: .milliseconds(5))
      }
      let facts = await child.caller().facts()
      #expect(facts.refusal == .otherNamespace)
      #expect(!facts.selectors.contains { $0.kind == .path })
    }
  }

  @Test("a program whose file was replaced or removed is not what lies at its path now")
  func replaced() async throws {
    try await folder { folder in
      let target = folder.appendingPathComponent("service").path
      try FileManager.default.copyItem(atPath: Self.sleep, toPath: target)
      let child = try Child(target, ["1000"])
      try await child.runs(target)
      let caller = child.caller()
      #expect(await caller.facts().selectors.contains(.path(target)))
      let other = folder.appendingPathComponent("other").path
      try FileManager.default.copyItem(atPath: "/bin/true", toPath: other)
      #expect(rename(other, target) == 0)
      #expect(await caller.facts().refusal == .otherFile)
      #expect(await child.caller().facts().refusal == .otherFile)
      try FileManager.default.removeItem(atPath: target)
      #expect(await caller.facts().refusal == .otherFile)
    }
  }

  @Test("of a process that has ended, that has no number here, or that has no handle, no program is told")
  func unknown() async throws {
    let child = try Child(Self.sleep, ["1000"])
    try await child.runs(Self.sleep)
    let caller = child.caller()
    child.end()
    for _ in 0..<2_000 where child.process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    #expect(await caller.facts().refusal == .unknown)
    let foreign = LocalCaller(pid: 0, uid: 1, gid: 1, handle: ProcessHandle(of: getpid()))
    #expect(await foreign.facts().refusal == .unknown)
    #expect(await LocalCaller(pid: getpid(), uid: 1, gid: 1, handle: nil).facts().refusal == .unknown)
  }

  @Test("the id that stands for all unmapped ones names nobody; where all are mapped it is an id as any other")
  func unmapped() async {
    func selectors(_ ids: LocalIDs) async -> Set<Selector> {
      await LocalCaller(pid: 0, uid: 65_534, gid: 65_534, handle: nil, ids: ids).facts().selectors
    }
    #expect(await selectors(LocalIDs(unmappedUser: 65_534, unmappedGroup: 65_534)).isEmpty)
    #expect(await selectors(LocalIDs(unmappedUser: nil, unmappedGroup: nil)) == [.uid(65_534), .gid(65_534)])
  }

  @Test("a path that can tell nobody is refused when the entry is made")
  func creation() async throws {
    let fixture = try WorkloadFixture()
    try await folder { folder in
      let program = folder.appendingPathComponent("program").path
      try FileManager.default.copyItem(atPath: "/bin/true", toPath: program)
      let link = folder.appendingPathComponent("link").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: program)
      let open = folder.appendingPathComponent("open").path
      try FileManager.default.copyItem(atPath: "/bin/true", toPath: open)
      chmod(open, 0o777)
      let text = folder.appendingPathComponent("text").path
      try Data("x".utf8).write(to: URL(fileURLWithPath: text))
      for path in [
        program + "x", link, open, text, folder.path, folder.path + "/../" + folder.lastPathComponent + "/program",
      ] {
        let code = await refusal { _ = try await fixture.enter("/agent/a", .path(path)) }
        #expect(code == "entry_path_unusable", "\(path)")
      }
      try await fixture.enter("/agent/a", .path(program))
    }
  }
}
