internal import FrameCore
package import FrameEvents
internal import FrameProjection

extension BridgeItem: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(id)
    output.write(peer)
    output.write(from)
    output.write(recipient)
    output.write(amount)
    output.write(memo)
    output.write(position)
    output.write(time)
    output.write(doneAt)
  }

  package init(from input: inout SnapshotInput) throws {
    id = try input.read()
    peer = try input.read()
    from = try input.read()
    recipient = try input.read()
    amount = try input.read()
    memo = try input.read()
    position = try input.read()
    time = try input.read()
    doneAt = try input.read()
  }
}

extension OutboundBridge: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(locked)
    output.write(unlocked)
    output.write(attestedIssued)
    output.write(attestedRedeemed)
    output.write(provenRedeemed)
    output.write(locks)
    output.write(unissued)
    output.write(pendingUnlocks)
    output.write(unlockedAhead)
    output.write(unlocks)
    output.write(unlockRate)
  }

  package init(from input: inout SnapshotInput) throws {
    locked = try input.read()
    unlocked = try input.read()
    attestedIssued = try input.read()
    attestedRedeemed = try input.read()
    provenRedeemed = try input.read()
    locks = try input.read()
    unissued = try input.read()
    pendingUnlocks = try input.read()
    unlockedAhead = try input.read()
    unlocks = try input.read()
    unlockRate = try input.read()
  }
}

extension InboundBridge: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(issued)
    output.write(redeemed)
    output.write(attestedLocked)
    output.write(attestedUnlocked)
    output.write(provenLocked)
    output.write(pendingIssues)
    output.write(issuedAhead)
    output.write(issues)
    output.write(redeems)
    output.write(notUnlocked)
    output.write(issueRate)
    output.write(takenOver)
  }

  package init(from input: inout SnapshotInput) throws {
    issued = try input.read()
    redeemed = try input.read()
    attestedLocked = try input.read()
    attestedUnlocked = try input.read()
    provenLocked = try input.read()
    pendingIssues = try input.read()
    issuedAhead = try input.read()
    issues = try input.read()
    redeems = try input.read()
    notUnlocked = try input.read()
    issueRate = try input.read()
    takenOver = try input.read()
  }
}

extension BridgePeer.Breaker: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(reason)
    output.write(detail)
    output.write(openedAt)
  }

  package init(from input: inout SnapshotInput) throws {
    reason = try input.read()
    detail = try input.read()
    openedAt = try input.read()
  }
}

extension BridgePeer: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(outbound)
    output.write(inbound)
    output.write(breaker)
    output.write(sequence)
    output.write(log)
    output.write(since)
    output.write(native)
  }

  package init(from input: inout SnapshotInput) throws {
    outbound = try input.read()
    inbound = try input.read()
    breaker = try input.read()
    sequence = try input.read()
    log = try input.read()
    since = try input.read()
    native = try input.read()
  }
}
