import FrameCore
import NIOCore
import Synchronization

/// The open connections of the Workload API, by the number that their calls carry. No user, and no process of a user, keeps the
/// others out by holding connections: whoever has most of them makes room.
final class LocalConnections: Sendable {
  private struct Connection {
    let channel: any Channel
    let caller: LocalCaller
    let ticket: SharedPlaces.Ticket
    var calls = 0
  }

  private struct State {
    var next: UInt64 = 0
    var listener: (any Channel)?
    var places: SharedPlaces
    var connections: [UInt64: Connection] = [:]
    var numbers: [ObjectIdentifier: UInt64] = [:]
    var byTicket: [SharedPlaces.Ticket: UInt64] = [:]
  }
  private let held: Mutex<State>

  /// - Parameter max: connections at once.
  init(max: Int) {
    // Streams stay open for ever: one of a crowd that has most must make room even if all of its connections are at work.
    held = Mutex(State(places: SharedPlaces(max: max, cedesBusy: true)))
  }

  var counts: SharedPlaces.Counts { held.withLock { $0.places.counts } }

  /// - Returns: false when there is no place.
  func add(_ channel: any Channel, _ caller: LocalCaller) -> Bool {
    let id = ObjectIdentifier(channel)
    let (added, leaving) = held.withLock { held -> (UInt64?, (any Channel)?) in
      let answer = held.places.admit(from: ["\(caller.uid)", "\(caller.pid)"])
      guard case .admitted(let ticket, let leaving) = answer else { return (nil, nil) }
      held.next += 1
      held.connections[held.next] = Connection(channel: channel, caller: caller, ticket: ticket)
      held.numbers[id] = held.next
      held.byTicket[ticket] = held.next
      let left = leaving.flatMap { held.byTicket.removeValue(forKey: $0) }
      return (held.next, left.flatMap { held.connections.removeValue(forKey: $0)?.channel })
    }
    leaving?.close(promise: nil)
    guard let added else { return false }
    channel.closeFuture.whenComplete { [weak self] _ in
      self?.held.withLock { held in
        held.numbers[id] = nil
        guard let connection = held.connections.removeValue(forKey: added) else { return }
        held.byTicket[connection.ticket] = nil
        held.places.release(connection.ticket)
      }
    }
    return true
  }

  /// A call begins on a connection; its end is that of `stream`.
  /// - Returns: the connection's number, nil when it has no place.
  func begin(_ stream: any Channel, on channel: any Channel) -> UInt64? {
    let number = held.withLock { held -> UInt64? in
      guard let number = held.numbers[ObjectIdentifier(channel)] else { return nil }
      Self.count(&held, number, 1)
      return number
    }
    guard let number else { return nil }
    stream.closeFuture.whenComplete { [weak self] _ in self?.held.withLock { Self.count(&$0, number, -1) } }
    return number
  }

  private static func count(_ held: inout State, _ number: UInt64, _ change: Int) {
    guard var connection = held.connections[number] else { return }
    connection.calls += change
    held.connections[number] = connection
    held.places.set(connection.ticket, busy: connection.calls > 0)
  }

  func caller(_ number: UInt64) -> LocalCaller? { held.withLock { $0.connections[number]?.caller } }
  func listen(_ channel: any Channel) { held.withLock { $0.listener = channel } }

  /// From now on the kernel keeps whoever connects waiting.
  func stopAccepting() async {
    guard let listener = held.withLock({ $0.listener }) else { return }
    try? await listener.setOption(.autoRead, value: false).get()
  }

  func closeAll() {
    for connection in held.withLock({ Array($0.connections.values) }) { connection.channel.close(promise: nil) }
  }
}
