/// Ids by the time they are due, the earliest on top: a binary heap. An id that was dealt with otherwise stays in it until
/// it comes to the top, or until such ids are too many.
struct ExpiryQueue: Sendable {
  private struct Entry: Sendable {
    let time: Int64
    let id: String
  }

  private var heap: [Entry] = []

  mutating func insert(_ id: String, at time: Int64) {
    heap.append(Entry(time: time, id: id))
    rise(heap.count - 1)
  }

  /// Up to `limit` ids that are due at `time` and still current. Looks only at entries that are due.
  func due(at time: Int64, limit: Int, isCurrent: (String) -> Bool) -> [String] {
    var found: [String] = []
    var rest = [0]
    while let index = rest.popLast(), found.count < limit {
      guard index < heap.count, heap[index].time <= time else { continue }
      if isCurrent(heap[index].id) { found.append(heap[index].id) }
      rest += [2 * index + 1, 2 * index + 2]
    }
    return found
  }

  /// Drops entries that are no longer current from the top, and all of them when they outnumber the `current` ones.
  mutating func prune(keeping current: Int, isCurrent: (String) -> Bool) {
    while let top = heap.first, !isCurrent(top.id) { removeTop() }
    guard heap.count > 2 * current + 64 else { return }
    let kept = heap.filter { isCurrent($0.id) }
    heap = []
    for entry in kept { insert(entry.id, at: entry.time) }
  }

  private mutating func removeTop() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    sink(0)
  }

  private mutating func rise(_ start: Int) {
    var index = start
    while index > 0, heap[index].time < heap[(index - 1) / 2].time {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      guard least != index else { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
