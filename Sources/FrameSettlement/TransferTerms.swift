package import FrameCore
internal import FrameEvents
package import FrameProtos

/// The terms of one cross-frame transfer, checked: what both frames agree they are talking about.
package struct TransferTerms: Sendable, Equatable {
  /// Chosen by the origin, unique there.
  package let id: String
  package let origin: FrameID
  package let destination: FrameID
  package let from: AgentName
  package let to: AgentName
  /// The origin's native asset.
  package let asset: Asset
  /// Minor units of `asset`; greater than zero.
  package let amount: Amount
  package let memo: String

  /// - Throws: ``SettlementError``, `AmountError.notPositive`.
  package init(
    id: String, from: AgentAddress, to: AgentAddress, asset: Asset, amount: Amount, memo: String
  ) throws {
    guard Self.isTransferID(id) else { throw SettlementError.invalidTransferID(id) }
    guard from.frame != to.frame else { throw SettlementError.selfTransfer(from.frame) }
    guard asset.origin == from.frame else {
      throw SettlementError.wrongAsset(named: asset.description, expected: "native of \(from.frame)")
    }
    guard amount > .zero else { throw AmountError.notPositive(amount.description) }
    guard amount.minorUnits <= SettlementLimits.amountMax else {
      throw SettlementError.amountTooLarge(amount.minorUnits, of: asset)
    }
    guard TextLimit.memo.admits(memo) else {
      throw SettlementError.memoTooLong(characters: TextLimit.length(of: memo))
    }
    self.id = id
    self.origin = from.frame
    self.destination = to.frame
    self.from = from.name
    self.to = to.name
    self.asset = asset
    self.amount = amount
    self.memo = memo
  }

  /// - Throws: as above, and `IdentifierError` for a field that breaks its grammar.
  package init(_ message: PBTransferTerms) throws {
    try self.init(
      id: message.transferID,
      from: AgentAddress(name: AgentName(message.from), frame: FrameID(message.origin)),
      to: AgentAddress(name: AgentName(message.to), frame: FrameID(message.destination)),
      asset: Asset(message.asset), amount: Amount(minorUnits: message.amount), memo: message.memo)
  }

  package var message: PBTransferTerms {
    var message = PBTransferTerms()
    message.transferID = id
    message.origin = origin.name
    message.destination = destination.name
    message.from = from.text
    message.to = to.text
    message.asset = PBAsset(asset)
    message.amount = amount.minorUnits
    message.memo = memo
    return message
  }

  /// 1 to 64 visible ASCII characters.
  package static func isTransferID(_ text: String) -> Bool {
    (1...SettlementLimits.transferIDBytesMax).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
  }

  /// The id of the transfer that the command with this key makes: a retry finds the same transfer, and nothing random is
  /// needed.
  package static func id(for key: IdempotencyKey) -> String {
    let digest = CommandDigest.of("transfer-id", key.text)
    return "t"
      + digest.prefix(16).map { byte in
        let hex = String(byte, radix: 16)
        return hex.utf8.count == 1 ? "0" + hex : hex
      }.joined()
  }
}
