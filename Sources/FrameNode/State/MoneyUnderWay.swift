import FrameBridge
import FrameCore
import FrameLedger
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
    return items
  }
}
