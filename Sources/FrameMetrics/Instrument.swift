/// Something that holds the current value of one series.
///
/// Reading is safe at any time from any thread and never waits for a writer.
protocol Instrument: AnyObject, Sendable {
  /// The current value; nil while there is nothing to expose.
  func read() -> MetricValue?
}
