import FrameCore
import Testing

@Suite("A clock that is set")
struct ClockGuardTests {
  private var clockGuard = ClockGuard()
  private let start = FrameTime(unixNanoseconds: 1_800_000_000_000_000_000)

  /// What is read `seconds` after the start, with a wall clock that is `ahead` seconds ahead.
  private mutating func read(_ seconds: Int, ahead: Int = 0) -> ClockGuard.Reading {
    clockGuard.read(wall: start + .seconds(seconds + ahead), steady: .seconds(1_000 + seconds))
  }

  @Test("a clock that runs, drifts and is slewed is followed as it is")
  mutating func steady() {
    for second in 0..<1_000 {
      let reading = read(second, ahead: second / 100)
      #expect(reading.time == start + .seconds(second + second / 100))
      #expect(reading.step == nil && reading.held == .zero)
    }
    let slept = read(90_000, ahead: 10)
    #expect(slept.step == nil && slept.time == start + .seconds(90_010), "time asleep is no step")
  }

  @Test("a step forward that is taken back within ten minutes is never followed")
  mutating func transient() {
    _ = read(0)
    let day = 86_400
    let first = read(10, ahead: 400 * day)
    #expect(first.time == start + .seconds(10) && first.held == .seconds(400 * day))
    #expect(first.step?.direction == .forward && first.step?.by == .seconds(400 * day))
    let later = read(599, ahead: 400 * day)
    #expect(later.time == start + .seconds(599) && later.step == nil, "one step is told once")
    let back = read(600)
    #expect(back.time == start + .seconds(600) && back.held == .zero && back.step == nil && !back.follows)
  }

  @Test("a step forward that stands is followed, and one that moves on has to stand anew")
  mutating func lasting() {
    _ = read(0)
    _ = read(10, ahead: 3_600)
    #expect(read(500, ahead: 7_200).step?.by == .seconds(7_200))
    #expect(read(620, ahead: 7_200).held == .seconds(7_200))
    let followed = read(1_100, ahead: 7_200)
    #expect(followed.follows && followed.time == start + .seconds(8_300) && followed.held == .zero)
    #expect(!read(1_101, ahead: 7_200).follows)
  }

  @Test("a step back is followed at once")
  mutating func back() {
    _ = read(0, ahead: 3_600)
    let reading = read(1)
    #expect(reading.time == start + .seconds(1) && reading.step?.direction == .back && reading.held == .zero)
    #expect(read(2).step == nil)
  }

  @Test("the return to right time after a step back is no step, whole or in parts, and a time beyond it is one")
  mutating func backAndAgain() {
    _ = read(0)
    #expect(read(10, ahead: -3_600).step?.by == .seconds(3_600))
    let part = read(60, ahead: -1_800)
    #expect(part.step == nil && part.held == .zero && part.returned == .back)
    #expect(part.time == start + .seconds(60 - 1_800))
    let whole = read(120, ahead: 3)
    #expect(whole.step == nil && whole.held == .zero && whole.returned == .back && whole.time == start + .seconds(123))
    let quiet = read(121, ahead: 3)
    #expect(quiet.returned == nil && quiet.step == nil, "told once")
    let beyond = read(130, ahead: 60)
    #expect(beyond.step?.direction == .forward && beyond.held == .seconds(57))
    let taken = read(140, ahead: 3)
    #expect(taken.returned == .forward && taken.held == .zero)
  }

  @Test("a time beyond the one before a step back is held, also right after it")
  mutating func backAndBeyond() {
    _ = read(0)
    _ = read(10, ahead: -60)
    let beyond = read(20, ahead: 10)
    #expect(beyond.step?.direction == .forward && beyond.held == .seconds(70) && beyond.returned == nil)
    #expect(beyond.time == start + .seconds(20 - 60))
    let right = read(30)
    #expect(right.returned == .back && right.held == .zero && right.time == start + .seconds(30))
  }

  @Test("a step back that has stood is the right time: from then on the time before it is a step forward")
  mutating func backForGood() {
    _ = read(0, ahead: 400 * 86_400)
    _ = read(10)
    _ = read(609)
    #expect(read(611, ahead: 400 * 86_400).held == .seconds(400 * 86_400))
  }
}
