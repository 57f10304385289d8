import FrameEvents
import FrameCore
import FrameIdentity
import FrameLog
import FrameProtos

extension LoggedAuthority {
  /// Takes in one event of the frame's log; all but those of the authority say nothing of it.
  package mutating func note(_ recorded: RecordedEvent) {
    switch recorded.event.payload {
    case .authorityActivated(let event):
      let change = event.change
      note(sequence: change.sequence, activated: AuthorityKind(rawValue: change.kind).map { ($0, change.authorityID) })
    case .authorityPrepared(let event): note(sequence: event.change.sequence)
    case .authorityTainted(let event): note(sequence: event.change.sequence)
    case .authorityRevoked(let event): note(sequence: event.change.sequence)
    case .authorityRetired(let event): note(sequence: event.change.sequence)
    default: break
    }
  }

  /// What a log on the disk says. Reads all of it; blocks.
  /// - Parameter reader: of the log's folder.
  /// - Throws: `LogError`.
  package init(reading reader: LogReader) throws {
    self.init()
    var found = self
    try reader.scan(from: 0, to: try reader.size()) { _, bytes in found.note(try RecordedEvent(bytes: bytes)) }
    self = found
  }
}

extension LoggedAuthority: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(sequence)
    output.write(signing.reduce(into: [String: String]()) { $0[$1.key.rawValue] = $1.value })
  }

  package init(from input: inout SnapshotInput) throws {
    let sequence: UInt64 = try input.read()
    let names: [String: String] = try input.read()
    var signing: [AuthorityKind: String] = [:]
    for (name, id) in names {
      guard let kind = AuthorityKind(rawValue: name) else {
        throw SnapshotRefusal.damaged("'\(name)' is no kind of key")
      }
      signing[kind] = id
    }
    self.init(sequence: sequence, signing: signing)
  }
}
