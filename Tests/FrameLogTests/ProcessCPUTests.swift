import Foundation
import Testing

@testable import FrameBench
@testable import FrameLog

@Suite("Processor time")
struct ProcessCPUTests {
  @Test("work costs time, another process has a clock of its own, and one that is not there has none")
  func counts() throws {
    let before = try #require(ProcessCPU.seconds())
    var sum = 0.0
    while ProcessCPU.own() - before < 0.01 { sum += 1 }
    #expect(sum > 0)
    #expect(try #require(ProcessCPU.seconds(of: getpid())) >= before + 0.01)
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/bin/sh")
    child.arguments = ["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; read line"]
    let input = Pipe()
    child.standardInput = input
    try child.run()
    #expect(ProcessCPU.seconds(of: child.processIdentifier) != nil)
    try input.fileHandleForWriting.close()
    child.waitUntilExit()
    #expect(ProcessCPU.seconds(of: child.processIdentifier) == nil)
  }
}
