package import FrameCore
package import NIOCore
internal import Synchronization

/// The connections of one listener: no more than its share of the process's descriptors, and nobody who only holds them
/// keeps the others out.
package final class ListenerPlaces: Sendable {
  private struct State {
    var places: SharedPlaces
    var channels: [SharedPlaces.Ticket: any Channel] = [:]
  }
  private let state: Mutex<State>

  /// - Parameters:
  ///   - max: connections at once.
  ///   - cedesBusy: a source with more connections than others loses one that is at work for one of theirs.
  package init(max: Int, cedesBusy: Bool = false) {
    state = Mutex(State(places: SharedPlaces(max: max, cedesBusy: cedesBusy)))
  }

  package var counts: SharedPlaces.Counts { state.withLock { $0.places.counts } }

  /// - Returns: nil when there is no place; the caller closes the connection.
  package func admit(_ channel: any Channel, from source: [String]) -> SharedPlaces.Ticket? {
    let (ticket, leaving) = state.withLock { state -> (SharedPlaces.Ticket?, (any Channel)?) in
      guard case .admitted(let ticket, let leaving) = state.places.admit(from: source) else { return (nil, nil) }
      state.channels[ticket] = channel
      return (ticket, leaving.flatMap { state.channels.removeValue(forKey: $0) })
    }
    leaving?.close(promise: nil)
    guard let ticket else { return nil }
    channel.closeFuture.whenComplete { [weak self] _ in
      self?.state.withLock { state in
        state.places.release(ticket)
        state.channels[ticket] = nil
      }
    }
    return ticket
  }

  /// The place is free again, though the connection stays.
  package func release(_ ticket: SharedPlaces.Ticket) {
    state.withLock { state in
      state.places.release(ticket)
      state.channels[ticket] = nil
    }
  }

  package func set(_ ticket: SharedPlaces.Ticket, busy: Bool) { state.withLock { $0.places.set(ticket, busy: busy) } }
}

extension Channel {
  /// Where a TCP connection comes from, as its share of a listener is counted: an IPv6 client has a whole network of
  /// addresses, so the network counts.
  package var shareSource: [String] {
    guard let address = remoteAddress else { return ["unknown"] }
    guard case .v6(let v6) = address else { return [address.ipAddress ?? "unknown"] }
    return withUnsafeBytes(of: v6.address.sin6_addr) { bytes in
      // ::ffff:a.b.c.d is that IPv4 address.
      let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
      return [(isMapped ? bytes.suffix(4) : bytes.prefix(8)).map { String($0, radix: 16) }.joined(separator: ":")]
    }
  }
}
