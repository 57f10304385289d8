import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import FrameNodeState
import FrameProtos

/// Holds: money set aside, captured, released.
package struct HoldRoutes {
  let node: NodeCore
  let metrics: LedgerMetrics

  func add(to api: APIRouter) {
    api.on(.post, "/api/v1/holds", .authenticated) { call in try await create(call) }
    api.on(.get, "/api/v1/holds", .authenticated) { call in try await list(call) }
    api.on(.get, "/api/v1/holds/{id}", .authenticated) { call in
      let id = call.parameter("id")
      guard let hold = try await node.writer.read({ $0.ledger.holds.hold(id) }), sees(hold, call) else {
        // The same answer as for an id that does not exist: ids of others are not to be found out.
        throw LedgerError.unknownHold(id)
      }
      return .json(view(hold, at: node.writer.time.now()))
    }
    api.on(.post, "/api/v1/holds/{id}/capture", .authenticated) { call in
      let key = try call.idempotencyKey()
      let body = try call.decodeIfPresent(CaptureHoldBody.self)
      try APICall.check(asset: body?.asset, is: node.configuration.native)
      let command = LedgerCommand.captureHold(
        id: call.parameter("id"), amount: try body?.amount.map(amount), to: try body?.to.map { try AgentName($0) },
        keepRest: body?.keepRest ?? false, memo: body?.memo ?? "")
      return try await end(command, call, key)
    }
    api.on(.post, "/api/v1/holds/{id}/release", .authenticated) { call in
      let key = try call.idempotencyKey()
      return try await end(.releaseHold(id: call.parameter("id"), reason: try call.reason()), call, key)
    }
  }

  private func create(_ call: APICall) async throws -> APIReply {
    let body = try call.decode(NewHoldBody.self)
    try APICall.check(asset: body.asset, is: node.configuration.native)
    let from = try call.payer(body.from)
    let key = try call.idempotencyKey()
    let command = LedgerCommand.createHold(
      id: Hold.id(for: key), from: from, payee: try body.payee.map { try AgentName($0) },
      amount: try amount(body.amount), expiry: try expiry(seconds: body.expiresInSeconds, at: body.expiresAt),
      memo: body.memo ?? "")
    let committed = try await node.submit(.ledger(command), actor: .agent(from, of: node.frame), key: key)
    metrics.count(committed)
    guard let recorded = committed.events.first, case .holdCreated(let event) = recorded.event.payload else {
      throw LedgerError.holdIDInUse(Hold.id(for: key))
    }
    // Made from the stored event alone, as of its own time: a repeat is answered with the same bytes, whatever became of the hold.
    return .json(
      view(try Hold(event, recorded), at: recorded.clock), .created, replayed: committed.replayed)
  }

  private func expiry(seconds: Int64?, at time: String?) throws -> HoldExpiry {
    switch (seconds, time) {
    case (let seconds?, nil):
      guard (1...HoldLimits.secondsMax).contains(seconds) else { throw LedgerError.holdExpiryInvalid(seconds: seconds) }
      return .after(.seconds(seconds))
    case (nil, let time?):
      return .at(try WrittenTime(time).time)
    default:
      throw Refusal(
        "hold_expiry_missing", .invalid, "A hold needs an end, and one only.",
        remedy: "Give either expires_in_seconds or expires_at.")
    }
  }

  /// Captures or releases, by whoever calls.
  private func end(_ command: LedgerCommand, _ call: APICall, _ key: IdempotencyKey) async throws -> APIReply {
    let committed = try await node.submit(.ledger(command), actor: try call.actor(), key: key)
    metrics.count(committed)
    guard let first = committed.events.first else {
      throw Refusal("internal", .internal, "The command had no effect.", remedy: "Report this as a defect.")
    }
    let native = node.configuration.native
    func decimal(_ units: Int64) -> String { Amount(minorUnits: units).decimal(scale: native.scale) }
    var (state, id, from, to, units) = ("", "", "", "", Int64(0))
    var released: Int64?
    switch first.event.payload {
    case .holdCaptured(let event):
      (state, id, from, to, units) = ("captured", event.holdID, event.from, event.to, event.amount)
      released = event.released
    case .holdReleased(let event):
      (state, id, from, to, units) = ("released", event.holdID, event.from, event.from, event.amount)
    case .holdExpired(let event):
      (state, id, from, to, units) = ("expired", event.holdID, event.from, event.from, event.amount)
    default: break
    }
    return .json(
      ReceiptView(
        state: state, position: first.position, time: first.time.description,
        eventTypes: committed.events.map(\.event.eventType.name), amount: decimal(units), fee: nil,
        asset: native.description, from: from, to: to, idempotencyKey: key.chosen(by: try call.actor()), holdId: id,
        released: released.map(decimal)),
      replayed: committed.replayed)
  }

  private func list(_ call: APICall) async throws -> APIReply {
    let limit = Int(try call.query("limit", in: 1...1000, default: 100))
    let named = try call.query("agent").map { try AgentName($0) }
    let agent: AgentName?
    if case .agent(let name, _) = call.caller {
      guard named == nil || named == name else {
        throw Refusal(
          "not_your_account", .forbidden, "Agent '\(name)' may not see the holds of '\(named?.text ?? "")'.",
          remedy: "Leave 'agent' out, or use that agent's own token.")
      }
      agent = name
    } else {
      agent = named
    }
    let holds = try await node.writer.read { state in
      let book = state.ledger.holds
      return agent.map { Array(book.open(concerning: $0).prefix(limit)) } ?? book.allOpen(limit: limit)
    }
    let now = node.writer.time.now()
    return .json(HoldsView(holds: holds.map { view($0, at: now) }))
  }

  private func sees(_ hold: Hold, _ call: APICall) -> Bool {
    guard case .agent(let name, _) = call.caller else { return true }
    return name == hold.owner || name == hold.payee
  }

  private func amount(_ text: String) throws -> Amount {
    let amount = try Amount(text, scale: node.configuration.native.scale)
    guard amount > .zero else { throw AmountError.notPositive(text) }
    return amount
  }

  private func view(_ hold: Hold, at now: FrameTime) -> HoldView {
    let native = node.configuration.native
    func decimal(_ units: Int64) -> String { Amount(minorUnits: units).decimal(scale: native.scale) }
    return HoldView(
      holdId: hold.id, state: hold.state(at: now), from: hold.owner.text, payee: hold.payee?.text,
      amount: decimal(hold.amount), captured: decimal(hold.captured), remaining: decimal(hold.remaining),
      asset: native.description, memo: hold.memo, position: hold.position, createdAt: hold.created.description,
      expiresAt: hold.expires.description, endedAt: hold.ended?.description)
  }
}
