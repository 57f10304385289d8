internal import FrameCore
internal import FrameEvents
internal import FrameProtos

/// The logs that a peer has had: what stands towards each, and what was decided about those that it has no more (decision 0034).
extension DealingsRecount {
  enum LogState: String, Sendable {
    case present, undecided, recognised
    case writtenOff = "written_off"

    var isDecided: Bool { self == .recognised || self == .writtenOff }
  }

  /// What stands towards one log of a peer, from its items alone.
  struct Standing: Sendable {
    var state = LogState.present
    /// Transfers and bridge items that were begun with it.
    var items = 0
    /// Minor units of this frame's money.
    var clearing: Int128 = 0
    var locked: Int128 = 0
    var unlocked: Int128 = 0
    /// Given back out of the reserve by a decision.
    var returned: Int128 = 0
    /// Minor units of the peer's.
    var issued: Int128 = 0
    var redeemed: Int128 = 0
    /// Wrapped tokens of a log before it that it stands for.
    var tookOver: Int128 = 0
    /// Wrapped tokens that came back to their holders by a decision, and that no other log stands for.
    var cameBack: Int128 = 0
    /// Of those that another log stands for, what is not back yet.
    var onTheirWay: Int128 = 0
    /// Of the wrapped tokens; "" before the first.
    var asset = ""
    /// As it was put aside.
    var figures: PBFormerLogFigures?
    /// The log must have so many events at least: this one has acted on them.
    var reach: UInt64 = 0

    /// Locked here for what is outstanding there.
    var reserve: Int128 { locked - unlocked }
    /// Outstanding here.
    var wrapped: Int128 { issued - redeemed + tookOver }

    mutating func issued(_ amount: Int128, _ asset: String) {
      issued += amount
      self.asset = asset
    }

    /// What is on the accounts of it now: a decision has taken its part away.
    var clearingNow: Int128 { state.isDecided ? clearing - Int128(figures?.clearing ?? 0) : clearing }
    var reserveNow: Int128 { reserve - returned - (state.isDecided ? Int128(figures?.reserve ?? 0) : 0) }
    var wrappedNow: Int128 { (state == .recognised ? 0 : wrapped) + cameBack }
  }

  /// A lost log as one side booked its taking over: at who held something of it, or at the rebuilt frame.
  struct Recognition: Sendable {
    /// The lost log's name.
    let log: String
    /// Minor units of the booking frame: it owes them to the other side (negative: the other way round).
    let clearing: Int128
    /// Minor units of the rebuilt frame.
    let wrapped: Int64
    let position: UInt64
  }

  func present(_ peer: String) -> Log { Log(peer: peer, key: keys[peer] ?? "") }

  /// The owner of the accounts that stand towards a former log; the frame's name for what has no key.
  func name(of log: Log) -> String {
    guard !log.key.isEmpty, let peer = try? FrameID(log.peer) else { return log.peer }
    return PeerLog(peer, key: log.key).name
  }

  /// The log of a peer that has such a name, of those that a treaty was with.
  func log(named name: String, of peer: String) -> Log? {
    standings.keys.first { $0.peer == peer && self.name(of: $0) == name }
  }

  mutating func clear(_ amount: Int128, _ log: Log) { standings[log, default: Standing()].clearing += amount }

  /// Nothing of a former log goes back to anybody before it was decided about.
  mutating func requireDecided(_ log: Log, _ id: String, _ position: UInt64) {
    guard let standing = standings[log], standing.state.isDecided else {
      return note("returned_undecided", id, at: position, "nobody has decided about \(name(of: log))")
    }
  }

  /// - Returns: whether it is an event about logs.
  mutating func addLogs(_ event: PBEvent, _ money: DealingsMoney) -> Bool {
    switch event.payload {
    case .frameFederationEstablished(let e):
      expect(money, "", event.position, [])
      establish(e.peer, e.theirs.logVerifierKey, event.position)
    case .peerLogReplaced(let e): replaced(e, money, event.position)
    case .formerLogAnswered(let e): answered(e, money, event.position)
    case .formerLogDecided(let e): decided(e, money, event.position)
    case .peerEventProjected(let e):
      expect(money, "", event.position, [])
      let log = present(e.originFrame)
      let reach = e.peerPosition == .max ? e.peerPosition : e.peerPosition + 1
      standings[log, default: Standing()].reach = max(standings[log]?.reach ?? 0, reach)
    default: return false
    }
    return true
  }

