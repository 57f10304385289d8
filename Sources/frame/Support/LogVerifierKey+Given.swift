import FrameCore
import FrameEvents

extension LogVerifierKey {
  /// A key as somebody gives it. That it is none says nothing of what it was to check.
  /// - Throws: a `Refusal` of kind `invalid`.
  init(given text: String) throws {
    do { try self.init(text) } catch {
      throw Refusal(
        "invalid_verifier_key", .invalid, "'\(text.prefix(200))' is not a verifier key.",
        remedy: "Give it as its frame does: name+id+base64, as log_verifier_key of GET /api/v1/frame.")
    }
  }
}
