/// Former logs of peers in the OpenAPI document (decision 0034).
enum OpenAPIFormerLogs {
  static let paths = """
      /api/v1/former-logs:
        get:
          operationId: listAllFormerLogs
          summary: What stands towards logs that peers have lost or left, and what peers ask of us about ours (authority)
          responses: {"200": {$ref: "#/components/responses/FormerLogs"}}
      /api/v1/peers/{peer}/former-logs:
        parameters: [{$ref: "#/components/parameters/peer"}]
        get:
          operationId: listFormerLogs
          summary: The same of one peer (authority)
          responses: {"200": {$ref: "#/components/responses/FormerLogs"}}
      /api/v1/peers/{peer}/former-logs/{log}:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/log"}]
        get:
          operationId: getFormerLog
          summary: One former log, with the transfers and bridge items that wait with it (authority)
          responses: {"200": {$ref: "#/components/responses/FormerLog"}}
      /api/v1/peers/{peer}/former-logs/{log}/recognise:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/log"}]
        post:
          operationId: recogniseFormerLog
          summary: Ask the peer's new log to take over what stands; its operator decides (authority)
          requestBody: {$ref: "#/components/requestBodies/Note"}
          responses: {"200": {$ref: "#/components/responses/FormerLog"}}
      /api/v1/peers/{peer}/former-logs/{log}/withdraw:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/log"}]
        post:
          operationId: withdrawFormerLog
          summary: Take that back, unless the peer has accepted (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/FormerLog"}}
      /api/v1/peers/{peer}/former-logs/{log}/write-off:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/log"}]
        post:
          operationId: writeOffFormerLog
          summary: Close our books on it, alone and for good (authority)
          requestBody: {$ref: "#/components/requestBodies/Note"}
          responses: {"200": {$ref: "#/components/responses/FormerLog"}}
      /api/v1/peers/{peer}/former-log-claims/{id}/accept:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/id"}]
        post:
          operationId: acceptFormerLogClaim
          summary: Take over what stood towards our lost log; it is booked against our treasury (authority)
          responses: {"200": {$ref: "#/components/responses/FormerLogs"}}
      /api/v1/peers/{peer}/former-log-claims/{id}/reject:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/id"}]
        post:
          operationId: rejectFormerLogClaim
          summary: Refuse that (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/FormerLogs"}}

    """

  static let parameters = """
        log: {name: log, in: path, required: true, description: The 16 digits after the plus sign of the log's name, schema: {type: string, pattern: "^[0-9a-f]{16}$"}}

    """

  static let responses = """
        FormerLog: {description: A former log, content: {application/json: {schema: {$ref: "#/components/schemas/FormerLog"}}}}
        FormerLogs: {description: Former logs of peers and what peers ask about ours, content: {application/json: {schema: {type: object, properties: {former_logs: {type: array, items: {$ref: "#/components/schemas/FormerLog"}}, claims: {type: array, items: {$ref: "#/components/schemas/FormerLogClaim"}}}}}}}

    """

  static let schemas = """
        SignedAmount: {type: string, pattern: "^-?[0-9]+(\\\\.[0-9]+)?$", examples: ["-12.50"]}
        FormerLog:
          type: object
          description: "clearing is owed by this frame to that log, and by that log to this frame where it is negative"
          x-optional: [wrapped, redeeming, proposal_id, withdrawn_at, decided_at, note, open]
          properties: {log: {type: string, examples: ["frame-a.example+0123456789abcdef"]}, frame_id: {type: string}, state: {type: string, enum: [unbooked, empty, undecided, proposed, recognised, written_off]}, since: {type: string, format: date-time}, log_verifier_key: {type: string}, new_log_verifier_key: {type: string}, asset: {type: string, description: "Of all amounts but wrapped, which says its own"}, clearing: {$ref: "#/components/schemas/SignedAmount"}, sent: {$ref: "#/components/schemas/Amount"}, held: {$ref: "#/components/schemas/Amount"}, transfers: {type: integer}, reserve: {$ref: "#/components/schemas/Amount"}, returnable: {$ref: "#/components/schemas/Amount"}, items: {type: integer}, wrapped: {type: string, examples: ["5.00 AVT@frame-a.example"]}, redeeming: {type: string, examples: ["1.50 AVT@frame-a.example"]}, proposal_id: {type: string}, withdrawn_at: {type: string, format: date-time}, decided_at: {type: string, format: date-time}, note: {type: string}, open: {type: array, items: {type: object, x-optional: [asset], properties: {kind: {type: string, enum: [async, 2pc, lock, redemption, wrapped]}, id: {type: string}, to: {type: string}, amount: {$ref: "#/components/schemas/Amount"}, asset: {type: string, examples: ["AVT@frame-a.example"]}}}}}
        FormerLogClaim:
          type: object
          description: "clearing would be owed by this frame to the peer, and by the peer to this frame where it is negative"
          x-optional: [clearing, note, reason, answered_at]
          properties: {proposal_id: {type: string}, frame_id: {type: string}, log: {type: string}, state: {type: string, enum: [pending, accepted, rejected]}, since: {type: string, format: date-time}, asset: {type: string}, clearing: {$ref: "#/components/schemas/SignedAmount"}, reserve: {$ref: "#/components/schemas/Amount"}, redeeming: {$ref: "#/components/schemas/Amount"}, note: {type: string}, reason: {type: string}, answered_at: {type: string, format: date-time}}

    """
}
