internal import FrameCore
internal import FrameEvents
package import FrameProtos

/// What the events about former logs of peers do with money (decision 0034): the drafts' postings and the guard's claims are made here, from
/// the payload alone.
package enum FormerLogMoney {
  /// The postings of an event about a former log.
  /// - Throws: `LedgerError.postingsRefused` when its names or numbers cannot be.
  package static func postings(_ payload: PBEvent.OneOf_Payload) throws -> [PBPosting] {
    Postings.all(try movements(payload))
  }

  static func movements(_ payload: PBEvent.OneOf_Payload) throws -> [MoneyClaim.Movement] {
    let event = payload.eventType.name
    var moves = Moves()
    switch payload {
    case .peerLogReplaced(let p):
      let (peer, former) = try log(p.log, of: p.peer, event)
      moves.add(try sum(p.figures.clearing, p.figures.sent, event), from: .clearing(peer), to: .clearing(of: former))
      moves.add(
        try sum(p.figures.reserve, p.figures.returnable, event), from: .bridgeReserve(peer),
        to: .bridgeReserve(of: former))
      if p.hasResumed {
        let resumed = PeerLog(peer, key: p.newLogVerifierKey)
        moves.add(try sum(p.resumed.clearing, p.resumed.sent, event), from: .clearing(of: resumed), to: .clearing(peer))
        moves.add(
          try sum(p.resumed.reserve, p.resumed.returnable, event), from: .bridgeReserve(of: resumed),
          to: .bridgeReserve(peer))
      }
    case .formerLogAnswered(let p):
      guard p.accepted else { break }
      let peer = try frame(p.peer, event)
      moves.add(p.clearing, from: .treasury, to: .clearing(peer))
      moves.add(try positive(p.reserve, event), from: .treasury, to: .bridgeReserve(peer))
    case .formerLogDecided(let p):
      let (peer, former) = try log(p.log, of: p.peer, event)
      let heir: AccountRef =
        switch p.outcome {
        case .recognised: .clearing(peer)
        case .writtenOff: .treasury
        case .unspecified, .UNRECOGNIZED: throw LedgerError.postingsRefused(event: event, why: "it has no outcome")
        }
      moves.add(p.figures.clearing, from: .clearing(of: former), to: heir)
      moves.add(try positive(p.figures.reserve, event), from: .bridgeReserve(of: former), to: heir)
    case .formerLogItemReturned(let p):
      let (peer, former) = try log(p.log, of: p.peer, event)
      guard let agent = try? AgentName(p.to) else {
        throw LedgerError.postingsRefused(event: event, why: "'\(p.to)' is not an agent's name")
      }
      guard p.amount > 0 else { throw LedgerError.postingsRefused(event: event, why: "it claims to move \(p.amount)") }
      switch p.kind {
      case .lock, .redemption: moves.add(p.amount, from: .bridgeReserve(of: former), to: .liquid(agent))
      case .wrapped:
        guard let asset = try? Asset(p.asset), asset.origin == peer else {
          throw LedgerError.postingsRefused(event: event, why: "'\(p.asset.code)' is not an asset of '\(p.peer)'")
        }
        moves.add(p.amount, from: .issuance(of: asset), to: .wrapped(agent, asset))
      case .unspecified, .UNRECOGNIZED:
        throw LedgerError.postingsRefused(event: event, why: "\(p.kind.rawValue) is no kind of item")
      }
    default: break
    }
    return moves.all
  }

  private struct Moves {
    var all: [MoneyClaim.Movement] = []

    /// Of a negative amount, the other way round.
    mutating func add(_ amount: Int64, from: AccountRef, to: AccountRef) {
      if amount > 0 { all.append(.init(from: from, to: to, amount: amount)) }
      // The lowest number has no opposite; no balance reaches it.
      if amount < 0, amount != Int64.min { all.append(.init(from: to, to: from, amount: -amount)) }
    }
  }

  private static func frame(_ name: String, _ event: String) throws -> FrameID {
    guard let frame = try? FrameID(name) else {
      throw LedgerError.postingsRefused(event: event, why: "'\(name)' is not a frame")
    }
    return frame
  }

  private static func log(_ name: String, of peer: String, _ event: String) throws -> (FrameID, PeerLog) {
    guard let log = PeerLog(name: name), log.frame.name == peer else {
      throw LedgerError.postingsRefused(event: event, why: "'\(name)' is not a log of '\(peer)'")
    }
    return (log.frame, log)
  }

  private static func positive(_ amount: Int64, _ event: String) throws -> Int64 {
    guard amount >= 0 else { throw LedgerError.postingsRefused(event: event, why: "a reserve is \(amount)") }
    return amount
  }

  private static func sum(_ a: Int64, _ b: Int64, _ event: String) throws -> Int64 {
    guard let sum = a.sum(with: b) else {
      throw LedgerError.postingsRefused(event: event, why: "its amounts are too large")
    }
    return sum
  }
}