  private mutating func establish(_ peer: String, _ key: String, _ position: UInt64) {
    let (old, new) = (keys[peer], Log(peer: peer, key: key))
    if standings[new]?.state.isDecided == true {
      note("decided_log_taken_up", "", at: position, "\(name(of: new)) was decided about already")
    }
    keys[peer] = key
    guard old != key else { return }
    if let old { standings[Log(peer: peer, key: old), default: Standing()].state = .undecided }
    standings[new, default: Standing()].state = .present
  }

  /// What is put aside is what the items with that log come to, no more and no less.
  private mutating func replaced(_ e: PBPeerLogReplaced, _ money: DealingsMoney, _ position: UInt64) {
    let log = Log(peer: e.peer, key: e.logVerifierKey)
    let standing = standings[log] ?? Standing()
    let (clearing, reserve) = (Self.clearing(e.figures), Self.reserve(e.figures))
    var due: [(DealingsMoney.Account, Int128)] = [
      (.clearing(e.peer), -clearing), (.clearing(name(of: log)), clearing), (.reserve(e.peer), -reserve),
      (.reserve(name(of: log)), reserve),
    ]
    if e.hasResumed {
      let (clearing, reserve) = (Self.clearing(e.resumed), Self.reserve(e.resumed))
      let resumed = name(of: Log(peer: e.peer, key: e.newLogVerifierKey))
      due += [
        (.clearing(e.peer), clearing), (.clearing(resumed), -clearing), (.reserve(e.peer), reserve),
        (.reserve(resumed), -reserve),
      ]
    }
    expect(money, "", position, due)
    standings[log, default: Standing()].figures = e.figures
    // Tokens that are on their way home may be counted with those that are held: no more than were ever redeemed.
    let wrapped = standing.wrapped...standing.wrapped + max(0, standing.redeemed)
    if clearing != standing.clearing || reserve != standing.reserve || !wrapped.contains(Int128(e.figures.wrapped)) {
      note(
        "former_figures_differ", "", at: position,
        "\(name(of: log)) is put aside with \(clearing) of clearing, \(reserve) of reserve and \(e.figures.wrapped) wrapped; "
          + "its items come to \(standing.clearing), \(standing.reserve) and \(standing.wrapped)")
    }
  }

  private mutating func answered(_ e: PBFormerLogAnswered, _ money: DealingsMoney, _ position: UInt64) {
    guard e.accepted else { return expect(money, e.proposalID, position, []) }
    let log = present(e.peer)
    answers[Key(log: log, id: e.proposalID)] = Recognition(
      log: e.log, clearing: Int128(e.clearing), wrapped: e.reserve, position: position)
    clear(Int128(e.clearing), log)
    standings[log, default: Standing()].locked += Int128(e.reserve)
    expect(
      money, e.proposalID, position,
      [(.clearing(e.peer), Int128(e.clearing)), (.reserve(e.peer), Int128(e.reserve))])
  }

  private mutating func decided(_ e: PBFormerLogDecided, _ money: DealingsMoney, _ position: UInt64) {
    guard let log = log(named: e.log, of: e.peer), let standing = standings[log], standing.state == .undecided else {
      return note("decision_without_log", e.proposalID, at: position, "'\(e.log)' does not wait for a decision")
    }
    let (clearing, reserve) = (Int128(e.figures.clearing), Int128(e.figures.reserve))
    if e.figures != standing.figures {
      note("former_figures_differ", e.proposalID, at: position, "\(e.log) was put aside with other figures")
    }
    var due: [(DealingsMoney.Account, Int128)] = [(.clearing(e.log), -clearing), (.reserve(e.log), -reserve)]
    if e.outcome == .recognised {
      let present = present(e.peer)
      due.append((.clearing(e.peer), clearing + reserve))
      clear(clearing + reserve, present)
      recognitions[Key(log: present, id: e.proposalID)] = Recognition(
        log: e.log, clearing: clearing + reserve, wrapped: e.figures.wrapped, position: position)
      // What was being redeemed is counted with what is held, as the rebuilt frame locks it, whether it is back yet or not.
      standings[present, default: Standing()].tookOver += Int128(e.figures.wrapped)
      standings[log]?.onTheirWay = Int128(e.figures.redeeming)
      if !standing.asset.isEmpty { standings[present, default: Standing()].asset = standing.asset }
    }
    expect(money, e.proposalID, position, due)
    standings[log]?.state = e.outcome == .recognised ? .recognised : .writtenOff
  }

  /// What stands on the account of clearing: with what is in flight.
  private static func clearing(_ figures: PBFormerLogFigures) -> Int128 {
    Int128(figures.clearing) + Int128(figures.sent)
  }

  private static func reserve(_ figures: PBFormerLogFigures) -> Int128 {
    Int128(figures.reserve) + Int128(figures.returnable)
  }
}
