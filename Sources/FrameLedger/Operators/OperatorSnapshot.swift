internal import FrameCore
package import FrameEvents

extension OperatorStanding: SnapshotValue {}
extension LicenceScope: SnapshotValue {}

extension OperatorRecord: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(licence)
    output.write(stated)
    output.write(reason)
    output.write(since)
    output.write(released)
  }

  package init(from input: inout SnapshotInput) throws {
    licence = try input.read()
    stated = try input.read()
    reason = try input.read()
    since = try input.read()
    released = try input.read()
  }
}

extension OperatorLicence: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(name.text)
    output.write(id)
    output.write(scopes)
    output.write(hosts)
    output.write(issued)
    output.write(expires)
  }

  package init(from input: inout SnapshotInput) throws {
    let text: String = try input.read()
    self.init(
      name: try SnapshotRefusal.unlessSound { try OperatorName(text) }, id: try input.read(), scopes: try input.read(),
      hosts: try input.read(), issued: try input.read(), expires: try input.read())
  }
}

extension OperatorHost: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(name)
    output.write(upstream)
  }

  package init(from input: inout SnapshotInput) throws {
    self.init(name: try input.read(), upstream: try input.read())
  }
}
