package import FrameCore
package import FrameEvents
package import FrameMetrics
internal import FrameProtos

/// Every metric of cross-registry transfer.
package struct SettlementMetrics: Sendable {
  /// Transfers by what became of them.
  let transfers: CounterFamily
  let duration: HistogramFamily
  let inFlight: GaugeFamily
  let inDoubt: GaugeFamily
  let oldest: GaugeFamily
  /// Calls to peers that gave no answer, and answers that could not be used.
  let unanswered: CounterFamily

  package init(_ registry: MetricRegistry) {
    transfers = registry.counter(
      "frame_transfers_total", help: "Cross-registry transfers by step reached on this side.",
      labels: ["backend", "peer", "role", "result"])
    duration = registry.histogram(
      "frame_transfer_duration_seconds", help: "Time a phase of a cross-registry transfer took at the origin.",
      labels: ["backend", "phase"])
    inFlight = registry.gauge(
      "frame_transfers_in_flight", help: "Outgoing transfers whose outcome is not on record.",
      labels: ["backend", "peer"])
    inDoubt = registry.gauge(
      "frame_transfer_in_doubt", help: "2pc transfers past their deadline whose outcome the peer has not told yet.",
      labels: ["peer"])
    oldest = registry.gauge(
      "frame_transfer_oldest_in_flight_timestamp_seconds",
      help: "When the oldest outgoing transfer without an outcome was made; 0 when there is none.", labels: ["peer"])
    unanswered = registry.counter(
      "frame_transfer_unanswered_calls_total", help: "Calls about a 2pc transfer that brought no usable decision.",
      labels: ["peer", "reason"])
    for backend in TransferBackend.allCases {
      for phase in TransferTiming.phases(of: backend) { _ = duration.with(backend.rawValue, phase.rawValue) }
    }
  }

  /// Series a rule needs exist from the treaty on.
  package func prepare(_ peer: FrameID) {
    for backend in TransferBackend.allCases {
      for result in ["completed", "refused"] {
        _ = transfers.with([backend.rawValue, peer.name, TransferRole.origin.rawValue, result])
      }
      for result in ["credited", "refused"] {
        _ = transfers.with([backend.rawValue, peer.name, TransferRole.destination.rawValue, result])
      }
      inFlight.with(backend.rawValue, peer.name).set(Int64(0))
    }
    inDoubt.with(peer.name).set(Int64(0))
    oldest.with(peer.name).set(Int64(0))
  }

  /// Counts what new events did to transfers. Each event is to be shown once.
  package func count(_ events: some Sequence<RecordedEvent>) {
    for recorded in events { count(recorded.event) }
  }

  private func count(_ event: StoredEvent) {
    switch event.payload {
    case .crossRegistryTransferLocked(let p): add(.twoPhase, p.terms.destination, .origin, "locked")
    case .crossRegistryTransferCompleted(let p): add(.twoPhase, p.terms.destination, .origin, "completed")
    case .crossRegistryTransferAborted(let p): add(.twoPhase, p.terms.destination, .origin, "refused")
    case .crossRegistryTransferCredited(let p): add(.twoPhase, p.terms.origin, .destination, "credited")
    case .crossRegistryTransferRefused(let p): add(.twoPhase, p.origin, .destination, "refused")
    case .crossFrameTransferInitiated(let p): add(.async, p.terms.destination, .origin, "initiated")
    case .crossFrameTransferSettled(let p):
      // The credit at the destination has postings; the news of it at the origin has none.
      if event.postings.isEmpty {
        add(.async, p.terms.destination, .origin, "completed")
      } else {
        add(.async, p.terms.origin, .destination, "credited")
      }
    case .crossFrameTransferCompensated(let p): add(.async, p.terms.destination, .origin, "refused")
    case .crossFrameTransferRefused(let p): add(.async, p.terms.origin, .destination, "refused")
    default: break
    }
  }

  private func add(_ backend: TransferBackend, _ peer: String, _ role: TransferRole, _ result: String) {
    transfers.with([backend.rawValue, peer, role.rawValue, result]).increment()
  }

  func observe(_ backend: TransferBackend, _ phase: TransferTiming, _ time: Duration) {
    duration.with(backend.rawValue, phase.rawValue).observe(max(0, time.inSeconds))
  }
}

/// The phases whose durations are published.
enum TransferTiming: String, Sendable {
  case lock, credit, commit, settle, total

  static func phases(of backend: TransferBackend) -> [TransferTiming] {
    switch backend {
    case .twoPhase: [.lock, .credit, .commit, .total]
    case .async: [.lock, .settle, .total]
    }
  }
}
