@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameLedger

/// The audit's own count of what was being redeemed with a log that its frame has lost.
@Suite("Redemptions of a lost log, counted by the audit")
struct BridgeRecountTests {
  private let peer = "frame-b.example"
  private let asset = PBAsset.with {
    $0.origin = "frame-b.example"
    $0.code = "BVT"
    $0.scale = 3
  }

  private func log(_ key: String) throws -> String { PeerLog(try FrameID(peer), key: key).name }

  private func treaty(_ key: String) -> PBEvent.OneOf_Payload {
    .frameFederationEstablished(
      .with {
        $0.peer = peer
        $0.theirs.logVerifierKey = key
      })
  }

  private func redeemed(_ id: String, _ amount: Int64, total: Int64) -> PBEvent.OneOf_Payload {
    .wrappedTokensRedeemed(
      .with {
        $0.redeemID = id
        $0.origin = peer
        $0.from = "alice"
        $0.amount = amount
        $0.asset = asset
        $0.totals.issued = 100
        $0.totals.redeemed = total
      })
  }

  /// The peer tells that it has unlocked, and whether we believed it.
  private func unlocked(_ id: String, rejected: String = "") throws -> PBEvent.OneOf_Payload {
    let event = PBEvent.with {
      $0.tokensBridgeUnlocked = .with {
        $0.redeemID = id
        $0.amount = 7
      }
    }
    let bytes = try event.serializedData()
    return .peerEventProjected(
      .with {
        $0.originFrame = peer
        $0.eventType = "TokensBridgeUnlocked"
        $0.event = bytes
        $0.rejected = rejected
      })
  }

  private func replaced(redeeming: Int64, wrapped: Int64 = 100) throws -> PBEvent.OneOf_Payload {
    let name = try log("old")
    return .peerLogReplaced(
      .with {
        $0.peer = peer
        $0.log = name
        $0.figures.redeeming = redeeming
        $0.figures.wrapped = wrapped
      })
  }

  private func decided(_ outcome: PBFormerLogDecided.Outcome, redeeming: Int64) throws -> PBEvent.OneOf_Payload {
    let name = try log("old")
    return .formerLogDecided(
      .with {
        $0.peer = peer
        $0.log = name
        $0.outcome = outcome
        $0.figures.redeeming = redeeming
        $0.figures.wrapped = 100
      })
  }

  private func back(
    _ id: String, _ amount: Int64, to: String = "alice", origin: String = "frame-b.example", key: String = "old",
    kind: PBFormerLogItemReturned.Kind = .wrapped
  ) throws -> PBEvent.OneOf_Payload {
    let name = try log(key)
    return .formerLogItemReturned(
      .with {
        $0.peer = peer
        $0.log = name
        $0.kind = kind
        $0.itemID = id
        $0.to = to
        $0.amount = amount
        $0.asset = asset
        $0.asset.origin = origin
      })
  }

  /// 100 issued, 7, 5 and 3 of it redeemed; the peer has unlocked the last, and loses its log.
  private func lost() throws -> BridgeRecount {
    var fold = BridgeRecount()
    let issued = PBEvent.OneOf_Payload.wrappedTokensIssued(
      .with {
        $0.lockID = "l1"
        $0.origin = peer
        $0.amount = 100
        $0.totals.issued = 100
      })
    for payload in [
      treaty("old"), issued, redeemed("r1", 7, total: 7), redeemed("r2", 5, total: 12), redeemed("r3", 3, total: 15),
      try unlocked("r1", rejected: "not_established"), try unlocked("r3"), treaty("new"),
      try replaced(redeeming: 12),
    ] { #expect(fold.add(.with { $0.payload = payload }) == nil, "\(payload)") }
    return fold
  }

  private func found(_ payloads: [PBEvent.OneOf_Payload]) throws -> [Int] {
    var fold = try lost()
    return payloads.enumerated().compactMap { index, payload in
      fold.add(.with { $0.payload = payload }) == nil ? nil : index
    }
  }

  @Test("each comes home once, after the decision, to who redeemed it and with what it was", arguments: [1, 2])
  func once(outcome: Int) throws {
    let outcome = try #require(PBFormerLogDecided.Outcome(rawValue: outcome))
    #expect(try found([decided(outcome, redeeming: 12), back("r1", 7), back("r2", 5)]).isEmpty)
    #expect(try found([back("r1", 7)]) == [0], "nobody has decided")
    let wrong: [PBEvent.OneOf_Payload] = try [
      back("r2", 6), back("r2", 5, to: "bob"), back("r2", 5, origin: "frame-c.example"), back("r2", 5, key: "new"),
      back("r3", 3), back("r4", 5),
    ]
    for payload in wrong {
      #expect(try found([decided(outcome, redeeming: 12), payload]) == [1], "\(payload)")
    }
    #expect(try found([decided(outcome, redeeming: 12), back("r1", 7), back("r1", 7)]) == [2])
    // Items of the reserve are another matter.
    #expect(try found([back("r9", 7, kind: .lock), back("r9", 7, kind: .redemption)]).isEmpty)
  }

  @Test("no more is claimed than was redeemed and not unlocked; what an earlier version wrote claims nothing")
  func claims() throws {
    for (redeeming, isFound) in [(Int64(0), false), (12, false), (13, true), (-1, true)] {
      #expect(try found([replaced(redeeming: redeeming)]) == (isFound ? [0] : []), "\(redeeming)")
      #expect(try found([decided(.recognised, redeeming: redeeming)]) == (isFound ? [0] : []), "\(redeeming)")
    }
    #expect(try found([replaced(redeeming: 12, wrapped: 11)]) == [0], "it is a part of what is wrapped")
  }

  @Test("recognised, all of it counts as issued by the new log at once, as the rebuilt frame counts it")
  func counted() throws {
    let next = PBEvent.OneOf_Payload.wrappedTokensRedeemed(
      .with {
        $0.redeemID = "r1"
        $0.origin = peer
        $0.amount = 20
        $0.totals.issued = 100
        $0.totals.redeemed = 20
      })
    #expect(try found([decided(.recognised, redeeming: 12), next, back("r1", 7)]).isEmpty)
    #expect(try found([decided(.writtenOff, redeeming: 12), next]) == [1])
  }

  @Test("a log that is taken up again goes on with what was being redeemed")
  func resumed() throws {
    #expect(try found([treaty("old"), unlocked("r1"), treaty("newer"), replaced(redeeming: 5)]).isEmpty)
    #expect(try found([treaty("old"), unlocked("r1"), treaty("newer"), replaced(redeeming: 6)]) == [3])
  }
}
