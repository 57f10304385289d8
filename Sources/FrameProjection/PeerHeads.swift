internal import FrameCore
import Synchronization

/// How far each peer's stream reaches, as its verified heads tell, and what that makes of our lag.
///
/// Lag in seconds counts from when we last held everything, by our own clock, so that it also grows while the peer says
/// nothing at all.
package final class PeerHeads: Sendable {
  struct View: Sendable, Equatable {
    var sequence: UInt64 = 0
    var held: UInt64 = 0
    /// When a head last arrived.
    var headAt: FrameTime?
    /// When anything at all last arrived, or the stream was opened.
    var heardAt: FrameTime
    /// When we last held all that the newest head announced.
    var caughtUpAt: FrameTime
    var isConnected = false
    /// Of which log, by its key.
    var key = ""
    /// Why the stream does not come and will not by itself; "" when nothing is wrong, or what is wrong may pass.
    var refusal = ""

    /// While the stream is refused nobody knows how much there is; it is not nothing.
    var lagEvents: UInt64 { max(sequence > held ? sequence - held : 0, refusal.isEmpty ? 0 : 1) }
  }

  private let views = Mutex<[FrameID: View]>([:])

  package init() {}

  func view(_ peer: FrameID) -> View? { views.withLock { $0[peer] } }
  var peers: [FrameID] { views.withLock { Array($0.keys) } }

  /// - Parameter key: of the log that is followed: nothing that another one showed says anything of it.
  func start(_ peer: FrameID, held: UInt64, key: String = "", now: FrameTime) {
    views.withLock { views in
      if views[peer]?.key != key { views[peer] = View(held: held, heardAt: now, caughtUpAt: now, key: key) }
      views[peer]?.held = held
      views[peer]?.heardAt = now
    }
  }

  func heard(_ peer: FrameID, now: FrameTime) { views.withLock { $0[peer]?.heardAt = now } }

  func stop(_ peer: FrameID) { views.withLock { $0[peer] = nil } }

  func connected(_ peer: FrameID, _ isConnected: Bool) {
    views.withLock { views in
      views[peer]?.isConnected = isConnected
      if isConnected { views[peer]?.refusal = "" }
    }
  }

  func refused(_ peer: FrameID, _ code: String) { views.withLock { $0[peer]?.refusal = code } }

  /// The newest head is what the stream reaches to: nothing that the peer said before stands against it.
  func head(_ sequence: UInt64, of peer: FrameID, now: FrameTime) {
    update(peer, now) { view in
      view.sequence = sequence
      view.headAt = now
    }
  }

  /// The next item arrived: the stream reaches at least that far.
  func announced(_ sequence: UInt64, of peer: FrameID) {
    views.withLock { views in
      guard let view = views[peer], sequence > view.sequence else { return }
      views[peer]?.sequence = sequence
    }
  }

  func held(_ sequence: UInt64, of peer: FrameID, now: FrameTime) {
    update(peer, now) { $0.held = max($0.held, sequence) }
  }

  private func update(_ peer: FrameID, _ now: FrameTime, _ change: (inout View) -> Void) {
    views.withLock { views in
      guard var view = views[peer] else { return }
      change(&view)
      // Items alone do not say that there are no more: only a head that we have reached does.
      if view.headAt != nil, view.isConnected, view.held >= view.sequence { view.caughtUpAt = now }
      views[peer] = view
    }
  }
}
