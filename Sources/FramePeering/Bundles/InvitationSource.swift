import NIOCore

/// The network that an invitation comes from, as far as its bounds are concerned: who has one address has its neighbours too.
enum InvitationSource {
  /// - Returns: the first 24 bits of an IPv4 address, or 48 of an IPv6 one; "" for an address of this host, behind which
  ///   (the SNI router) anyone may be, and for what is none.
  static func network(of address: String) -> String {
    guard let parsed = try? SocketAddress(ipAddress: address, port: 0) else { return "" }
    switch parsed {
    case .v4(let v4):
      let bytes = withUnsafeBytes(of: v4.address.sin_addr) { Array($0) }
      return network(v4: bytes[...])
    case .v6(let v6):
      let bytes = withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) }
      if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
        return network(v4: bytes.suffix(4))
      }
      guard bytes.dropLast().contains(where: { $0 != 0 }) else { return "" }
      let groups = stride(from: 0, to: 6, by: 2).map {
        String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
      }
      return groups.joined(separator: ":") + "::/48"
    case .unixDomainSocket: return ""
    }
  }

  /// - Parameter bytes: four.
  private static func network(v4 bytes: ArraySlice<UInt8>) -> String {
    guard let first = bytes.first, first != 127, first != 0 else { return "" }
    return bytes.prefix(3).map { String($0) }.joined(separator: ".") + ".0/24"
  }
}
