import FrameMetrics

/// A registry with every kind of instrument, plain and labelled, in states that are awkward to write.
func populatedRegistry() -> MetricRegistry {
  let registry = MetricRegistry()
  registry.counter("frame_test_events_total", help: "Events with \"quotes\", a \\ and\na second line.").increment(by: 7)
  let transfers = registry.counter("frame_test_transfers_total", help: "Transfers.", labels: ["peer", "backend"])
  transfers.with("frame-b.example", "2pc").increment(by: 2.5)
  transfers.with("frame-b.example", "async").increment()
  transfers.with("quote \" back \\ line \n end", "2pc").increment()
  registry.gauge("frame_test_supply_minor_units", help: "Supply.").set(Int64.max)
  let limits = registry.gauge("frame_test_limit_ratio", help: "Limits.", labels: ["kind"])
  limits.with("up").set(Double.infinity)
  limits.with("down").set(-Double.infinity)
  limits.with("none").set(Double.nan)
  limits.with("small").set(1e-9)
  limits.with("negative").set(-3)
  let commit = registry.histogram(
    "frame_test_commit_duration_seconds", help: "Commits.", buckets: [0.00001, 0.5, 1, 2.5], labels: ["phase"])
  for value in [0.1, 0.7, 1, 99] { commit.with("lock").observe(value) }
  registry.histogram("frame_test_batch_events", help: "Batch.", buckets: .count).observe(3)
  let states = registry.stateSet(
    "frame_test_treaty_state", help: "Treaty.", states: ["requested", "established", "revoked"], labels: ["peer"])
  states.with("frame-b.example").set("established")
  registry.stateSet("frame_test_mode", help: "Mode.", states: ["fast", "slow"]).set("slow")
  registry.info("frame_test_build_info", help: "Build.", ["version": "1.0", "swift": "6.3"])
  let pins = registry.info("frame_test_pin_info", help: "Pins.", labels: ["peer", "expected"])
  pins.with("frame-b.example", "SHA256:aa")
  ProcessCollector.register(in: registry)
  return registry
}
