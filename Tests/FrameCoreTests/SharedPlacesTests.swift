import FrameCore
import Testing

@Suite("Places that are shared")
struct SharedPlacesTests {
  private func admit(_ places: inout SharedPlaces, _ source: String...) -> (SharedPlaces.Ticket?, SharedPlaces.Ticket?)
  {
    guard case .admitted(let ticket, let leaving) = places.admit(from: source) else { return (nil, nil) }
    return (ticket, leaving)
  }

  @Test("one process that holds all places idle keeps nobody out: its oldest makes room, also for itself")
  func idleCrowd() throws {
    var places = SharedPlaces(max: 4, cedesBusy: false)
    let crowd = (0..<4).map { _ in admit(&places, "1000", "7").0 }
    let other = admit(&places, "1001", "8")
    #expect(other.0 != nil && other.1 == crowd[0])
    let same = admit(&places, "1000", "7")
    #expect(same.0 != nil && same.1 == crowd[1])
    #expect(places.counts.taken == 4 && places.counts.ceded == 2 && places.counts.refused == 0)
  }

  @Test("who is at work goes last: the longest idle one of the crowd makes room")
  func busy() throws {
    var places = SharedPlaces(max: 3, cedesBusy: false)
    let (a, b, c) = (admit(&places, "x").0!, admit(&places, "x").0!, admit(&places, "x").0!)
    places.set(a, busy: true)
    places.set(b, busy: true)
    places.set(b, busy: false)
    // b has been idle for less time than c.
    #expect(admit(&places, "x").1 == c)
    places.release(b)
    #expect(admit(&places, "x").1 == nil)
  }

  @Test("a full house of busy connections of one's own is refused, and takes nothing from others")
  func ownCrowd() {
    var places = SharedPlaces(max: 3, cedesBusy: true)
    let mine = [admit(&places, "x").0!, admit(&places, "x").0!]
    let theirs = admit(&places, "y").0!
    for ticket in mine { places.set(ticket, busy: true) }
    #expect(admit(&places, "x") == (nil, nil))
    #expect(places.counts.refused == 1)
    // Another, with fewer, gets a place of the crowd's even so.
    places.set(theirs, busy: true)
    let newcomer = admit(&places, "z")
    #expect(newcomer.0 != nil && newcomer.1 == mine[0])
  }

  @Test("within one user the process with most connections makes room, not its neighbour")
  func processes() {
    var places = SharedPlaces(max: 5, cedesBusy: true)
    let neighbour = admit(&places, "1000", "1").0!
    let crowd = (0..<4).map { _ in admit(&places, "1000", "2").0! }
    for ticket in crowd { places.set(ticket, busy: true) }
    // The neighbour is idle and of the same user, and gives for the one that asks, before anybody at work must.
    let third = admit(&places, "1000", "3")
    #expect(third.1 == neighbour)
    places.set(third.0!, busy: true)
    #expect(admit(&places, "1000", "4").1 == crowd[0])
  }

  @Test("a place that is given back is free, and one that was taken away changes nothing when it is given back")
  func release() {
    var places = SharedPlaces(max: 1, cedesBusy: false)
    let first = admit(&places, "x").0!
    let second = admit(&places, "y").0!
    places.release(first)
    places.set(first, busy: true)
    #expect(places.counts.taken == 1)
    places.release(second)
    #expect(places.counts.taken == 0)
  }
}
