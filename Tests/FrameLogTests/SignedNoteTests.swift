import Crypto
import Foundation
import FrameProtos
import Testing

@testable import FrameEvents

@Suite struct SignedNoteTests {
  // Published vectors of the signed-note format.
  static let peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
  static let peterSeed = "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM="
  static let text =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
  static let peterLine =
    "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
  static let enochLine =
    "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

  private func open(_ note: String, _ key: String = peter) throws -> String {
    try SignedNote(Data(note.utf8)).verified(by: LogVerifierKey(key))
  }

  @Test("L2: the verifier key of the specification is read and written back")
  func specificationKey() throws {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    let key = try LogVerifierKey(text)
    #expect(key.text == text)
    #expect(key.name == "example.com/foo")
    #expect(key.keyID == 0x530d_903a)
  }

  @Test("L2: no piece of a verifier key, and no verifier key with one character changed, is a verifier key")
  func mangledKeys() {
    let bytes = Array(Self.peter.utf8)
    for start in 0...bytes.count {
      for end in start...bytes.count where end - start < bytes.count {
        #expect(throws: LogError.self) { try LogVerifierKey(String(decoding: bytes[start..<end], as: UTF8.self)) }
      }
    }
    for index in bytes.indices {
      var changed = bytes
      changed[index] += 1
      #expect(throws: LogError.self) { try LogVerifierKey(String(decoding: changed, as: UTF8.self)) }
    }
  }

  @Test(
    "L2: a key of another length or type is refused even with a matching id",
    arguments: [
      "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
      "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "", "++",
    ])
  func wrongKeys(text: String) {
    #expect(throws: LogError.self) { try LogVerifierKey(text) }
  }

  @Test("L2: a note is signed byte for byte as the published one")
  func sign() throws {
    let seed = try #require(Data(base64Encoded: Self.peterSeed))
    let signer = LogSigner(name: "PeterNeumann", privateKey: try .init(rawRepresentation: seed))
    #expect(signer.verifierKey.text == Self.peter)
    #expect(signer.sign(note: Self.text) == Self.text + "\n" + Self.peterLine)
  }

  @Test("L2: a note opens with its signer's key; other signatures are ignored, whatever they say")
  func openNote() throws {
    #expect(try open(Self.text + "\n" + Self.peterLine) == Self.text)
    #expect(try open(Self.text + "\n" + Self.enochLine + Self.peterLine) == Self.text)
    #expect(try open(Self.text + "\n" + Self.peterLine + "\u{2014} EnochRoot AAAAAAAA\n") == Self.text)
    #expect(throws: LogError.self) { try open(Self.text + "\n" + Self.enochLine) }
  }

  @Test("a note of somebody else, or of another key in the same name, says so, and what is no key is no bad note")
  func whose() throws {
    func refusal(_ body: () throws -> Void) -> LogError? {
      do { try body() } catch { return error as? LogError }
      return nil
    }
    let note = Data((Self.text + "\n" + Self.enochLine).utf8)
    let other = refusal { _ = try SignedNote(note).verified(by: LogVerifierKey(Self.peter)) }
    #expect(other == .badNote("it is not signed by 'PeterNeumann' but by 'EnochRoot'"))
    #expect(other?.remedy.contains("verifier key are of the same frame") == true)
    let namesake = try LogVerifierKey(name: "PeterNeumann", publicKey: Data(repeating: 7, count: 32))
    let mine = Data((Self.text + "\n" + Self.peterLine).utf8)
    let renewed = refusal { _ = try SignedNote(mine).verified(by: namesake) }
    #expect(renewed?.message.contains("another key of 'PeterNeumann' than the one given") == true)
    let none = refusal { _ = try LogVerifierKey("garbage") }
    #expect(none?.code == "invalid_verifier_key" && none?.kind == .invalid)
    #expect(none?.message == "The verifier key is not valid: 'garbage' is not one.")
  }

  @Test("L2: a bad signature of a known key is refused, even beside a good one")
  func badSignature() throws {
    let bad = Self.peterLine.replacingOccurrences(of: "JkuBS", with: "JkuBT")
    #expect(throws: LogError.self) { try open(Self.text + "\n" + bad) }
    #expect(throws: LogError.self) { try open(Self.text + "\n" + Self.peterLine + bad) }
    #expect(throws: LogError.self) { try open("x" + Self.text + "\n" + Self.peterLine) }
  }

