import FrameAudit
import FrameTreaty
import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import FrameMetrics
import FrameNodeState
import FrameProtos

/// The log as its readers see it, the audit, and the documents about the node itself.
package struct LogRoutes {
  let node: NodeCore
  let audit: @Sendable (AuditWish) async throws -> AuditView

  func add(to api: APIRouter) {
    api.on(.post, "/api/v1/audit", .authority) { [audit] call in
      .json(try await audit(call.flag("full") ? .full : .now))
    }
    api.on(.get, "/api/v1/supply", .authority) { [node, audit] call in
      guard let point = try call.past(at: node.clock.now()) else { return .json(try await audit(.latest)) }
      let past = try await node.writer.past(point, for: call.asker(node)) { ($0.ledger, $0.formerLogHoldings) }
      let statement = past.value.0.supply(at: past.size, former: past.value.1)
      return .json(
        PastSupplyView(
          asOf: try await AsOfView(past, node),
          supply: AuditView.Supply(statement, native: node.configuration.native)))
    }
    api.on(.post, "/api/v1/audit/clear", .authority) { [node, audit] call in
      let body = try call.decode(ClearAuditBody.self)
      guard try await node.writer.read({ $0.ledger.drift != nil }) else { throw LedgerError.supplyNotFrozen }
      let seen = try await audit(.full)
      guard seen.clean || body.acceptFindings == UInt64(seen.findings) else {
        throw Refusal(
          "audit_not_clean", .refused,
          "The audit of all \(seen.position) events has \(seen.findings) findings; "
            + "\(body.acceptFindings.map { "\($0) are accepted" } ?? "none is accepted").",
          remedy:
            "Read them with frame audit --full; accept exactly that many once each is explained, or restore a backup."
        )
      }
      _ = try await node.submit(
        .ledger(
          .clearDrift(size: seen.position, accepted: seen.clean ? 0 : UInt64(seen.findings), note: body.note)),
        actor: try call.actor(), key: node.freshKey("drift/clear"))
      return .json(try await audit(.now))
    }
    api.on(.get, "/api/v1/log/checkpoint", .anyone) { [node] _ in
      .text(String(decoding: try await node.writer.checkpoint().note, as: UTF8.self))
    }
    api.on(.get, "/api/v1/log/events", .authority) { [node] call in
      let first = try call.query("from", in: 0...UInt64(Int64.max), default: 0)
      let limit = try call.query("limit", in: 1...1000, default: 100)
      let native = node.configuration.native
      let events = try await node.writer.events(from: first, limit: Int(limit))
      return .json(
        EventsView(size: node.writer.durableSize(), events: events.map { EventView($0, native: native) }))
    }
    api.on(.get, "/api/v1/log/attestations/{position}", .authenticated) { [node] call in
      guard let position = UInt64(call.parameter("position")) else {
        throw Refusal(
          "invalid_position", .invalid, "'\(call.parameter("position").prefix(40))' is not a log position.",
          remedy: "Use a whole number, as receipts give it.")
      }
      let attestation = try await node.writer.attest(position)
      let event = try PBEvent(serializedBytes: attestation.event)
      if case .agent(_, let id) = call.caller, event.actor != id.description {
        throw Refusal(
          "not_your_event", .forbidden, "Position \(position) is not an event of '\(id)'.",
          remedy: "Ask for the position that your own receipt gives.")
      }
      return .json(
        AttestationView(
          position: position, eventType: event.eventType.name,
          proof: try attestation.serializedData().base64EncodedString()))
    }
    api.on(.get, "/api/v1/metrics", .authority) { [node] _ in
      .json(
        MetricsView(
          metrics: node.registry.catalog().map {
            .init(
              name: $0.name, type: $0.type.rawValue, unit: $0.unit?.name ?? "", labels: $0.labels, help: $0.help)
          }))
    }
    api.on(.get, "/openapi.yaml", .anyone) { call in
      let edition = try OpenAPIDocument.current()
      return .cached(edition.yaml, type: "application/yaml", tag: edition.yamlTag, for: call)
    }
    api.on(.get, "/openapi.json", .anyone) { call in
      let edition = try OpenAPIDocument.current()
      return .cached(edition.json, type: "application/json", tag: edition.jsonTag, for: call)
    }
  }
}

/// Which audit is asked for.
package enum AuditWish: Sendable {
  /// The newest there is; one is made if there is none.
  case latest
  /// Of what is new since the last one.
  case now
  /// Of the whole log, from its first event.
  case full
}

extension AuditView {
  /// - drift: what keeps anything from being issued now.
  init(_ report: AuditReport, native: Asset, drift: SupplyDrift?) {
    let statement = report.statement
    self.init(
      report, clean: report.isClean && statement.delta == 0 && report.worstDelta == 0, frozen: drift,
      supply: Supply(statement, native: native))
  }

  /// Of an audit of the files, which asks no node: its delta is the worst that there was after any event.
  package init(offline report: AuditReport, native: Asset) {
    self.init(
      report, clean: report.isClean, checkpointSize: report.checkpointSize, frozen: nil,
      supply: Supply(report.statement, native: native, delta: report.worstDelta))
  }

  private init(
    _ report: AuditReport, clean: Bool, checkpointSize: UInt64? = nil, frozen drift: SupplyDrift?, supply: Supply
  ) {
    self.init(
      clean: clean, position: report.size, root: report.root.base64EncodedString(),
      checkpoint: report.checkpoint.map { String(decoding: $0.note, as: UTF8.self) }, checkpointSize: checkpointSize,
      findings: report.findingCount,
      problems: report.findings.map { finding in
        "\(finding.code)\(finding.position.map { " at \($0)" } ?? ""): \(finding.message)"
      }, frozen: drift.map { "\($0.code) \($0.detail)" }, frozenSince: drift?.since?.description, supply: supply)
  }
}

extension AuditView.Supply {
  /// - Parameter delta: another one than the statement's own.
  init(_ statement: SupplyStatement, native: Asset, delta: Int128? = nil) {
    func decimal(_ units: Int128) -> String { Amount.decimal(sum: units, scale: native.scale) }
    func decimals(_ amounts: [String: Int128]) -> AuditView.ByName {
      AuditView.ByName(amounts: amounts.mapValues(decimal))
    }
    self.init(
      asset: native.description, issued: decimal(statement.issued), circulating: decimal(statement.circulating),
      staked: decimal(statement.staked),
      held: decimal(statement.held), fees: decimal(statement.fees), treasury: decimal(statement.treasury),
      lockedForBridge: decimals(statement.lockedForBridge), clearing: decimals(statement.clearing),
      delta: decimal(delta ?? statement.delta),
      wrapped: AuditView.ByName(
        amounts: Dictionary(
          uniqueKeysWithValues: statement.wrapped.map { name, units in
            let scale = UInt8(clamping: statement.wrappedScales[name] ?? 0)
            return (name, Amount.decimal(sum: units, scale: scale))
          })),
      formerLogs: statement.formerLogLines.map { line in
        AuditView.FormerLog(
          log: line.log, state: line.state.rawValue, clearing: decimal(line.clearing),
          lockedForBridge: decimal(line.lockedForBridge),
          wrapped: Amount.decimal(sum: line.wrapped, scale: UInt8(clamping: line.wrappedScale)))
      })
  }
}
