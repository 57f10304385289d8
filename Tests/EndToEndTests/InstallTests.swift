import Foundation
import Testing

extension EndToEnd {
  /// What an operator takes away: manuals, completions, and the tree that `make install` makes.
  @Suite("What is installed")
  struct InstallTests {
    private static let python = ProcessInfo.processInfo.environment["FRAME_TEST_PYTHON"] ?? "python3"
    private static let manuals = Binary.repository.appendingPathComponent("docs/man")

    private func inFolder(_ body: (URL) async throws -> Void) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-install-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try await body(folder)
    }

    private func check(_ pages: URL) async throws -> Finished {
      let script = Binary.repository.appendingPathComponent("scripts/man.py").path
      let frame = try Binary.frame()
      return try await Finished.run(
        "/usr/bin/env", [Self.python, script, "--frame", frame, "--pages", pages.path, "--check"])
    }

    @Test("the manual pages are what the commands say, and one that says something else is named")
    func manuals() async throws {
      let pages = try await check(Self.manuals)
      #expect(pages.status == 0, "\(pages.errors)")
      try await inFolder { folder in
        let copy = folder.appendingPathComponent("man")
        try FileManager.default.copyItem(at: Self.manuals, to: copy)
        let serve = copy.appendingPathComponent("frame-serve.1")
        let text = try String(contentsOf: serve, encoding: .utf8)
        try Data(text.replacing("supervisor", with: "supervisors").utf8).write(to: serve)
        try FileManager.default.removeItem(at: copy.appendingPathComponent("frame-burn.1"))
        try Data().write(to: copy.appendingPathComponent("frame-mint.1"))
        let changed = try await check(copy)
        #expect(changed.status == 1)
        for page in ["frame-serve.1", "frame-burn.1", "frame-mint.1"] {
          #expect(changed.errors.contains(page), "\(changed.errors)")
        }
        #expect(!changed.errors.contains("frame-peer.1"))
      }
    }

    @Test("mandoc finds nothing wrong with the manual pages")
    func lint() async throws {
      let pages = try FileManager.default.contentsOfDirectory(atPath: Self.manuals.path).sorted()
      #expect(pages.contains("frame.1") && pages.count > 20)
      let result = try await Finished.run(
        "/usr/bin/env",
        ["mandoc", "-T", "lint", "-W", "warning"] + pages.map { Self.manuals.appendingPathComponent($0).path })
      #expect(result.status == 0, "\(result.output)\(result.errors)")
    }

    /// Every path below a folder, links and empty folders included.
    private static func paths(below folder: URL) -> Set<String> {
      Set(FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? [])
    }

    private static func isFolder(_ path: String, in root: URL) throws -> Bool {
      let attributes = try FileManager.default.attributesOfItem(atPath: root.appendingPathComponent(path).path)
      return attributes[.type] as? FileAttributeType == .typeDirectory
    }

    /// A stand-in is installed that runs the binary: a debug build is too large to be copied each time.
    private func install(_ words: [String], prefix: String, root: URL, beside folder: URL) async throws -> Finished {
      let frame = folder.appendingPathComponent("frame")
      try Data("#!/bin/sh\nexec '\(try Binary.frame())' \"$@\"\n".utf8).write(to: frame)
      chmod(frame.path, 0o755)
      return try await Finished.run(
        Binary.repository.appendingPathComponent("scripts/install.sh").path, words,
        environment: ["PREFIX": prefix, "DESTDIR": root.path, "FRAME": frame.path])
    }

    @Test("make install puts everything in its place below PREFIX, and make uninstall leaves nothing of it")
    func tree() async throws {
      try await inFolder { folder in
        let root = folder.appendingPathComponent("root")
        let installed = try await install([], prefix: "/opt/frame", root: root, beside: folder)
        #expect(installed.status == 0, "\(installed.errors)")
        let paths = Self.paths(below: root)
        for path in [
          "bin/frame", "share/man/man1/frame.1", "share/man/man1/frame-serve.1",
          "share/bash-completion/completions/frame", "share/zsh/site-functions/_frame",
          "share/fish/vendor_completions.d/frame.fish", "share/frame/dashboards/frame-ledger.json",
          "share/frame/alerts/frame.rules.yaml", "share/frame/runbooks/FrameNodeDown.md",
          "share/doc/frame/LICENSE", "share/doc/frame/docs/on_a_server.md", "lib/systemd/system/frame@.service",
          "lib/sysusers.d/frame.conf", "lib/tmpfiles.d/frame.conf",
        ] { #expect(paths.contains("opt/frame/\(path)"), "\(path)") }

        let prefix = root.appendingPathComponent("opt/frame")
        let unit = try String(
          contentsOf: prefix.appendingPathComponent("lib/systemd/system/frame@.service"), encoding: .utf8)
        #expect(unit.contains("\nExecStart=/opt/frame/bin/frame serve "), "the unit runs the binary beside it")
        for file in try paths.filter({ try !Self.isFolder($0, in: root) && $0.hasSuffix(".service") }) {
          let text = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
          #expect(!text.contains(root.path), "\(file) names the folder of the package")
        }
        let bash = try await Finished.run(
          "/bin/bash", ["-n", prefix.appendingPathComponent("share/bash-completion/completions/frame").path])
        #expect(bash.status == 0, "\(bash.errors)")

        // What an operator reads there links to what is there, by the way that the system goes: through the links of the tree.
        var followed = 0
        for folder in [
          "share/doc/frame", "share/doc/frame/docs", "share/doc/frame/Benchmarks", "share/doc/frame/runbooks",
          "share/frame/runbooks",
        ] {
          let folder = prefix.appendingPathComponent(folder)
          for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".md") {
            let page = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            for match in page.matches(of: #/\]\(([^)#:\s]+)(?:#[^)]*)?\)/#) {
              followed += 1
              let target = "\(folder.path)/\(match.output.1)"
              #expect(FileManager.default.fileExists(atPath: target), "\(name) links to \(match.output.1)")
            }
          }
        }
        #expect(followed > 100)

        // Of somebody else, in folders that are everybody's and in one that is ours.
        let others = ["share/man/man1/other.1", "bin/other", "share/frame/dashboards/mine.json"]
        for path in others { try Data("x".utf8).write(to: prefix.appendingPathComponent(path)) }
        let again = try await install([], prefix: "/opt/frame", root: root, beside: folder)
        #expect(again.status == 0, "an upgrade is an installation over the old one: \(again.errors)")
        let gone = try await install(["--uninstall"], prefix: "/opt/frame", root: root, beside: folder)
        #expect(gone.status == 0, "\(gone.errors)")
        let left = try Self.paths(below: root).filter { try !Self.isFolder($0, in: root) }
        #expect(left == Set(others.map { "opt/frame/\($0)" }), "\(left.sorted())")
        #expect(!Self.paths(below: root).contains("opt/frame/share/doc/frame"))
      }
    }

    @Test("a PREFIX that cannot stand in a unit is refused before anything is written")
    func prefix() async throws {
      try await inFolder { folder in
        let root = folder.appendingPathComponent("root")
        for prefix in ["usr/local", "/opt/my frame", "/opt/a#b", "/opt/&"] {
          let result = try await install([], prefix: prefix, root: root, beside: folder)
          #expect(result.status == 64 && result.errors.contains(prefix), "\(prefix): \(result.errors)")
        }
        #expect(Self.paths(below: root).isEmpty)
      }
    }
  }
}
