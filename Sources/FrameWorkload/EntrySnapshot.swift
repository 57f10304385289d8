import FrameCore
import FrameEvents

extension RegistrationEntry: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(id)
    output.write(spiffeID.description)
    output.write(selectors.map(\.description))
    output.write(x509Lifetime?.nanoseconds)
    output.write(jwtLifetime?.nanoseconds)
    output.write(hint)
  }

  package init(from input: inout SnapshotInput) throws {
    let id: String = try input.read()
    let spiffeID: String = try input.read()
    let selectors: [String] = try input.read()
    let x509Lifetime: Int64? = try input.read()
    let jwtLifetime: Int64? = try input.read()
    let hint: String = try input.read()
    self = try SnapshotRefusal.unlessSound {
      try RegistrationEntry(
        id: id, spiffeID: try SPIFFEID(spiffeID), selectors: try selectors.map { try Selector($0) },
        x509Lifetime: x509Lifetime.map { .nanoseconds($0) }, jwtLifetime: jwtLifetime.map { .nanoseconds($0) },
        hint: hint)
    }
  }
}
