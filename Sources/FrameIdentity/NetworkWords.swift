import Foundation
import FrameCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SwiftASN1
import X509

// What SwiftNIO's errors are called where people read.

extension IOError: WordedError {
  public var plainWords: String { SystemWords.of(errno: errnoCode) }
}

extension NIOConnectionError: WordedError {
  public var plainWords: String {
    if let first = connectionErrors.first { return first.error.words }
    if dnsAError != nil || dnsAAAAError != nil { return "there is no host '\(host.shown(253))'" }
    return "there is no way to '\(host.shown(253))'"
  }
}

extension ChannelError: WordedError {
  public var plainWords: String {
    switch self {
    case .connectTimeout: SystemWords.of(errno: ETIMEDOUT)
    case .eof, .ioOnClosedChannel, .alreadyClosed, .inputClosed, .outputClosed: SystemWords.of(errno: EPIPE)
    default: "the connection cannot be used"
    }
  }
}

extension NIOSSLError: WordedError {
  public var plainWords: String {
    switch self {
    case .uncleanShutdown: "the connection was cut off without notice"
    case .handshakeFailed(let error): error.words
    case .shutdownFailed(let error): error.words
    case .failedToLoadCertificate: "there is no certificate in it that can be used"
    case .failedToLoadPrivateKey: "there is no private key in it that can be used"
    case .noCertificateToValidate: "the other side shows no certificate"
    case .unableToValidateCertificate: "the other side's certificate is not trusted"
    default: "TLS failed"
    }
  }
}

extension NIOSSLExtraError: WordedError {
  public var plainWords: String {
    self == .failedToValidateHostname ? "the certificate is for another host" : "TLS failed"
  }
}

extension BoringSSLError: WordedError {
  public var plainWords: String {
    switch self {
    case .sslError, .unknownError: Self.reason(in: "\(self)") ?? "TLS failed"
    case .syscallError, .zeroReturn: SystemWords.of(errno: EPIPE)
    default: "TLS failed"
    }
  }

  /// The library tells where in its source it failed, on the machine that it was built on; the reason stands between.
  static func reason(in text: String) -> String? {
    guard let start = text.range(of: "OPENSSL_internal:")?.upperBound else { return nil }
    let reason = text[start...].prefix { $0.isASCII && ($0.isUppercase || $0.isNumber || $0 == "_") }
    guard !reason.isEmpty else { return nil }
    let words = reason.lowercased().split(separator: "_")
    guard let alert = words.firstIndex(of: "alert") else { return "TLS failed: \(words.joined(separator: " "))" }
    return "the other side ended the handshake: \(words[words.index(after: alert)...].joined(separator: " "))"
  }
}

extension HTTPParserError: WordedError {
  public var plainWords: String { "it does not speak HTTP/1.1" }
}

extension ASN1Error: WordedError {
  // Its own sentence names a line of the library's source.
  public var plainWords: String { "it is not well-formed DER or PEM" }
}

extension CertificateError: WordedError {
  public var plainWords: String { "it is not a certificate that can be used" }
}
