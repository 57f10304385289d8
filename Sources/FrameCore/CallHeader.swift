/// The headers of gRPC calls over HTTP/2 that the gRPC library reads on trust: with a negative deadline, or a status that is no
/// number of three digits, it traps. Whoever sends such a thing is a peer or a local process; it must not end the node.
public enum CallHeader {
  public static let timeout = "grpc-timeout"
  public static let status = ":status"

  /// Of a call's deadline: 1 to 8 digits and a unit, as gRPC over HTTP/2 writes it.
  public static func isTimeout(_ text: String) -> Bool {
    let bytes = text.utf8
    guard (2...9).contains(bytes.count), let unit = bytes.last, "HMSmun".utf8.contains(unit) else { return false }
    return bytes.dropLast().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  /// Of an answer: three digits, from 100 (RFC 9110 §15).
  public static func isStatus(_ text: String) -> Bool {
    let bytes = text.utf8
    guard bytes.count == 3, let first = bytes.first else { return false }
    return first != UInt8(ascii: "0") && bytes.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
