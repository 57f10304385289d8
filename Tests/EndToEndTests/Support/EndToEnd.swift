import Testing

/// Everything here starts real processes and waits for them: one after the other, so that deadlines mean something on a
/// small machine.
@Suite("End to end", .serialized)
enum EndToEnd {}
