/// A state that a snapshot can hold: it names its fields once, for writing and for reading.
package protocol SnapshotState {
  /// Hands every stored property to `fields`, always in the same order: `field` for what events change, `same` for what the
  /// configuration gives. A test compares all stored properties before and after, so that none can be forgotten.
  /// - Throws: what `fields` throws, and nothing else.
  mutating func snapshot(_ fields: inout SnapshotFields) throws
}

/// The fields of a state on their way into a snapshot or out of it. Each is kept with its name and the name of its type, so
/// that what another version of the program wrote is refused and not misread.
package struct SnapshotFields {
  private enum Direction {
    case writing(SnapshotOutput)
    case reading(SnapshotInput)
  }

  private var direction: Direction
  private var path = ""

  /// The bytes of `state`: equal states give equal bytes.
  package static func encode(_ state: some SnapshotState) -> [UInt8] {
    var fields = SnapshotFields(direction: .writing(SnapshotOutput()))
    // A copy that is only looked at: nothing of it is duplicated.
    var state = state
    do { try state.snapshot(&fields) } catch {
      preconditionFailure("writing a snapshot refuses nothing: \(error.words)")
    }
    guard case .writing(let output) = fields.direction else { preconditionFailure("a writer does not turn reader") }
    return output.bytes
  }

  /// Fills `state`, which must be as the configuration makes it, from what ``encode(_:)`` gave.
  /// - Throws: ``SnapshotRefusal/damaged(_:)``, ``SnapshotRefusal/otherProgram(_:)``,
  ///   ``SnapshotRefusal/otherConfiguration(_:)``; `state` is then of no use.
  package static func decode(_ bytes: UnsafeRawBufferPointer, into state: inout some SnapshotState) throws {
    var fields = SnapshotFields(direction: .reading(SnapshotInput(bytes)))
    try state.snapshot(&fields)
    guard case .reading(let input) = fields.direction, input.isAtEnd else {
      throw SnapshotRefusal.otherProgram("there is more in it than this version knows")
    }
  }

  /// What events change.
  package mutating func field<Value: SnapshotValue>(_ name: String, _ value: inout Value) throws {
    switch direction {
    case .writing(var output):
      // Taken out while it grows, so that it is not copied.
      direction = .writing(SnapshotOutput())
      output.write("\(path)\(name): \(Value.self)")
      output.write(value)
      direction = .writing(output)
    case .reading(var input):
      let label: String = try input.read()
      guard label == "\(path)\(name): \(Value.self)" else {
        throw SnapshotRefusal.otherProgram("it has '\(label)' where '\(path)\(name): \(Value.self)' is due")
      }
      value = try input.read()
      direction = .reading(input)
    }
  }

  /// What the configuration gives and replay rests on: it must be what it was.
  package mutating func same<Value: SnapshotValue & Equatable>(_ name: String, _ value: Value) throws {
    var kept = value
    try field(name, &kept)
    guard kept == value else {
      throw SnapshotRefusal.otherConfiguration("'\(path)\(name)' was \(kept) and is \(value)")
    }
  }

  /// A state within the state.
  package mutating func part(_ name: String, _ state: inout some SnapshotState) throws {
    let outer = path
    path += "\(name)."
    try state.snapshot(&self)
    path = outer
  }
}
