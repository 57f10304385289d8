import Foundation
import FrameCore
import FrameConfiguration

/// Finds out whether a port can be listened on, before anything is started on it.
enum PortCheck {
  /// - Parameter option: what the user changes to choose another port; named in the error.
  /// - Throws: ``CLIError/portInUse(port:name:option:)`` or ``CLIError/portNotAllowed(port:name:why:)``.
  static func require(host: String, port: Int, name: String, option: String) throws {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    guard status == 0, let address = found else {
      throw CLIError.portNotAllowed(port: port, name: name, why: "'\(host)' is not an address of any host")
    }
    defer { freeaddrinfo(found) }
    let descriptor = socket(address.pointee.ai_family, address.pointee.ai_socktype, address.pointee.ai_protocol)
    guard descriptor >= 0 else {
      throw CLIError.portNotAllowed(port: port, name: name, why: SystemWords.of(errno: errno))
    }
    defer { close(descriptor) }
    // As the listeners do: a connection of a former run that still lingers does not count as in use.
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0, listen(descriptor, 1) == 0 else {
      let code = errno
      if code == EADDRINUSE { throw CLIError.portInUse(port: port, name: name, option: option) }
      throw CLIError.portNotAllowed(port: port, name: name, why: SystemWords.of(errno: code))
    }
  }

  /// Every listener of a node.
  static func require(_ configuration: NodeConfiguration, option: (String) -> String) throws {
    var listeners = [
      ("api", configuration.api), ("ops", configuration.ops), ("federation", configuration.federation),
      ("bundle", configuration.bundle),
    ]
    if configuration.sni.enabled { listeners.append(("sni", configuration.sni.listener)) }
    for (name, listener) in listeners {
      try require(host: listener.host, port: listener.port, name: name, option: option(name))
    }
  }

  /// The folders that a node does not make itself: that of its keys and log, and that of a socket which frame.yaml puts elsewhere.
  /// - Throws: a `Refusal` that names the setting whose folder is not there.
  static func requireFolders(_ configuration: NodeConfiguration, file: String) throws {
    func require(_ folder: URL, _ setting: String, _ remedy: String) throws {
      var isFolder: ObjCBool = false
      let isThere = FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder)
      guard !isThere || !isFolder.boolValue else { return }
      throw Refusal(
        "config_invalid", .invalid,
        "\(file): \(setting): the folder \(folder.path) \(isThere ? "is no folder" : "does not exist").", remedy: remedy
      )
    }
    try require(
      configuration.dataDirectory, "data_dir",
      "Correct it: it is the folder with the frame's keys and log, and is not made anew.")
    guard configuration.identity.workloadAPI.enabled else { return }
    try require(
      URL(fileURLWithPath: configuration.identity.workloadAPI.socket).deletingLastPathComponent(),
      "identity.workload_api.socket", "Make the folder, one that the node's user may write, or correct the path.")
  }

  /// - Throws: ``CLIError/folderNotWritable(path:_:)`` unless files can be made in `folder`.
  static func requireWritable(_ folder: URL) throws {
    guard access(folder.path, W_OK | X_OK) == 0 else {
      throw CLIError.folderNotWritable(path: folder.path, WriteFailure(errno: errno))
    }
  }
}
