import FrameCore
import Foundation
import NIOCertificateReloading
import NIOSSL
import Synchronization
import X509

/// A Web PKI certificate from files, for a bundle endpoint with profile `https_web`. It is read again on demand; handshakes use
/// whatever is current, and what is wrong never takes the place of what works.
package final class WebCertificateSource: CertificateReloader {
  private struct State {
    var chain: [Data]
    var notBefore: FrameTime
    var notAfter: FrameTime
    var override: NIOSSLContextConfigurationOverride
  }

  private let certificate: String
  private let key: String
  private let held: Mutex<State>

  /// - Parameters:
  ///   - certificate: path of the chain, PEM, leaf first.
  ///   - key: path of the leaf's private key, PEM.
  /// - Throws: ``WebCertificateError``.
  package init(certificate: String, key: String) throws(WebCertificateError) {
    self.certificate = certificate
    self.key = key
    held = Mutex(try Self.read(certificate, key))
  }

  package var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride { held.withLock { $0.override } }

  /// When the leaf expires.
  package var notAfter: FrameTime { held.withLock { $0.notAfter } }

  /// How long the leaf lives from its beginning to its end.
  package var lifetime: Duration { held.withLock { $0.notAfter - $0.notBefore } }

  /// Reads the files again. Blocks.
  /// - Returns: whether there is another chain now.
  /// - Throws: ``WebCertificateError``; what was read last stays.
  package func reload() throws(WebCertificateError) -> Bool {
    let next = try Self.read(certificate, key)
    return held.withLock { held in
      defer { held = next }
      return held.chain != next.chain
    }
  }

  private static func read(_ certificate: String, _ key: String) throws(WebCertificateError) -> State {
    let chain = try WebCertificates.read(certificate)
    do {
      let text: String
      do { text = try String(contentsOfFile: key, encoding: .utf8) } catch {
        throw WebCertificateError.unreadable(key, why: "it cannot be opened")
      }
      let leaf = try Certificate(derEncoded: Array(chain[0]))
      let privateKey = try Certificate.PrivateKey(pemEncoded: text)
      guard privateKey.publicKey == leaf.publicKey else { throw WebCertificateError.keyMismatch(certificate, key) }
      var override = NIOSSLContextConfigurationOverride()
      override.certificateChain = try chain.map { .certificate(try NIOSSLCertificate(bytes: Array($0), format: .der)) }
      override.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(text.utf8), format: .pem))
      return State(
        chain: chain, notBefore: FrameTime(leaf.notValidBefore), notAfter: FrameTime(leaf.notValidAfter),
        override: override)
    } catch let error as WebCertificateError {
      throw error
    } catch {
      throw .unreadable(key, why: "it is not a private key in PEM (\(error.words))")
    }
  }
}

/// Certificates in a PEM file.
package enum WebCertificates {
  /// - Returns: DER, in order, at least one.
  /// - Throws: ``WebCertificateError/unreadable(_:why:)``.
  static func read(_ path: String) throws(WebCertificateError) -> [Data] {
    do {
      let certificates = try NIOSSLCertificate.fromPEMFile(path)
      guard !certificates.isEmpty else { throw WebCertificateError.unreadable(path, why: "it has no certificate") }
      return try certificates.map { Data(try $0.toDERBytes()) }
    } catch let error as WebCertificateError {
      throw error
    } catch {
      // The library says of a file that is not there what it says of one that is no PEM.
      let isThere = FileManager.default.fileExists(atPath: path)
      throw .unreadable(path, why: isThere ? "it is not a file of certificates in PEM" : "there is no such file")
    }
  }

  /// Roots that a peer's `https_web` endpoint may rest on, besides the system's.
  /// - Throws: ``WebCertificateError/unreadable(_:why:)``.
  package static func roots(_ path: String) throws(WebCertificateError) -> [NIOSSLCertificate] {
    let setting = "bundle.additional_roots: \(path)"
    do {
      return try read(path).map { try NIOSSLCertificate(bytes: Array($0), format: .der) }
    } catch WebCertificateError.unreadable(_, let why) {
      throw .unreadable(setting, why: why)
    } catch {
      throw .unreadable(setting, why: error.words)
    }
  }
}

/// What is wrong with the files of a Web PKI certificate.
package enum WebCertificateError: FrameError, Hashable {
  case unreadable(String, why: String)
  case keyMismatch(String, String)

  package var code: String {
    switch self {
    case .unreadable: "certificate_unreadable"
    case .keyMismatch: "certificate_key_mismatch"
    }
  }
  package var kind: FrameErrorKind { .invalid }
  package var message: String {
    switch self {
    case .unreadable(let path, let why): "\(path) cannot be used: \(why)."
    case .keyMismatch(let certificate, let key): "The key in \(key) is not that of the certificate in \(certificate)."
    }
  }
  package var remedy: String {
    "Give PEM files in frame.yaml: bundle.certificate (leaf first), bundle.private_key, bundle.additional_roots."
  }
}
