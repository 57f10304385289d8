import FrameCore
import Foundation
import NIOCore

/// Finds out whether an upstream is the SNI router's own listener, however it is spelled: a connection passed to it would come
/// back, be passed on again, and so on until no descriptor is left.
///
/// Names are not looked up here: what a name leads to can change. The router recognises its own connections when they come back.
struct SNILoop: Sendable {
  /// One end of a connection, the same whichever family its socket has.
  struct Place: Hashable, Sendable {
    let address: [UInt8]
    let port: Int

    init?(_ address: SocketAddress?) {
      guard let address, let host = address.ipAddress, let port = address.port,
        let bytes = SNILoop.addresses(host).first
      else { return nil }
      self.address = bytes
      self.port = port
    }
  }

  /// Where the router listens.
  let listener: HostPort
  /// Addresses of this machine, each as 16 bytes.
  let own: Set<[UInt8]>

  init(listener: HostPort, own: Set<[UInt8]>? = nil) {
    self.listener = listener
    self.own = own ?? Self.interfaces()
  }

  func leadsBack(_ upstream: HostPort) -> Bool {
    guard upstream.port == listener.port, listener.port != 0 else { return false }
    let listening = Self.addresses(listener.host)
    let targets = Self.addresses(upstream.host)
    // A name; it is told at run time.
    guard !targets.isEmpty else { return upstream.host.lowercased() == listener.host.lowercased() }
    // Not an address itself: what it is bound to will be known only then, so every own address counts.
    let isEverywhere = listening.isEmpty || listening.contains(where: Self.isUnspecified)
    return targets.contains { target in
      // Connecting to 0.0.0.0 or :: reaches this machine's own loopback.
      let reached = Self.isUnspecified(target) ? [Self.loopback4, Self.loopback6] : [target]
      return reached.contains { address in
        isEverywhere ? Self.isLoopback(address) || own.contains(address) : listening.contains(address)
      }
    }
  }

  /// The addresses that a text means without asking anybody: every form that the system takes for a number (`127.1`,
  /// `0x7f000001`, `2130706433`, `::ffff:127.0.0.1`), and the names that are always the loopback.
  static func addresses(_ host: String) -> Set<[UInt8]> {
    var name = host.lowercased()
    if name.hasSuffix(".") { name.removeLast() }
    if name == "localhost" || name.hasSuffix(".localhost") || name == "ip6-localhost" || name == "ip6-loopback"
      || name == "localhost.localdomain"
    {
      return [loopback4, loopback6]
    }
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &found) == 0, let first = found else { return [] }
    defer { freeaddrinfo(found) }
    var addresses: Set<[UInt8]> = []
    var next: UnsafeMutablePointer<addrinfo>? = first
    while let entry = next {
      if let bytes = bytes(of: entry.pointee.ai_addr) { addresses.insert(bytes) }
      next = entry.pointee.ai_next
    }
    return addresses
  }

  /// Of all interfaces of this machine, as they are now.
  static func interfaces() -> Set<[UInt8]> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var addresses: Set<[UInt8]> = [loopback4, loopback6]
    var next = list
    while let entry = next {
      if let bytes = bytes(of: entry.pointee.ifa_addr) { addresses.insert(bytes) }
      next = entry.pointee.ifa_next
    }
    return addresses
  }

  private static let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff]
  static let loopback4 = mapped + [127, 0, 0, 1]
  static let loopback6: [UInt8] = Array(repeating: 0, count: 15) + [1]

  private static func isUnspecified(_ address: [UInt8]) -> Bool {
    address.allSatisfy { $0 == 0 } || address == mapped + [0, 0, 0, 0]
  }

  /// All of 127.0.0.0/8 is.
  private static func isLoopback(_ address: [UInt8]) -> Bool {
    address == loopback6 || (address.prefix(12).elementsEqual(mapped) && address[12] == 127)
  }

  /// IPv4 addresses in their IPv6 form.
  private static func bytes(of address: UnsafeMutablePointer<sockaddr>?) -> [UInt8]? {
    guard let address else { return nil }
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { v4 in
        mapped + withUnsafeBytes(of: v4.pointee.sin_addr) { Array($0) }
      }
    case AF_INET6:
      return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { v6 in
        withUnsafeBytes(of: v6.pointee.sin6_addr) { Array($0) }
      }
    default: return nil
    }
  }
}
