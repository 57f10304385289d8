import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Descriptors are shared out")
struct DescriptorBudgetTests {
  @Test("with plenty every listener has what it wants, and nothing is said")
  func plenty() {
    let budget = DescriptorBudget(limit: 65_536)
    #expect(budget[.api] == 1024 && budget[.sni] == 4096 && budget[.workload] == 512)
    #expect(budget.short.isEmpty)
  }

  @Test(
    "whatever the limit, what all may hold together and the log's reserve stay below it",
    arguments: [256, 1024, 4096, 8192, 20_000])
  func sum(_ limit: Int) {
    let budget = DescriptorBudget(limit: limit)
    let used = DescriptorBudget.Listener.allCases.map { budget[$0] * $0.descriptorsEach }.reduce(0, +)
    #expect(used + budget.reserved <= limit)
    #expect(budget.reserved >= min(160, limit / 2))
    #expect(budget.short.isEmpty == (limit >= DescriptorBudget.enough))
    for listener in DescriptorBudget.Listener.allCases { #expect(budget[listener] >= 4) }
  }
}
