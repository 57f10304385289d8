import Foundation
import Yams

/// The API's OpenAPI 3.1 document, served at `/openapi.yaml` and `/openapi.json`.
///
/// It is the contract: a test compares its paths and methods with the routes that the node registers.
package enum OpenAPIDocument {
  package static func json() throws -> Data {
    let value = try Yams.load(yaml: yaml) ?? [:]
    return try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
  }

  package static var yaml: String {
    head + frameAndAgents + money + holds + bridge + peers + OpenAPIIdentity.paths + audit + log + components
  }

  private static let head = """
    openapi: 3.1.0
    info:
      title: Frame node API
      version: "1"
      description: >-
        The API of one sovereign frame. Amounts are decimal strings in the asset's own scale. Errors are RFC 9457 problem
        documents. Requests that move money need an Idempotency-Key; repeating one with the same body answers the first
        result (Idempotency-Replayed is then true), with another body 409.
    security:
      - jwtSVID: []
    paths:

    """

  private static let frameAndAgents = """
      /api/v1/frame:
        get:
          summary: This frame, its currency, its endpoints and its keys
          security: []
          responses: {"200": {$ref: "#/components/responses/Frame"}}
      /api/v1/agents:
        get:
          summary: All agents (authority)
          responses: {"200": {$ref: "#/components/responses/Agents"}, default: {$ref: "#/components/responses/Problem"}}
        post:
          summary: Register an agent (authority)
          requestBody: {$ref: "#/components/requestBodies/NewAgent"}
          responses: {"201": {$ref: "#/components/responses/Agent"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/agents/{name}:
        parameters: [{$ref: "#/components/parameters/name"}]
        get:
          summary: An agent and its balances, now or as of a point in the past (authority, or the agent itself)
          parameters: [{$ref: "#/components/parameters/atPosition"}, {$ref: "#/components/parameters/atTime"}]
          responses: {"200": {$ref: "#/components/responses/Agent"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/agents/{name}/transactions:
        parameters: [{$ref: "#/components/parameters/name"}]
        get:
          summary: What moved an agent's money, page by page (authority, or the agent itself)
          description: >-
            A page ends with the cursor of the next one, which later events never move. From the newest on, the last page has
            none; from the oldest on there always is one, to ask again with for what comes later.
          parameters:
            - {name: order, in: query, schema: {type: string, enum: [newest, oldest], default: newest}}
            - {name: cursor, in: query, description: The next_cursor of the page before, schema: {type: string}}
            - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 200, default: 50}}
          responses: {"200": {$ref: "#/components/responses/History"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/agents/{name}/freeze:
        parameters: [{$ref: "#/components/parameters/name"}]
        post:
          summary: Keep the agent's money from moving out by its own commands (authority)
          requestBody: {$ref: "#/components/requestBodies/FreezeReason"}
          responses: {"200": {$ref: "#/components/responses/Agent"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/agents/{name}/unfreeze:
        parameters: [{$ref: "#/components/parameters/name"}]
        post:
          summary: Let the agent's money move again (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Agent"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/agents/{name}/token:
        parameters: [{$ref: "#/components/parameters/name"}]
        post:
          summary: A JWT-SVID for that agent (authority)
          requestBody: {$ref: "#/components/requestBodies/TokenRequest"}
          responses: {"200": {$ref: "#/components/responses/Token"}, default: {$ref: "#/components/responses/Problem"}}

    """

  private static let money = """
      /api/v1/issue:
        post:
          summary: Mint to the treasury (authority)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Issue"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/burn:
        post:
          summary: Burn from the treasury (authority)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Issue"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/transfers:
        post:
          summary: Transfer to an agent of this frame (own account; the authority may name any, or "treasury")
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Transfer"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/fees:
        get:
          summary: The fee rule, what it makes of an amount, and the fee pool (the pool for the authority only)
          parameters: [{name: amount, in: query, schema: {$ref: "#/components/schemas/Amount"}}]
          responses: {"200": {$ref: "#/components/responses/Fees"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/fees/collect:
        post:
          summary: Move the fee pool, wholly or in part, to the treasury (authority)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Collect"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}, default: {$ref: "#/components/responses/Problem"}}
      /teg/cross-registry-transfer:
        post:
          summary: Transfer to an agent of a peer frame
          description: >-
            2pc answers 200 when both frames have committed; async answers 202 at once and settles over SF-4. 202 from 2pc
            means the outcome is not known yet: the node asks the peer until it is, and GET tells.
          parameters:
            - {$ref: "#/components/parameters/key"}
            - {name: backend, in: query, schema: {type: string, enum: [async, 2pc], default: async}}
          requestBody: {$ref: "#/components/requestBodies/Transfer"}
          responses:
            "200": {$ref: "#/components/responses/TransferReceipt"}
            "202": {$ref: "#/components/responses/TransferReceipt"}
            default: {$ref: "#/components/responses/Problem"}
      /teg/cross-registry-transfer/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          summary: A transfer's state (authority, or its sender)
          responses: {"200": {$ref: "#/components/responses/TransferReceipt"}, default: {$ref: "#/components/responses/Problem"}}

    """

  private static let holds = """
      /api/v1/holds:
        get:
          summary: Open holds that concern the caller (authority, all, or those of an agent)
          parameters:
            - {name: agent, in: query, schema: {$ref: "#/components/schemas/AgentName"}}
            - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 1000, default: 100}}
          responses: {"200": {$ref: "#/components/responses/Holds"}, default: {$ref: "#/components/responses/Problem"}}
        post:
          summary: Set own money aside, for a payee or for nobody yet, until a time
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/NewHold"}
          responses: {"201": {$ref: "#/components/responses/Hold"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/holds/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          summary: A hold (authority, its owner, or its payee); of ended ones the latest are remembered
          responses: {"200": {$ref: "#/components/responses/Hold"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/holds/{id}/capture:
        parameters: [{$ref: "#/components/parameters/id"}]
        post:
          summary: Pay out of a hold, wholly or in part (its payee, its owner; the authority to the payee named)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Capture"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/holds/{id}/release:
        parameters: [{$ref: "#/components/parameters/id"}]
        post:
          summary: Give what is left back to the owner (its payee, the authority; the owner if it named no payee)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}, default: {$ref: "#/components/responses/Problem"}}

    """

  private static let bridge = """
      /api/v1/bridge/lock:
        post:
          summary: Lock native tokens here and have them issued wrapped at a peer frame
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Transfer"}
          responses: {"202": {$ref: "#/components/responses/BridgeItem"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/bridge/issue:
        post:
          summary: Issue wrapped tokens against a proven lock (whoever relays cannot forge)
          requestBody: {$ref: "#/components/requestBodies/Proof"}
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/bridge/redeem:
        post:
          summary: Burn wrapped tokens here and have the originals unlocked at their frame
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Redeem"}
          responses: {"202": {$ref: "#/components/responses/BridgeItem"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/bridge/unlock:
        post:
          summary: Unlock originals against a proven redemption
          requestBody: {$ref: "#/components/requestBodies/Proof"}
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/bridge/locks/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          summary: A lock's state (authority, or its sender)
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/bridge/redeems/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          summary: A redemption's state (authority, or its sender)
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/bridge/reserves:
        get:
          summary: The reserve of each peer and direction, every in-flight item named (authority)
          responses: {"200": {$ref: "#/components/responses/Reserves"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/bridge/{peer}/breaker/close:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          summary: Close the breaker after an investigation (authority)
          requestBody: {$ref: "#/components/requestBodies/Note"}
          responses: {"200": {$ref: "#/components/responses/Reserves"}, default: {$ref: "#/components/responses/Problem"}}

    """

  private static let peers = """
      /api/v1/peers:
        get:
          summary: All peers and their treaties (authority)
          responses: {"200": {$ref: "#/components/responses/Peers"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/peers/invitations:
        post:
          summary: Invite a frame to a treaty (authority)
          requestBody: {$ref: "#/components/requestBodies/Invitation"}
          responses: {"202": {$ref: "#/components/responses/Peer"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/peers/{peer}:
        parameters: [{$ref: "#/components/parameters/peer"}]
        get:
          summary: One peer and its treaty (authority)
          responses: {"200": {$ref: "#/components/responses/Peer"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/peers/{peer}/approve:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          summary: Approve an invitation, naming the fingerprint that was checked (authority)
          requestBody: {$ref: "#/components/requestBodies/Fingerprint"}
          responses: {"200": {$ref: "#/components/responses/Peer"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/peers/{peer}/reject:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          summary: Reject an invitation (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Peer"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/peers/{peer}/revoke:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          summary: Revoke a treaty, at once and unilaterally (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Peer"}, default: {$ref: "#/components/responses/Problem"}}

    """

  private static let audit = """
      /api/v1/audit:
        post:
          summary: Audit what is new in the log, or all of it again (authority)
          parameters: [{name: full, in: query, schema: {type: boolean, default: false}}]
          responses: {"200": {$ref: "#/components/responses/Audit"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/audit/clear:
        post:
          summary: Let issuing go on after a finding, when an audit of the whole log is clean or each finding is accepted (authority)
          requestBody: {$ref: "#/components/requestBodies/ClearDrift"}
          responses: {"200": {$ref: "#/components/responses/Audit"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/supply:
        get:
          summary: The last audited supply statement, or the supply as of a point in the past (authority)
          parameters: [{$ref: "#/components/parameters/atPosition"}, {$ref: "#/components/parameters/atTime"}]
          responses: {"200": {$ref: "#/components/responses/Supply"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/log/checkpoint:
        get:
          summary: The log's signed checkpoint (C2SP tlog-checkpoint)
          security: []
          responses: {"200": {description: A signed note, content: {text/plain: {schema: {type: string}}}}}
      /api/v1/log/events:
        get:
          summary: Events from a position (authority)
          parameters:
            - {name: from, in: query, schema: {type: integer, minimum: 0, default: 0}}
            - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 1000, default: 100}}
          responses: {"200": {$ref: "#/components/responses/Events"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/log/attestations/{position}:
        parameters: [{name: position, in: path, required: true, schema: {type: integer, minimum: 0}}]
        get:
          summary: Proof that an event is in the log (authority, or the event's actor)
          responses: {"200": {$ref: "#/components/responses/Attestation"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/metrics:
        get:
          summary: The catalog of metrics (authority)
          responses: {"200": {$ref: "#/components/responses/Metrics"}, default: {$ref: "#/components/responses/Problem"}}
      /openapi.yaml:
        get: {summary: This document, security: [], responses: {"200": {description: OpenAPI as YAML}}}
      /openapi.json:
        get: {summary: This document as JSON, security: [], responses: {"200": {description: OpenAPI as JSON}}}

    """

  private static let log = """
      /api/v1/log/proofs/inclusion:
        get:
          summary: RFC 6962 proof that an event is in the log of a size (authority)
          parameters:
            - {name: position, in: query, required: true, schema: {type: integer, minimum: 0}}
            - {name: size, in: query, description: The checkpoint's unless given, schema: {type: integer, minimum: 1}}
          responses: {"200": {$ref: "#/components/responses/Inclusion"}, default: {$ref: "#/components/responses/Problem"}}
      /api/v1/log/proofs/consistency:
        get:
          summary: RFC 6962 proof that the log of one size extends that of another (authority)
          parameters:
            - {name: from, in: query, required: true, schema: {type: integer, minimum: 0}}
            - {name: to, in: query, description: The checkpoint's unless given, schema: {type: integer, minimum: 0}}
          responses: {"200": {$ref: "#/components/responses/Consistency"}, default: {$ref: "#/components/responses/Problem"}}
      /log/checkpoint:
        get:
          summary: The log's signed checkpoint (C2SP tlog-tiles)
          security: []
          responses: {"200": {description: A signed note, content: {text/plain: {schema: {type: string}}}}}
      /log/tile/{level}/{index}:
        parameters:
          - {name: level, in: path, required: true, schema: {type: integer, minimum: 0, maximum: 63}}
          - {$ref: "#/components/parameters/index"}
        get:
          summary: A hash tile of the log (C2SP tlog-tiles)
          security: []
          responses: {"200": {$ref: "#/components/responses/Tile"}, default: {$ref: "#/components/responses/Problem"}}
      /log/tile/entries/{index}:
        parameters: [{$ref: "#/components/parameters/index"}]
        get:
          summary: An entry bundle of the log, as C2SP tlog-tiles frames it (authority)
          responses: {"200": {$ref: "#/components/responses/Tile"}, default: {$ref: "#/components/responses/Problem"}}

    """

  private static let components = OpenAPIComponents.yaml
}