  @Test(
    "L2: what is not a note is refused",
    arguments: [
      Data(text.utf8), Data((text + "\n").utf8), Data((text + "\n" + peterLine.dropLast()).utf8),
      Data(("\u{1}" + text + "\n" + peterLine).utf8), Data([0xff]) + Data((text + "\n" + peterLine).utf8),
      Data((text + "\r\n\n" + peterLine).utf8), Data((text + "\t\n\n" + peterLine).utf8),
      Data((text + "\n" + peterLine + "Unexpected line.\n").utf8),
      Data((text + "\n" + peterLine.replacingOccurrences(of: "PeterNeumann", with: "Bad Name")).utf8),
      Data((text + "\n" + String(repeating: peterLine, count: 101)).utf8), Data(),
    ])
  func malformed(note: Data) throws {
    #expect(throws: LogError.self) { try SignedNote(note).verified(by: LogVerifierKey(Self.peter)) }
  }

  @Test("L2: a text whose last line others ended in a carriage return is signed, and refused when it is read")
  func carriageReturn() throws {
    let signer = LogSigner(name: "frame-a.example", privateKey: .init())
    let note = signer.sign(note: "treaty\nsubscribes to x\r\n")
    #expect(throws: LogError.self) { try SignedNote(Data(note.utf8)) }
  }

  @Test("L2: the text is split off at the last blank line")
  func lastBlankLine() throws {
    let signer = LogSigner(name: "x", privateKey: .init())
    let text = "one\n\ntwo\n"
    #expect(try SignedNote(Data(signer.sign(note: text).utf8)).verified(by: signer.verifierKey) == text)
  }

  @Test("L3: a checkpoint is origin, size and root, a line each, signed under the origin's name")
  func checkpoint() throws {
    let signer = LogSigner(name: "frame-a.example", privateKey: .init())
    let signed = SignedCheckpoint(size: 7, root: .empty, signer: signer)
    let note = String(decoding: signed.note, as: UTF8.self)
    #expect(
      note.hasPrefix("frame-a.example\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u{2014} frame-a.example "))
    #expect(try AttestationVerifier.verify(checkpoint: signed.note, key: signer.verifierKey) == signed)
  }

  @Test(
    "L3: a checkpoint that is not one is refused although it is signed",
    arguments: [
      "frame-a.example\n7\n", "frame-b.example\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
      "frame-a.example\n07\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
      "frame-a.example\n-7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
      "frame-a.example\n18446744073709551616\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
      "frame-a.example\n7\n47DEQpj8HBSa\n", "frame-a.example\n7\n\n",
    ])
  func badCheckpoint(text: String) {
    let signer = LogSigner(name: "frame-a.example", privateKey: .init())
    let note = Data(signer.sign(note: text).utf8)
    #expect(throws: LogError.self) { try AttestationVerifier.verify(checkpoint: note, key: signer.verifierKey) }
  }

  @Test("L3: lines after the root are extensions and are allowed")
  func extensions() throws {
    let signer = LogSigner(name: "frame-a.example", privateKey: .init())
    let text = "frame-a.example\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n"
    let note = Data(signer.sign(note: text).utf8)
    #expect(try AttestationVerifier.verify(checkpoint: note, key: signer.verifierKey).size == 7)
  }

  @Test("B9: a checkpoint signed by another key of the same name is refused")
  func otherKey() {
    let signer = LogSigner(name: "frame-a.example", privateKey: .init())
    let other = LogSigner(name: "frame-a.example", privateKey: .init())
    let signed = SignedCheckpoint(size: 7, root: .empty, signer: other)
    #expect(throws: LogError.self) {
      try AttestationVerifier.verify(checkpoint: signed.note, key: signer.verifierKey)
    }
  }

  @Test("L2: no change of one byte of a signed note leaves it valid with another text")
  func mutations() throws {
    let key = try LogVerifierKey(Self.peter)
    let note = Data((Self.text + "\n" + Self.peterLine).utf8)
    for index in note.indices {
      for bit in [UInt8(1), 2, 0x20, 0x80] {
        var changed = note
        changed[index] ^= bit
        if let text = try? SignedNote(changed).verified(by: key) { #expect(text == Self.text) }
      }
    }
    for length in 0..<note.count {
      #expect(throws: LogError.self) { try SignedNote(note.prefix(length)).verified(by: key) }
    }
  }
}
