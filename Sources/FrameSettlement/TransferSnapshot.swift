internal import FrameCore
package import FrameEvents

extension TransferBackend: SnapshotValue {}
extension TransferRole: SnapshotValue {}
extension TransferPhase: SnapshotValue {}

extension Transfer: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(id)
    output.write(peer)
    output.write(role)
    output.write(backend)
    output.write(terms)
    output.write(phase)
    output.write(creditedAmount)
    output.write(reason)
    output.write(deadline)
    output.write(openedAt)
    output.write(openPosition)
    output.write(closedAt)
    output.write(closePosition)
    output.write(peerPosition)
  }

  package init(from input: inout SnapshotInput) throws {
    id = try input.read()
    peer = try input.read()
    role = try input.read()
    backend = try input.read()
    terms = try input.read()
    phase = try input.read()
    creditedAmount = try input.read()
    reason = try input.read()
    deadline = try input.read()
    openedAt = try input.read()
    openPosition = try input.read()
    closedAt = try input.read()
    closePosition = try input.read()
    peerPosition = try input.read()
  }
}

extension TransferTerms: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(id)
    output.write(origin)
    output.write(destination)
    output.write(from)
    output.write(to)
    output.write(asset)
    output.write(amount)
    output.write(memo)
  }

  package init(from input: inout SnapshotInput) throws {
    id = try input.read()
    origin = try input.read()
    destination = try input.read()
    from = try input.read()
    to = try input.read()
    asset = try input.read()
    amount = try input.read()
    memo = try input.read()
  }
}
