/// Exponential backoff with a spread that is fixed by who and when, not by chance: many frames do not retry in step, and a
/// test knows what to expect.
package enum Backoff {
  /// - Parameter attempt: how many tries have failed, from 1.
  package static func delay(_ attempt: Int, first: Duration, max: Duration, of peer: FrameID) -> Duration {
    let doubled = first * (1 << min(attempt - 1, 20))
    return spread(min(doubled, max), peer, attempt, percent: 20)
  }

  /// `duration`, up to `percent` longer or shorter.
  package static func spread(_ duration: Duration, _ peer: FrameID, _ round: Int, percent: Int) -> Duration {
    // FNV-1a over the name and the round.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(peer.name)/\(round)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let thousandths = Int(hash >> 33) % (percent * 20 + 1) - percent * 10
    return duration + duration * thousandths / 1000
  }
}
