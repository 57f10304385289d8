extension MetricRegistry {
  // MARK: Counters

  /// - Parameters:
  ///   - name: ends in `_total`.
  ///   - unit: the base unit that the name ends in; common ones are seen from the name.
  package func counter(_ name: String, help: String, unit: MetricUnit? = nil) -> Counter {
    plain(name, .counter, help, unit) { Counter() }
  }

  /// - Parameters:
  ///   - labels: label names, in the order of the values in `with`.
  ///   - limit: how many series the family may have.
  package func counter(
    _ name: String, help: String, unit: MetricUnit? = nil, labels: [String], limit: Int? = nil
  ) -> CounterFamily {
    CounterFamily(core: labelled(name, .counter, help, unit, labels, limit) { Counter() })
  }

  // MARK: Gauges

  /// - Parameter absent: leave the gauge out of the exposition until it is first set, for values that 0 would misstate.
  package func gauge(_ name: String, help: String, unit: MetricUnit? = nil, absent: Bool = false) -> Gauge {
    plain(name, .gauge, help, unit) { Gauge(absent: absent) }
  }

  package func gauge(
    _ name: String, help: String, unit: MetricUnit? = nil, absent: Bool = false, labels: [String], limit: Int? = nil
  ) -> GaugeFamily {
    GaugeFamily(core: labelled(name, .gauge, help, unit, labels, limit) { Gauge(absent: absent) })
  }

  // MARK: Histograms

  package func histogram(
    _ name: String, help: String, unit: MetricUnit? = nil, buckets: Buckets = .latency
  ) -> Histogram {
    plain(name, .histogram, help, unit, buckets) { Histogram(buckets: buckets) }
  }

  package func histogram(
    _ name: String, help: String, unit: MetricUnit? = nil, buckets: Buckets = .latency, labels: [String],
    limit: Int? = nil
  ) -> HistogramFamily {
    HistogramFamily(
      core: labelled(name, .histogram, help, unit, labels, limit, buckets) { Histogram(buckets: buckets) })
  }

  // MARK: State sets and infos

  /// - Parameter states: all states there are, at most 64; each is a series.
  package func stateSet(_ name: String, help: String, states: [String]) -> StateSet {
    plain(name, .stateSet, help, nil) { StateSet(states: states) }
  }

  package func stateSet(
    _ name: String, help: String, states: [String], labels: [String], limit: Int? = nil
  ) -> StateSetFamily {
    StateSetFamily(core: labelled(name, .stateSet, help, nil, labels, limit) { StateSet(states: states) })
  }

  /// Facts that stay true for the life of the process; the value is 1.
  ///
  /// - Parameter name: ends in `_info`.
  package func info(_ name: String, help: String, _ facts: KeyValuePairs<String, String>) {
    info(name, help: help, facts: facts.map { ($0.key, $0.value) })
  }

  package func info(_ name: String, help: String, facts: [(String, String)]) {
    info(name, help: help, labels: facts.map(\.0)).with(facts.map(\.1))
  }

  package func info(_ name: String, help: String, labels: [String], limit: Int? = nil) -> InfoFamily {
    InfoFamily(core: labelled(name, .info, help, nil, labels, limit) { Info() })
  }

  // MARK: Shared

  private func plain<Kind: Instrument>(
    _ name: String, _ type: MetricType, _ help: String, _ unit: MetricUnit?, _ buckets: Buckets? = nil,
    make: @escaping @Sendable () -> Kind
  ) -> Kind {
    let core = labelled(name, type, help, unit, [], nil, buckets, make: make)
    // A family without labels has exactly one series, made by `make`.
    return unsafeDowncast(core.series(values: []), to: Kind.self)
  }

  private func labelled(
    _ name: String, _ type: MetricType, _ help: String, _ unit: MetricUnit?, _ labels: [String], _ limit: Int?,
    _ buckets: Buckets? = nil, make: @escaping @Sendable () -> any Instrument
  ) -> FamilyCore {
    let unit = unit ?? MetricUnit.inferred(fromBase: MetricName.base(name, type))
    let descriptor = MetricDescriptor(name: name, type: type, unit: unit, help: help, labels: labels)
    let problem = buckets?.problem.map { MetricError.invalidBuckets(metric: name, reason: $0) }
    return family(descriptor, limit: limit ?? FamilyCore.defaultLimit, problem: problem, make: make)
  }
}
