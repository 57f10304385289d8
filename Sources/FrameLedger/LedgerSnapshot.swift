internal import FrameCore
package import FrameEvents

extension AgentRecord: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(name)
    output.write(purpose)
    output.write(registered)
    output.write(freeze)
  }

  package init(from input: inout SnapshotInput) throws {
    name = try input.read()
    purpose = try input.read()
    registered = try input.read()
    freeze = try input.read()
  }
}

extension AgentFreeze: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(reason)
    output.write(since)
  }

  package init(from input: inout SnapshotInput) throws {
    reason = try input.read()
    since = try input.read()
  }
}

extension SupplyDrift: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(size)
    output.write(delta)
    output.write(findings)
    output.write(code)
    output.write(detail)
    output.write(since)
  }

  package init(from input: inout SnapshotInput) throws {
    size = try input.read()
    delta = try input.read()
    findings = try input.read()
    code = try input.read()
    detail = try input.read()
    since = try input.read()
  }
}

extension Hold.Ending: SnapshotValue {}

extension Hold: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(id)
    output.write(owner)
    output.write(payee)
    output.write(amount)
    output.write(expires)
    output.write(memo)
    output.write(created)
    output.write(position)
    output.write(captured)
    output.write(remaining)
    output.write(ending)
    output.write(ended)
  }

  package init(from input: inout SnapshotInput) throws {
    id = try input.read()
    owner = try input.read()
    payee = try input.read()
    amount = try input.read()
    expires = try input.read()
    memo = try input.read()
    created = try input.read()
    position = try input.read()
    captured = try input.read()
    remaining = try input.read()
    ending = try input.read()
    ended = try input.read()
  }
}

/// The holds themselves; what the book keeps to find them by is made again.
extension HoldBook: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.write(all) }

  package init(from input: inout SnapshotInput) throws {
    self.init()
    for hold in try input.read([Hold].self) { insert(hold) }
  }
}
