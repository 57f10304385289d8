import FrameBridge
import FrameCore
import FrameLedger
import FrameProtos
import FrameSettlement

extension NodeState {
  /// Refuses as long as anything that an agent of the operator began, or is to be paid by, has not ended: what comes back comes
  /// back to the agent's name.
  ///
  /// Looks at everything that is open; removals are rare.
  /// - Throws: `OperatorError.underWay`.
  func requireNothingUnderWay(_ record: OperatorRecord) throws(OperatorError) {
    let items = underWay { record.owns($0) }
    guard items.isEmpty else {
      throw .underWay(record.name, items: Array(items.prefix(Self.itemsNamed)), count: items.count)
    }
  }

  private static let itemsNamed = 10

  /// What is open of the agents that `concerns` picks, one line each.
  private func underWay(_ concerns: (AgentName) -> Bool) -> [String] {
    func isOurs(_ name: String) -> Bool { (try? AgentName(name)).map(concerns) ?? false }
    var items: [String] = []
    for peer in settlement.openPeers {
      for transfer in settlement.openTransfers(to: peer) {
        guard let terms = transfer.terms, concerns(terms.from) else { continue }
        items.append("\(transfer.backend.rawValue) transfer \(transfer.id) of \(terms.from) to \(peer)")
      }
    }
    for hold in ledger.holds.allOpen(limit: .max) where concerns(hold.owner) || hold.payee.map(concerns) == true {
      items.append("hold \(hold.id) of \(hold.owner)" + (hold.payee.map { " for \($0)" } ?? ""))
    }
    for (peer, bridge) in bridge.peers.sorted(by: { $0.key < $1.key }) {
      for id in bridge.outbound.unissued.keys.sorted() {
        guard let lock = bridge.outbound.locks[id], isOurs(lock.from) else { continue }
        items.append("bridge lock \(id) of \(lock.from) for \(peer)")
      }
      for id in bridge.inbound.notUnlocked.keys.sorted() {
        guard let redeem = bridge.inbound.redeems[id], isOurs(redeem.from) else { continue }
        items.append("redemption \(id) of \(redeem.from) at \(peer)")
      }
      for (id, pending) in bridge.outbound.pendingUnlocks.sorted(by: { $0.key < $1.key })
      where isOurs(pending.recipient) {
        items.append("unlock \(id) for \(pending.recipient) from \(peer)")
      }
      for (id, pending) in bridge.inbound.pendingIssues.sorted(by: { $0.key < $1.key }) where isOurs(pending.recipient)
      {
        items.append("issue \(id) for \(pending.recipient) from \(peer)")
      }
    }
    return items + waitingWithFormerLogs(isOurs)
  }

  /// What comes home when operators have decided about a log that a peer has lost.
  private func waitingWithFormerLogs(_ isOurs: (String) -> Bool) -> [String] {
    var items: [String] = []
    for log in federation.logs.former.keys.sorted() {
      for transfer in settlement.openTransfers(of: log) {
        guard let from = transfer.terms?.from.text, isOurs(from) else { continue }
        items.append("\(transfer.backend.rawValue) transfer \(transfer.id) of \(from) to \(log)")
      }
      for item in bridge.former[log]?.returns ?? [] where isOurs(item.to) {
        let word =
          switch item.kind {
          case .lock: "bridge lock \(item.id) of"
          case .wrapped: "redemption \(item.id) of"
          case .redemption, .unspecified, .UNRECOGNIZED: "unlock \(item.id) for"
          }
        items.append("\(word) \(item.to) at \(log)")
      }
    }
    return items
  }
}
