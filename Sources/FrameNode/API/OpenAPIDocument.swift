import Foundation

/// The API's OpenAPI 3.1 document, served at `/openapi.yaml` and `/openapi.json`.
///
/// It is the contract: a test compares its paths and methods with the routes that the node registers.
package enum OpenAPIDocument {
  /// Read once, when the first route is made.
  private static let edition: Result<OpenAPIEdition, any Error> = Result { try OpenAPIEdition(source) }

  /// - Throws: `YAMLDocument.Failure` when the text below is no YAML, which a test would say.
  static func current() throws -> OpenAPIEdition { try edition.get() }

  package static func json() throws -> Data { try current().json }
  package static func yaml() throws -> Data { try current().yaml }

  static var operations: [String: Operation] { (try? current().operations) ?? [:] }

  static var source: String {
    [
      head, frameAndAgents, operators, money, holds, bridge, OpenAPIPeers.paths, OpenAPIFormerLogs.paths,
      OpenAPIIdentity.paths, audit, log,
      components,
    ].joined()
  }

  private static let head = """
    openapi: 3.1.0
    info:
      title: Frame node API
      version: "1"
      description: >-
        The API of one sovereign frame. Amounts are decimal strings in the asset's own scale. Errors are RFC 9457 problem
        documents. Requests that move money need an Idempotency-Key; repeating one with the same body answers the first
        result (Idempotency-Replayed is then true), with another body 409. Bodies are strict JSON: UTF-8, each member once,
        none that is not listed; a member or parameter of the query that is unknown is refused with its name. Lengths of
        texts are counted in Unicode code points.
    servers:
      - {url: "/", description: This node}
    tags:
      - {name: node, description: The frame and its documents}
      - {name: agents, description: "Who has money, and what became of it"}
      - {name: operators, description: "The frame's tenants, and the host names they have"}
      - {name: money, description: "Issuing, burning, transfers within the frame, fees"}
      - {name: holds, description: Money set aside}
      - {name: "peers' money", description: Transfers to agents of peer frames}
      - {name: bridge, description: Wrapped tokens}
      - {name: peers, description: "Treaties, and what peers' logs are worth"}
      - {name: identity, description: "The authority's keys, and who gets SVIDs of them"}
      - {name: log, description: "The log, its proofs, its audit"}
    security:
      - jwtSVID: []
    paths:

    """

  private static let frameAndAgents = """
      /api/v1/frame:
        get:
          operationId: getFrame
          summary: This frame, its currency, its endpoints and its keys
          security: []
          responses: {"200": {$ref: "#/components/responses/Frame"}}
      /api/v1/agents:
        get:
          operationId: listAgents
          summary: All agents (authority), or an operator's own
          responses: {"200": {$ref: "#/components/responses/Agents"}}
        post:
          operationId: registerAgent
          summary: Register an agent (authority; an operator its own, named <operator>.<name>)
          requestBody: {$ref: "#/components/requestBodies/NewAgent"}
          responses: {"201": {$ref: "#/components/responses/Agent"}}
      /api/v1/agents/{name}:
        parameters: [{$ref: "#/components/parameters/name"}]
        get:
          operationId: getAgent
          summary: An agent and its balances, now or as of a point in the past (authority, the agent itself, or its operator)
          parameters: [{$ref: "#/components/parameters/atPosition"}, {$ref: "#/components/parameters/atTime"}]
          responses: {"200": {$ref: "#/components/responses/Agent"}}
      /api/v1/agents/{name}/transactions:
        parameters: [{$ref: "#/components/parameters/name"}]
        get:
          operationId: listTransactions
          summary: What moved an agent's money, up to now or to a point in the past, page by page (authority, or the agent itself)
          description: >-
            A page ends with the cursor of the next one, which later events never move. From the newest on, the last page has
            none; from the oldest on there always is one, to ask again with for what comes later.
          parameters:
            - {name: order, in: query, schema: {type: string, enum: [newest, oldest], default: newest}}
            - {name: cursor, in: query, description: The next_cursor of the page before, schema: {type: string}}
            - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 200, default: 50}}
            - {$ref: "#/components/parameters/atPosition"}
            - {$ref: "#/components/parameters/atTime"}
          responses: {"200": {$ref: "#/components/responses/History"}}
      /api/v1/agents/{name}/freeze:
        parameters: [{$ref: "#/components/parameters/name"}]
        post:
          operationId: freezeAgent
          summary: Keep the agent's money from moving out by its own commands (authority)
          requestBody: {$ref: "#/components/requestBodies/FreezeReason"}
          responses: {"200": {$ref: "#/components/responses/Agent"}}
      /api/v1/agents/{name}/unfreeze:
        parameters: [{$ref: "#/components/parameters/name"}]
        post:
          operationId: unfreezeAgent
          summary: Let the agent's money move again (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Agent"}}
      /api/v1/agents/{name}/token:
        parameters: [{$ref: "#/components/parameters/name"}]
        post:
          operationId: issueAgentToken
          summary: A JWT-SVID for that agent (authority, or its operator)
          requestBody: {$ref: "#/components/requestBodies/TokenRequest"}
          responses: {"200": {$ref: "#/components/responses/Token"}}

    """

  private static let operators = """
      /api/v1/operators:
        get:
          operationId: listOperators
          summary: All operators (authority)
          responses: {"200": {$ref: "#/components/responses/Operators"}}
        post:
          operationId: licenseOperator
          summary: License an operator (authority)
          requestBody: {$ref: "#/components/requestBodies/NewOperator"}
          responses: {"201": {$ref: "#/components/responses/Operator"}}
      /api/v1/operators/{operator}:
        parameters: [{$ref: "#/components/parameters/operator"}]
        get:
          operationId: getOperator
          summary: An operator, its licence and its agents (authority, or the operator itself)
          responses: {"200": {$ref: "#/components/responses/Operator"}}
      /api/v1/operators/{operator}/licence:
        parameters: [{$ref: "#/components/parameters/operator"}]
        get:
          operationId: getLicence
          summary: The licence as a signed note by the frame's log key, verifiable offline (authority, or the operator itself)
          responses:
            "200": {description: A C2SP signed note, content: {text/plain: {schema: {type: string}}}}
      /api/v1/operators/{operator}/renew:
        parameters: [{$ref: "#/components/parameters/operator"}]
        post:
          operationId: renewLicence
          summary: Issue a new licence in the place of the old; what is left out stays as it is (authority)
          requestBody: {$ref: "#/components/requestBodies/Renewal"}
          responses: {"200": {$ref: "#/components/responses/Operator"}}
      /api/v1/operators/{operator}/suspend:
        parameters: [{$ref: "#/components/parameters/operator"}]
        post:
          operationId: suspendOperator
          summary: Refuse everything of the operator and its agents from the next decision on (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Operator"}}
      /api/v1/operators/{operator}/resume:
        parameters: [{$ref: "#/components/parameters/operator"}]
        post:
          operationId: resumeOperator
          summary: End a suspension (authority)
          responses: {"200": {$ref: "#/components/responses/Operator"}}
      /api/v1/operators/{operator}/remove:
        parameters: [{$ref: "#/components/parameters/operator"}]
        post:
          operationId: removeOperator
          summary: Remove an operator whose agents have no money any more (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Operator"}}
      /api/v1/operators/{operator}/agents/{agent}/release:
        parameters: [{$ref: "#/components/parameters/operator"}, {$ref: "#/components/parameters/agent"}]
        post:
          operationId: releaseAgent
          summary: Make an operator's agent the frame's own, with its money (authority)
          responses: {"200": {$ref: "#/components/responses/Operator"}}
      /api/v1/operators/{operator}/token:
        parameters: [{$ref: "#/components/parameters/operator"}]
        post:
          operationId: issueOperatorToken
          summary: A JWT-SVID for that operator (authority)
          requestBody: {$ref: "#/components/requestBodies/TokenRequest"}
          responses: {"200": {$ref: "#/components/responses/Token"}}
      /api/v1/sni:
        get:
          operationId: getSNIMap
          summary: The SNI router's map and where each name comes from (authority)
          responses: {"200": {$ref: "#/components/responses/Routes"}}
      /api/v1/sni/nginx:
        get:
          operationId: getNginxMap
          summary: The same map as configuration of nginx, without a default upstream (authority)
          parameters:
            - {name: listen, in: query, schema: {type: string, default: "0.0.0.0:443"}}
            - name: alert_at
              in: query
              description: host:port at which nginx answers unknown names with a TLS alert; left out, it closes them
              schema: {type: string}
          responses:
            "200": {description: A part of nginx.conf, content: {text/plain: {schema: {type: string}}}}
      /api/v1/sni/reload:
        post:
          operationId: reloadSNIMap
          summary: Read sni.map of frame.yaml again; open connections stay (authority)
          responses: {"200": {$ref: "#/components/responses/Reloaded"}}

    """

  private static let money = """
      /api/v1/issue:
        post:
          operationId: issue
          summary: Mint to the treasury (authority)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Issue"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}}
      /api/v1/burn:
        post:
          operationId: burn
          summary: Burn from the treasury (authority)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Issue"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}}
      /api/v1/transfers:
        post:
          operationId: transfer
          summary: Transfer to an agent of this frame (own account; the authority may name any, or frame:treasury)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Transfer"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}}
      /api/v1/transfers/batch:
        post:
          operationId: transferBatch
          summary: Up to 1,000 transfers of one payer within this frame, all of them or none
          description: >-
            One command and one Idempotency-Key. A refusal names the first transfer that cannot be in index, counted from 0,
            and nothing of the batch has happened. The body may have 1 MiB.
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/TransferBatch"}
          responses: {"200": {$ref: "#/components/responses/TransferBatchReceipt"}}
      /api/v1/fees:
        get:
          operationId: getFees
          summary: The fee rule, what it makes of an amount, and the fee pool (the pool for the authority only)
          parameters: [{name: amount, in: query, schema: {$ref: "#/components/schemas/Amount"}}]
          responses: {"200": {$ref: "#/components/responses/Fees"}}
      /api/v1/fees/collect:
        post:
          operationId: collectFees
          summary: Move the fee pool, wholly or in part, to the treasury (authority)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Collect"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}}
      /teg/cross-registry-transfer:
        post:
          operationId: transferToPeer
          summary: Transfer to an agent of a peer frame
          description: >-
            2pc answers 200 when both frames have committed; async answers 202 at once and settles over SF-4. 202 from 2pc
            means the outcome is not known yet: the node asks the peer until it is, and GET tells.
          parameters:
            - {$ref: "#/components/parameters/key"}
            - {name: backend, in: query, schema: {type: string, enum: [async, 2pc], default: async}}
          requestBody: {$ref: "#/components/requestBodies/OutgoingTransfer"}
          responses:
            "200": {$ref: "#/components/responses/TransferReceipt"}
            "202": {$ref: "#/components/responses/TransferReceipt"}
      /teg/cross-registry-transfer/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          operationId: getTransferToPeer
          summary: A transfer's state (authority, or its sender)
          responses: {"200": {$ref: "#/components/responses/TransferReceipt"}}

    """

  private static let holds = """
      /api/v1/holds:
        get:
          operationId: listHolds
          summary: Open holds that concern the caller (authority, all, or those of an agent)
          parameters:
            - {name: agent, in: query, schema: {$ref: "#/components/schemas/AgentName"}}
            - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 1000, default: 100}}
          responses: {"200": {$ref: "#/components/responses/Holds"}}
        post:
          operationId: createHold
          summary: Set own money aside, for a payee or for nobody yet, until a time
          description: A repeat with the same key is answered with the hold as it was made; what became of it is at its own path.
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/NewHold"}
          responses: {"201": {$ref: "#/components/responses/Hold"}}
      /api/v1/holds/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          operationId: getHold
          summary: A hold (authority, its owner, or its payee); of ended ones the latest are remembered
          responses: {"200": {$ref: "#/components/responses/Hold"}}
      /api/v1/holds/{id}/capture:
        parameters: [{$ref: "#/components/parameters/id"}]
        post:
          operationId: captureHold
          summary: Pay out of a hold, wholly or in part (its payee, its owner; the authority to the payee named)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Capture"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}}
      /api/v1/holds/{id}/release:
        parameters: [{$ref: "#/components/parameters/id"}]
        post:
          operationId: releaseHold
          summary: Give what is left back to the owner (its payee, the authority; the owner if it named no payee)
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Receipt"}}

    """

  private static let bridge = """
      /api/v1/bridge/lock:
        post:
          operationId: lock
          summary: Lock native tokens here and have them issued wrapped at a peer frame
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/OutgoingTransfer"}
          responses: {"202": {$ref: "#/components/responses/BridgeItem"}}
      /api/v1/bridge/issue:
        post:
          operationId: issueWrapped
          summary: Issue wrapped tokens against a proven lock (whoever relays cannot forge)
          requestBody: {$ref: "#/components/requestBodies/Proof"}
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}}
      /api/v1/bridge/redeem:
        post:
          operationId: redeem
          summary: Burn wrapped tokens here and have the originals unlocked at their frame
          parameters: [{$ref: "#/components/parameters/key"}]
          requestBody: {$ref: "#/components/requestBodies/Redeem"}
          responses: {"202": {$ref: "#/components/responses/BridgeItem"}}
      /api/v1/bridge/unlock:
        post:
          operationId: unlock
          summary: Unlock originals against a proven redemption
          requestBody: {$ref: "#/components/requestBodies/Proof"}
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}}
      /api/v1/bridge/locks/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          operationId: getLock
          summary: A lock's state (authority, or its sender)
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}}
      /api/v1/bridge/redeems/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          operationId: getRedemption
          summary: A redemption's state (authority, or its sender)
          responses: {"200": {$ref: "#/components/responses/BridgeItem"}}
      /api/v1/bridge/reserves:
        get:
          operationId: getReserves
          summary: The reserve of each peer and direction, every in-flight item named (authority)
          responses: {"200": {$ref: "#/components/responses/Reserves"}}
      /api/v1/bridge/{peer}/breaker/close:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          operationId: closeBreaker
          summary: Close the breaker after an investigation (authority)
          requestBody: {$ref: "#/components/requestBodies/Note"}
          responses: {"200": {$ref: "#/components/responses/Reserves"}}

    """

  private static let audit = """
      /api/v1/audit:
        post:
          operationId: audit
          summary: Audit what is new in the log, or all of it again (authority)
          parameters: [{name: full, in: query, schema: {type: boolean, default: false}}]
          responses: {"200": {$ref: "#/components/responses/Audit"}}
      /api/v1/audit/clear:
        post:
          operationId: clearFindings
          summary: Let issuing go on after a finding, when an audit of the whole log is clean or each finding is accepted (authority)
          requestBody: {$ref: "#/components/requestBodies/ClearDrift"}
          responses: {"200": {$ref: "#/components/responses/Audit"}}
      /api/v1/supply:
        get:
          operationId: getSupply
          summary: The last audited supply statement, or the supply as of a point in the past (authority)
          parameters: [{$ref: "#/components/parameters/atPosition"}, {$ref: "#/components/parameters/atTime"}]
          responses: {"200": {$ref: "#/components/responses/Supply"}}
      /api/v1/log/checkpoint:
        get:
          operationId: getOwnCheckpoint
          summary: The log's signed checkpoint (C2SP tlog-checkpoint)
          security: []
          responses: {"200": {description: A signed note, content: {text/plain: {schema: {type: string}}}}}
      /api/v1/log/events:
        get:
          operationId: listEvents
          summary: Events from a position (authority)
          parameters:
            - {name: from, in: query, schema: {type: integer, minimum: 0, default: 0}}
            - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 1000, default: 100}}
          responses: {"200": {$ref: "#/components/responses/Events"}}
      /api/v1/log/attestations/{position}:
        parameters: [{name: position, in: path, required: true, schema: {type: integer, minimum: 0}}]
        get:
          operationId: getAttestation
          summary: Proof that an event is in the log (authority, or the event's actor)
          responses: {"200": {$ref: "#/components/responses/Attestation"}}
      /api/v1/metrics:
        get:
          operationId: listMetrics
          summary: The catalog of metrics (authority)
          responses: {"200": {$ref: "#/components/responses/Metrics"}}
      /openapi.yaml:
        get: {operationId: getOpenAPIAsYAML, summary: This document, security: [], responses: {"200": {description: OpenAPI as YAML, content: {application/yaml: {schema: {type: object}}}}, "304": {description: Unchanged}}}
      /openapi.json:
        get: {operationId: getOpenAPI, summary: This document as JSON, security: [], responses: {"200": {description: OpenAPI as JSON, content: {application/json: {schema: {type: object}}}}, "304": {description: Unchanged}}}

    """

  private static let log = """
      /api/v1/log/proofs/inclusion:
        get:
          operationId: getInclusionProof
          summary: RFC 6962 proof that an event is in the log of a size (authority)
          parameters:
            - {name: position, in: query, required: true, schema: {type: integer, minimum: 0}}
            - {name: size, in: query, description: The checkpoint's unless given, schema: {type: integer, minimum: 1}}
          responses: {"200": {$ref: "#/components/responses/Inclusion"}}
      /api/v1/log/proofs/consistency:
        get:
          operationId: getConsistencyProof
          summary: RFC 6962 proof that the log of one size extends that of another (authority)
          parameters:
            - {name: from, in: query, required: true, schema: {type: integer, minimum: 0}}
            - {name: to, in: query, description: The checkpoint's unless given, schema: {type: integer, minimum: 0}}
          responses: {"200": {$ref: "#/components/responses/Consistency"}}
      /log/checkpoint:
        get:
          operationId: getCheckpoint
          summary: The log's signed checkpoint (C2SP tlog-tiles)
          security: []
          responses: {"200": {description: A signed note, content: {text/plain: {schema: {type: string}}}}}
      /log/cosigned:
        get:
          operationId: getCosignedCheckpoint
          summary: The newest checkpoint that a witness cosigned, with all its cosignatures (C2SP tlog-cosignature)
          security: []
          responses: {"200": {description: A signed note, content: {text/plain: {schema: {type: string}}}}, "404": {$ref: "#/components/responses/Problem"}}
      /witness/add-checkpoint:
        post:
          operationId: addCheckpoint
          summary: Have a checkpoint of a peer's log cosigned (C2SP tlog-witness)
          description: Only logs of frames with an established treaty are known. Answers are those of tlog-witness.
          security: []
          requestBody: {required: true, content: {"*/*": {schema: {type: string}}}}
          responses:
            "200": {description: Cosignature lines, content: {text/plain: {schema: {type: string}}}}
            "400": {description: Not such a request, content: {text/plain: {schema: {type: string}}, application/problem+json: {schema: {$ref: "#/components/schemas/Problem"}}}}
            "403": {description: Not signed by the origin's key, content: {text/plain: {schema: {type: string}}}}
            "404": {description: Unknown origin, content: {text/plain: {schema: {type: string}}}}
            "409": {description: The size last cosigned, content: {text/x.tlog.size: {schema: {type: string}}}}
            "422": {description: Not consistent with what was cosigned, content: {text/plain: {schema: {type: string}}}}
      /witness/{origin}/checkpoint:
        parameters:
          - {name: origin, in: path, required: true, description: SHA-256 of the origin line in hex, schema: {type: string}}
        get:
          operationId: getWitnessedCheckpoint
          summary: The newest witnessed checkpoint of a log, with this node's cosignature (C2SP tlog-witness)
          security: []
          responses: {"200": {description: A signed note, content: {text/plain: {schema: {type: string}}}}}
      /api/v1/peers/{peer}/witness:
        parameters: [{$ref: "#/components/parameters/peer"}]
        get:
          operationId: getWitness
          summary: What was witnessed of the peer's log, and by the peer of ours (authority)
          responses: {"200": {$ref: "#/components/responses/Witness"}}
      /api/v1/peers/{peer}/equivocation:
        parameters: [{$ref: "#/components/parameters/peer"}]
        get:
          operationId: getEquivocation
          summary: The proof that the peer's log has two histories, to be checked by anyone (authority)
          responses:
            "200": {$ref: "#/components/responses/Equivocation"}
      /log/tile/{level}/{index}:
        parameters:
          - {name: level, in: path, required: true, schema: {type: integer, minimum: 0, maximum: 63}}
          - {$ref: "#/components/parameters/index"}
        get:
          operationId: getTile
          summary: A hash tile of the log (C2SP tlog-tiles)
          security: []
          responses: {"200": {$ref: "#/components/responses/Tile"}}
      /log/tile/entries/{index}:
        parameters: [{$ref: "#/components/parameters/index"}]
        get:
          operationId: getEntries
          summary: An entry bundle of the log, as C2SP tlog-tiles frames it (authority)
          responses: {"200": {$ref: "#/components/responses/Tile"}}

    """

  private static let components = OpenAPIComponents.yaml
}
