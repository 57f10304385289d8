import FrameAPI

// How people are shown what the API answers.

extension ReachabilityView.Failure {
  var text: String { "\(message) [\(code)], \(Age.text(ageSeconds)) ago" }
}

extension ReachabilityView {
  /// In a column.
  var short: String { state == "reachable" ? "yes" : state == "unreachable" ? "NO" : "not asked yet" }

  var answers: String {
    switch state {
    case "reachable": "yes" + (since.map { ", since \($0)" } ?? "")
    case "unreachable": "NO, since \(since ?? "?")" + (lastError.map { ": \($0.message) [\($0.code)]" } ?? "")
    default: "not asked yet"
    }
  }

  var stream: String {
    (streamOpen ? "open" : "CLOSED")
      + (streamHeadAgeSeconds.map { ", last head \(Age.text($0)) ago" } ?? ", no head yet")
  }
}

extension AuthorityView.Ring {
  var next: String? { nextStep.map { step in "\(step) at \(nextAt ?? "")" } }
}

extension FormerLogView.Item {
  var money: String { asset.map { "\(amount) \($0)" } ?? amount }
}

extension FormerLogView {
  /// The 16 digits by which commands know it.
  var id: String { log.split(separator: "+").last.map(String.init) ?? log }
}

/// How long ago, for people.
enum Age {
  static func text(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3600) h"
    default: "\(seconds / 86_400) days"
    }
  }

  static func suffix(_ seconds: Int64?) -> String { seconds.map { ", \(text($0)) ago" } ?? "" }
}

extension AsOfView {
  /// What an answer about the past is true at.
  var fields: [(String, String?)] {
    [
      ("as of position", position.map { "\($0)" } ?? "none: the log was empty"), ("recorded", time),
      ("log size", "\(size)"), ("root", root),
    ]
  }
}
