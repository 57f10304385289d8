/// A counter per set of label values.
///
/// `with` returns the same counter for the same values every time; keep it where the values are known beforehand. Beyond
/// the family's series limit it returns a counter that is not exposed, and the drop is counted. The same holds for the
/// other families.
package struct CounterFamily: LabelledFamily {
  package let core: FamilyCore

  package func with(_ value: String) -> Counter { downcast(core.series(value)) }
  package func with(_ first: String, _ second: String) -> Counter { downcast(core.series(first, second)) }
  package func with(_ first: String, _ second: String, _ third: String) -> Counter {
    downcast(core.series(first, second, third))
  }
  package func with(_ values: String...) -> Counter { downcast(core.series(values: values)) }
  package func with(_ values: [String]) -> Counter { downcast(core.series(values: values)) }
}

/// A gauge per set of label values.
package struct GaugeFamily: LabelledFamily {
  package let core: FamilyCore

  package func with(_ value: String) -> Gauge { downcast(core.series(value)) }
  package func with(_ first: String, _ second: String) -> Gauge { downcast(core.series(first, second)) }
  package func with(_ first: String, _ second: String, _ third: String) -> Gauge {
    downcast(core.series(first, second, third))
  }
  package func with(_ values: String...) -> Gauge { downcast(core.series(values: values)) }
  package func with(_ values: [String]) -> Gauge { downcast(core.series(values: values)) }
}

/// A histogram per set of label values.
package struct HistogramFamily: LabelledFamily {
  package let core: FamilyCore

  package func with(_ value: String) -> Histogram { downcast(core.series(value)) }
  package func with(_ first: String, _ second: String) -> Histogram { downcast(core.series(first, second)) }
  package func with(_ first: String, _ second: String, _ third: String) -> Histogram {
    downcast(core.series(first, second, third))
  }
  package func with(_ values: String...) -> Histogram { downcast(core.series(values: values)) }
  package func with(_ values: [String]) -> Histogram { downcast(core.series(values: values)) }
}

/// A state set per set of label values.
package struct StateSetFamily: LabelledFamily {
  package let core: FamilyCore

  package func with(_ value: String) -> StateSet { downcast(core.series(value)) }
  package func with(_ values: String...) -> StateSet { downcast(core.series(values: values)) }
  package func with(_ values: [String]) -> StateSet { downcast(core.series(values: values)) }
}

/// Facts told by labels alone; each series is 1.
package struct InfoFamily: LabelledFamily {
  package let core: FamilyCore

  @discardableResult
  package func with(_ values: String...) -> Info { downcast(core.series(values: values)) }
  @discardableResult
  package func with(_ values: [String]) -> Info { downcast(core.series(values: values)) }

  /// Makes `values` the only series among those that begin with the same `keys` first values, so that a changed fact
  /// replaces the old one: `replace("frame-b.example", expected, observed, keys: 1)`.
  package func replace(_ values: String..., keys: Int) {
    core.remove { $0 != values && $0.prefix(keys) == values.prefix(keys) }
    with(values)
  }
}

/// What all families share; `core` is of use within this room only.
package protocol LabelledFamily: Sendable {
  var core: FamilyCore { get }
}

extension LabelledFamily {
  /// Removes one series; whoever still holds its instrument counts unseen.
  package func remove(_ values: String...) {
    core.remove { $0 == values }
  }

  /// Removes every series whose label `label` has this value: all that concerned a peer, for instance.
  package func removeAll(_ label: String, _ value: String) {
    guard let index = core.descriptor.labels.firstIndex(of: label) else { return }
    core.remove { $0[index] == value }
  }

  package func removeAll() {
    core.remove { _ in true }
  }

  /// A family's core is made with a closure that yields exactly the family's own instrument type (see
  /// `MetricRegistry.family`), so the cast cannot fail.
  @inline(__always)
  func downcast<Kind: Instrument>(_ instrument: any Instrument) -> Kind {
    unsafeDowncast(instrument, to: Kind.self)
  }
}
