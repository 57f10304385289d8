import Synchronization

/// Which of a fixed list of states is on, one series a state: 1 or 0.
package final class StateSet: Instrument {
  /// One bit a state.
  package static let statesMax = 64

  package let states: [String]
  private let on = Atomic<UInt64>(0)

  package init(states: [String]) {
    self.states = Array(states.prefix(Self.statesMax))
  }

  /// Turns `state` on and every other off. A state that was not declared turns all off.
  package func set(_ state: String) {
    on.store(mask(state), ordering: .relaxed)
  }

  package func set(_ state: some RawRepresentable<String>) {
    set(state.rawValue)
  }

  /// Turns one state on or off and leaves the others.
  package func set(_ state: String, _ isOn: Bool) {
    let mask = mask(state)
    if isOn { on.bitwiseOr(mask, ordering: .relaxed) } else { on.bitwiseAnd(~mask, ordering: .relaxed) }
  }

  package func isOn(_ state: String) -> Bool {
    on.load(ordering: .relaxed) & mask(state) != 0
  }

  private func mask(_ state: String) -> UInt64 {
    states.firstIndex(of: state).map { 1 << UInt64($0) } ?? 0
  }

  func read() -> MetricValue? {
    .states(states, on: on.load(ordering: .relaxed))
  }
}

/// A series that is always 1 and says something by its labels.
package final class Info: Instrument {
  package init() {}

  func read() -> MetricValue? { .info }
}
