import FrameCore

/// The reusable half of the OpenAPI document: parameters, bodies, responses and schemas.
enum OpenAPIComponents {
  static let yaml = """
    components:
      securitySchemes:
        jwtSVID: {type: http, scheme: bearer, bearerFormat: JWT-SVID}
      parameters:
        name: {name: name, in: path, required: true, schema: {$ref: "#/components/schemas/AgentName"}}
        operator: {name: operator, in: path, required: true, schema: {$ref: "#/components/schemas/OperatorName"}}
        agent: {name: agent, in: path, required: true, schema: {$ref: "#/components/schemas/AgentName"}}
        id: {name: id, in: path, required: true, schema: {type: string}}
        peer: {name: peer, in: path, required: true, schema: {$ref: "#/components/schemas/FrameID"}}
        atPosition: {name: at_position, in: query, description: As of right after the event at this position, schema: {type: integer, minimum: 0}}
        atTime: {name: at_time, in: query, description: As of this time, schema: {type: string, format: date-time}}
        key: {name: Idempotency-Key, in: header, required: true, schema: {type: string, pattern: "^[!-~]{1,128}$"}}
        index:
          name: index
          in: path
          required: true
          description: >-
            Three digits; a larger number has its leading groups as path segments of their own, each after an x; a partial
            tile ends in .p and its width. Takes the rest of the path.
          schema: {type: string, examples: ["067", "x001/x234/067", "067.p/8"]}
    \(OpenAPIIdentity.parameters)\(OpenAPIFormerLogs.parameters)  requestBodies:
        NewAgent: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/NewAgent"}}}}
        NewOperator: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/NewOperator"}}}}
        Renewal: {required: false, content: {application/json: {schema: {$ref: "#/components/schemas/Renewal"}}}}
        TokenRequest: {required: false, content: {application/json: {schema: {$ref: "#/components/schemas/TokenRequest"}}}}
        Issue: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Issue"}}}}
        Transfer: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Transfer"}}}}
        OutgoingTransfer: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/OutgoingTransfer"}}}}
        TransferBatch: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/TransferBatch"}}}}
        Redeem: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Redeem"}}}}
        NewHold: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/NewHold"}}}}
        Capture: {required: false, content: {application/json: {schema: {$ref: "#/components/schemas/Capture"}}}}
        Collect: {required: false, content: {application/json: {schema: {$ref: "#/components/schemas/Collect"}}}}
        FreezeReason: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/FreezeReason"}}}}
        ClearDrift: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/ClearDrift"}}}}
        Proof: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Proof"}}}}
        Invitation: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Invitation"}}}}
        Fingerprint: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Fingerprint"}}}}
        Amendment: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Proposal"}}}}
        Reason: {required: false, content: {application/json: {schema: {$ref: "#/components/schemas/Reason"}}}}
        Note: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Note"}}}}
    \(OpenAPIIdentity.requestBodies)  responses:
        Problem: {description: RFC 9457 problem document, content: {application/problem+json: {schema: {$ref: "#/components/schemas/Problem"}}}}
        Frame: {description: The frame, content: {application/json: {schema: {type: object, properties: {frame_id: {type: string}, currency: {type: object, properties: {code: {type: string}, scale: {type: integer}}}, federation_address: {type: string}, bundle_endpoint: {type: string}, bundle_fingerprint: {type: string}, log_verifier_key: {type: string}, version: {type: string}, log_size: {type: integer}}}}}}
        Agent: {description: An agent, content: {application/json: {schema: {$ref: "#/components/schemas/Agent"}}}}
        Agents: {description: Agents, content: {application/json: {schema: {type: object, properties: {agents: {type: array, items: {$ref: "#/components/schemas/Agent"}}}}}}}
        Operator: {description: An operator, content: {application/json: {schema: {$ref: "#/components/schemas/Operator"}}}}
        Operators: {description: Operators, content: {application/json: {schema: {type: object, properties: {operators: {type: array, items: {$ref: "#/components/schemas/Operator"}}}}}}}
        Routes: {description: The SNI map, content: {application/json: {schema: {type: object, properties: {routes: {type: array, items: {$ref: "#/components/schemas/Route"}}}}}}}
        Reloaded: {description: "The SNI map, and which other settings of frame.yaml were changed and need a restart", content: {application/json: {schema: {type: object, properties: {routes: {type: array, items: {$ref: "#/components/schemas/Route"}}, needs_restart: {type: array, items: {type: string}}}}}}}
        Token: {description: A bearer token, content: {application/json: {schema: {type: object, properties: {token: {type: string}, spiffe_id: {type: string}, expires_at: {type: string, format: date-time}}}}}}
        Receipt: {description: What happened, content: {application/json: {schema: {$ref: "#/components/schemas/Receipt"}}}}
        TransferBatchReceipt: {description: "What happened, as sums; the transfers stand at position and the positions after it", content: {application/json: {schema: {$ref: "#/components/schemas/TransferBatchReceipt"}}}}
        Hold: {description: A hold, content: {application/json: {schema: {$ref: "#/components/schemas/Hold"}}}}
        Holds: {description: Holds, content: {application/json: {schema: {type: object, properties: {holds: {type: array, items: {$ref: "#/components/schemas/Hold"}}}}}}}
        History: {description: A page of an agent's transactions, content: {application/json: {schema: {$ref: "#/components/schemas/History"}}}}
        Fees: {description: The fee rule, content: {application/json: {schema: {$ref: "#/components/schemas/Fees"}}}}
        TransferReceipt: {description: A cross-frame transfer, content: {application/json: {schema: {$ref: "#/components/schemas/TransferReceipt"}}}}
        BridgeItem: {description: A lock or a redemption, content: {application/json: {schema: {$ref: "#/components/schemas/BridgeItem"}}}}
        Reserves: {description: Bridge reserves, content: {application/json: {schema: {type: object, properties: {reserves: {type: array, items: {$ref: "#/components/schemas/Reserve"}}}}}}}
        Peer: {description: A peer, content: {application/json: {schema: {$ref: "#/components/schemas/Peer"}}}}
        Peers: {description: Peers, content: {application/json: {schema: {type: object, properties: {peers: {type: array, items: {$ref: "#/components/schemas/Peer"}}}}}}}
        Invitations: {description: Invitations, content: {application/json: {schema: {type: object, properties: {invitations: {type: array, items: {type: object, properties: {invitation_id: {type: string}, frame_id: {type: string}, direction: {type: string, enum: [incoming, outgoing]}, state: {type: string, enum: [open, lapsed]}, fingerprint: {type: string}, bundle_endpoint: {type: string}, received_at: {type: string, format: date-time}, expires_at: {type: string, format: date-time}}}}}}}}}
        Treaty: {description: A treaty, content: {application/json: {schema: {type: object, properties: {frame_id: {type: string}, treaty_id: {type: string}, state: {type: string}, revision: {type: integer}, since: {type: string, format: date-time}, ours: {$ref: "#/components/schemas/Terms"}, theirs: {$ref: "#/components/schemas/Terms"}, our_endpoints: {$ref: "#/components/schemas/Endpoints"}, their_endpoints: {$ref: "#/components/schemas/Endpoints"}, log_verifier_keys: {type: array, items: {type: string}}, document: {type: string, description: The C2SP signed note with the signatures of both log keys}}}}}}
        Amendment: {description: An amendment, content: {application/json: {schema: {$ref: "#/components/schemas/Amendment"}}}}
        Amendments: {description: Amendments, content: {application/json: {schema: {type: object, properties: {amendments: {type: array, items: {$ref: "#/components/schemas/Amendment"}}}}}}}
        Audit: {description: A supply statement and what it is true at, content: {application/json: {schema: {$ref: "#/components/schemas/Audit"}}}}
        Supply: {description: An audited statement or the supply as it was, content: {application/json: {schema: {oneOf: [{$ref: "#/components/schemas/Audit"}, {$ref: "#/components/schemas/PastSupply"}]}}}}
        Events: {description: Events, content: {application/json: {schema: {type: object, properties: {size: {type: integer}, events: {type: array, items: {$ref: "#/components/schemas/Event"}}}}}}}
        Attestation: {description: An inclusion proof, content: {application/json: {schema: {type: object, properties: {position: {type: integer}, event_type: {type: string}, proof: {type: string, contentEncoding: base64}}}}}}
        Inclusion: {description: An inclusion proof, content: {application/json: {schema: {type: object, properties: {position: {type: integer}, size: {type: integer}, leaf: {type: string, contentEncoding: base64}, root: {type: string, contentEncoding: base64}, proof: {type: array, items: {type: string, contentEncoding: base64}}, checkpoint: {type: string}}, x-optional: [checkpoint]}}}}
        Witness: {description: What was witnessed, content: {application/json: {schema: {type: object, x-optional: [witnessed_size, witnessed_root, cosigned_size, equivocation], properties: {peer: {type: string}, witnessed_size: {type: integer}, witnessed_root: {type: string, contentEncoding: base64}, witness_key: {type: string}, cosigned_size: {type: integer}, equivocation: {type: object, properties: {kind: {type: string, enum: [same_size, inconsistent]}, position: {type: integer}, time: {type: string, format: date-time}}}}}}}}
        Equivocation: {description: Two signed notes that cannot both be true, content: {application/json: {schema: {type: object, properties: {kind: {type: string, enum: [same_size, inconsistent]}, key: {type: string}, first: {type: string}, second: {type: string}, proof: {type: array, items: {type: string, contentEncoding: base64}}}}}}}
        Consistency: {description: A consistency proof, content: {application/json: {schema: {type: object, properties: {from: {type: integer}, to: {type: integer}, from_root: {type: string, contentEncoding: base64}, to_root: {type: string, contentEncoding: base64}, proof: {type: array, items: {type: string, contentEncoding: base64}}}}}}}
        Tile: {description: 32 bytes a hash; or entries each after its length in 16 bits, content: {application/octet-stream: {schema: {type: string, format: binary}}}}
        Metrics: {description: The catalog, content: {application/json: {schema: {type: object, properties: {metrics: {type: array, items: {type: object, properties: {name: {type: string}, type: {type: string}, unit: {type: string}, labels: {type: array, items: {type: string}}, help: {type: string}}}}}}}}}
    \(OpenAPIIdentity.responses)\(OpenAPIFormerLogs.responses)  schemas:
    \(OpenAPIIdentity.schemas)\(OpenAPIFormerLogs.schemas)    Amount: {type: string, pattern: "^[0-9]+(\\\\.[0-9]+)?$", maxLength: 40, examples: ["12.50"]}
        AgentName: {type: string, pattern: "^[a-z0-9][a-z0-9._-]{0,63}$"}
        OperatorName: {type: string, pattern: "^[a-z0-9][a-z0-9-]{0,31}$"}
        FrameID: {type: string, pattern: "^[a-z0-9._-]{1,255}$"}
        AgentAddress: {type: string, pattern: "^[a-z0-9][a-z0-9._-]{0,63}@[a-z0-9._-]{1,255}$", examples: ["bob@frame-b.example"]}
        Payer: {type: string, pattern: "^(frame:treasury|[a-z0-9][a-z0-9._-]{0,63})$", description: "An agent; for the authority also frame:treasury, the frame's own account"}
        MovedAsset: {type: string, maxLength: 300, description: "What the operation moves, in full; another one is refused", examples: ["AVT@frame-a.example"]}
        Memo: {type: string, maxLength: \(TextLimit.memo.most), description: "At most \(TextLimit.memo.most) Unicode code points, on every path alike; in UTF-8 at most \(4 * TextLimit.memo.most) bytes"}
        NewAgent: {type: object, required: [name], properties: {name: {$ref: "#/components/schemas/AgentName"}, purpose: {type: string, maxLength: \(TextLimit.memo.most)}}}
        TokenRequest: {type: object, properties: {ttl_seconds: {type: integer, minimum: 1, maximum: 86400}}}
        Issue: {type: object, required: [amount], properties: {amount: {$ref: "#/components/schemas/Amount"}, asset: {$ref: "#/components/schemas/MovedAsset"}, memo: {$ref: "#/components/schemas/Memo"}}}
        Transfer: {type: object, required: [to, amount], properties: {from: {$ref: "#/components/schemas/Payer"}, to: {$ref: "#/components/schemas/AgentName"}, amount: {$ref: "#/components/schemas/Amount"}, asset: {$ref: "#/components/schemas/MovedAsset"}, memo: {$ref: "#/components/schemas/Memo"}}}
        OutgoingTransfer: {type: object, required: [to, amount], properties: {from: {$ref: "#/components/schemas/AgentName"}, to: {$ref: "#/components/schemas/AgentAddress"}, amount: {$ref: "#/components/schemas/Amount"}, asset: {$ref: "#/components/schemas/MovedAsset"}, memo: {$ref: "#/components/schemas/Memo"}}}
        TransferBatch: {type: object, required: [transfers], properties: {from: {$ref: "#/components/schemas/Payer"}, asset: {$ref: "#/components/schemas/MovedAsset"}, transfers: {type: array, minItems: 1, maxItems: 1000, items: {type: object, required: [to, amount], properties: {to: {$ref: "#/components/schemas/AgentName"}, amount: {$ref: "#/components/schemas/Amount"}, memo: {$ref: "#/components/schemas/Memo"}}}}}}
        TransferBatchReceipt: {type: object, properties: {state: {type: string}, position: {type: integer}, transfers: {type: integer}, time: {type: string, format: date-time}, from: {type: string}, amount: {type: string}, fee: {type: string}, asset: {type: string}, idempotency_key: {type: string}}}
        NewHold: {type: object, required: [amount], description: Exactly one of expires_in_seconds and expires_at, properties: {from: {$ref: "#/components/schemas/AgentName"}, payee: {$ref: "#/components/schemas/AgentName"}, amount: {$ref: "#/components/schemas/Amount"}, asset: {$ref: "#/components/schemas/MovedAsset"}, expires_in_seconds: {type: integer, minimum: 1, maximum: 31622400}, expires_at: {type: string, format: date-time}, memo: {$ref: "#/components/schemas/Memo"}}}
        Capture: {type: object, properties: {amount: {$ref: "#/components/schemas/Amount"}, asset: {$ref: "#/components/schemas/MovedAsset"}, to: {$ref: "#/components/schemas/AgentName"}, keep_rest: {type: boolean, default: false}, memo: {$ref: "#/components/schemas/Memo"}}}
        Collect: {type: object, properties: {amount: {$ref: "#/components/schemas/Amount"}, asset: {$ref: "#/components/schemas/MovedAsset"}, memo: {$ref: "#/components/schemas/Memo"}}}
        FreezeReason: {type: object, required: [reason], properties: {reason: {type: string, maxLength: \(TextLimit.memo.most)}}}
        ClearDrift: {type: object, required: [note], properties: {note: {type: string, maxLength: \(TextLimit.memo.most)}, accept_findings: {type: integer, minimum: 1, description: How many findings of the audit of the whole log are known and explained}}}
        Redeem: {type: object, required: [origin, to, amount], properties: {from: {$ref: "#/components/schemas/AgentName"}, origin: {$ref: "#/components/schemas/FrameID"}, to: {$ref: "#/components/schemas/AgentAddress"}, amount: {$ref: "#/components/schemas/Amount"}, asset: {$ref: "#/components/schemas/MovedAsset"}, memo: {$ref: "#/components/schemas/Memo"}}}
        Proof: {type: object, required: [proof], properties: {proof: {type: string, contentEncoding: base64}}}
        Invitation: {type: object, required: [trust_domain, bundle_endpoint], properties: {trust_domain: {$ref: "#/components/schemas/FrameID"}, bundle_endpoint: {type: string, format: uri}, profile: {type: string, enum: [https_spiffe, https_web], default: https_spiffe}, expect_fingerprint: {type: string}}}
        Fingerprint: {type: object, required: [fingerprint], properties: {fingerprint: {type: string, pattern: "^SHA256:[0-9a-f]{64}$"}}}
        Reason: {type: object, properties: {reason: {type: string, maxLength: \(TextLimit.reason.most)}}}
        Note: {type: object, required: [note], properties: {note: {type: string, maxLength: \(TextLimit.reason.most)}}}
        Problem:
          type: object
          required: [type, title, status, detail, code, remedy, instance]
          properties: {type: {type: string}, title: {type: string}, status: {type: integer}, detail: {type: string}, code: {type: string}, remedy: {type: string}, instance: {type: string}, transfer_id: {type: string}, index: {type: integer, minimum: 0, description: "Which transfer of a batch was refused first, from 0"}, errors: {type: array, description: "What is wrong, part by part; of a batch the first items that cannot be", items: {type: object, required: [code, detail], properties: {pointer: {type: string, description: RFC 6901}, parameter: {type: string}, code: {type: string}, detail: {type: string}}}}}
        Agent:
          type: object
          x-optional: [position, balances, as_of, frozen, frozen_since]
          properties: {name: {type: string}, spiffe_id: {type: string}, address: {type: string}, purpose: {type: string}, as_of: {$ref: "#/components/schemas/AsOf"}, position: {type: integer}, balances: {type: array, items: {type: object, properties: {kind: {type: string}, asset: {type: string}, amount: {type: string}}}}, frozen: {type: string, description: Why its money does not move out}, frozen_since: {type: string, format: date-time}}
        Scopes: {type: array, items: {type: string, enum: [agents, transfers, bridge]}}
        Hosts: {type: array, maxItems: 16, items: {type: object, required: [name, upstream], properties: {name: {type: string}, upstream: {type: string, description: "host:port"}}}}
        NewOperator: {type: object, required: [name], properties: {name: {$ref: "#/components/schemas/OperatorName"}, days: {type: integer, minimum: 1, maximum: 1096, default: 365}, scopes: {$ref: "#/components/schemas/Scopes"}, hosts: {$ref: "#/components/schemas/Hosts"}}}
        Renewal: {type: object, properties: {days: {type: integer, minimum: 1, maximum: 1096, default: 365}, scopes: {$ref: "#/components/schemas/Scopes"}, hosts: {$ref: "#/components/schemas/Hosts"}}}
        Operator:
          type: object
          x-optional: [reason]
          properties: {name: {type: string}, spiffe_id: {type: string}, state: {type: string, enum: [active, suspended, expired, removed]}, reason: {type: string}, since: {type: string, format: date-time}, licence_id: {type: string}, scopes: {$ref: "#/components/schemas/Scopes"}, hosts: {$ref: "#/components/schemas/Hosts"}, issued_at: {type: string, format: date-time}, expires_at: {type: string, format: date-time}, agents: {type: array, items: {type: string}}}
        Route: {type: object, properties: {name: {type: string}, upstream: {type: string}, source: {type: string, enum: [frame, configuration, operator]}}}
        Receipt:
          type: object
          x-optional: [fee, hold_id, released]
          properties: {state: {type: string}, position: {type: integer}, time: {type: string, format: date-time}, event_types: {type: array, items: {type: string}}, amount: {type: string}, fee: {type: string}, asset: {type: string}, from: {type: string}, to: {type: string}, idempotency_key: {type: string}, hold_id: {type: string}, released: {type: string}}
        Hold:
          type: object
          x-optional: [payee, ended_at]
          properties: {hold_id: {type: string}, state: {type: string, enum: [open, expiring, captured, released, expired]}, from: {type: string}, payee: {type: string}, amount: {type: string}, captured: {type: string}, remaining: {type: string}, asset: {type: string}, memo: {type: string}, position: {type: integer}, created_at: {type: string, format: date-time}, expires_at: {type: string, format: date-time}, ended_at: {type: string, format: date-time}}
        History:
          type: object
          x-optional: [as_of, next_cursor]
          properties: {agent: {type: string}, as_of: {$ref: "#/components/schemas/AsOf"}, next_cursor: {type: string}, transactions: {type: array, items: {type: object, x-optional: [counterparty, memo, reference], properties: {position: {type: integer}, time: {type: string, format: date-time}, type: {type: string}, changes: {type: array, items: {type: object, properties: {kind: {type: string}, asset: {type: string}, amount: {type: string, description: Signed}}}}, counterparty: {type: string}, memo: {type: string}, reference: {type: string}}}}}
        Fees:
          type: object
          x-optional: [maximum, amount, fee, pool]
          properties: {basis_points: {type: integer}, fixed: {type: string}, minimum: {type: string}, maximum: {type: string}, asset: {type: string}, amount: {type: string}, fee: {type: string}, pool: {type: string}}
        TransferReceipt:
          type: object
          x-optional: [closed_at, reason]
          properties: {transfer_id: {type: string}, backend: {type: string, enum: [async, 2pc]}, state: {type: string, enum: [pending, in_doubt, completed, refused, compensated]}, origin: {type: string}, destination: {type: string}, from: {type: string}, to: {type: string}, amount: {type: string}, asset: {type: string}, position: {type: integer}, opened_at: {type: string, format: date-time}, closed_at: {type: string, format: date-time}, reason: {type: string}}
        BridgeItem:
          type: object
          x-optional: [lock_id, redeem_id]
          properties: {lock_id: {type: string}, redeem_id: {type: string}, state: {type: string}, peer: {type: string}, from: {type: string}, recipient: {type: string}, amount: {type: string}, asset: {type: string}, memo: {type: string}, position: {type: integer}}
        Reachability:
          type: object
          x-optional: [since, last_success_at, last_success_age_seconds, last_error, observed_at, observed_age_seconds, last_refresh_age_seconds, refresh_error, stream_open, stream_head_at, stream_head_age_seconds]
          description: Whether the peer answers, and how old each thing is that is shown of it
          properties:
            state: {type: string, enum: [reachable, unreachable, unknown]}
            since: {type: string}
            last_success_at: {type: string}
            last_success_age_seconds: {type: integer}
            last_error: {$ref: "#/components/schemas/PeerFailure"}
            observed_at: {type: string}
            observed_age_seconds: {type: integer}
            last_refresh_age_seconds: {type: integer}
            refresh_error: {$ref: "#/components/schemas/PeerFailure"}
            stream_open: {type: boolean}
            stream_head_at: {type: string}
            stream_head_age_seconds: {type: integer}
        PeerFailure:
          type: object
          properties: {code: {type: string}, message: {type: string}, at: {type: string}, age_seconds: {type: integer}}
        Peer:
          type: object
          x-optional: [observed_fingerprint, served_log_verifier_key, reachability, expires_at, last_refresh, reason, trouble, next]
          properties: {frame_id: {type: string}, state: {type: string, enum: [requested, approved, established, stopped, rejected, revoked], description: "stopped: the treaty stands, and nothing is exchanged because the peer's log has two histories"}, next: {type: string, description: Who has to do what before it goes on}, invitation_id: {type: string}, direction: {type: string}, fingerprint: {type: string}, observed_fingerprint: {type: string, description: Absent unless the newest look at the bundle endpoint saw it}, reachability: {$ref: "#/components/schemas/Reachability"}, log_verifier_key: {type: string}, served_log_verifier_key: {type: string, description: "What the peer's bundle endpoint shows, when somebody looked"}, federation_address: {type: string}, bundle_endpoint: {type: string}, bundle_profile: {type: string, enum: [https_spiffe, https_web]}, currency: {type: string}, since: {type: string}, expires_at: {type: string}, reason: {type: string}, revision: {type: integer}, amendments: {type: array, items: {$ref: "#/components/schemas/Amendment"}}, trouble: {type: string, description: What the last step of the handshake failed with}, last_refresh: {type: string, format: date-time}, terms: {$ref: "#/components/schemas/Terms"}}
        Terms:
          type: object
          description: What one frame holds the other to; amounts with their asset
          properties: {net_debit_cap: {type: string, examples: ["1000.00 AVT@frame-a.example"]}, bridge_cap: {type: string}, bridge_rate_per_minute: {type: string}, subscriptions: {type: array, items: {type: string}}}
        Endpoints:
          type: object
          x-optional: [api_url]
          description: Where a frame is reached; in an open amendment, where its proposer would be
          properties: {bundle_endpoint: {type: string}, federation_address: {type: string}, api_url: {type: string}}
        Proposal:
          type: object
          description: The fields with peer_ are what the peer is asked to hold us to; endpoints are always our own
          properties: {net_debit_cap: {$ref: "#/components/schemas/Amount"}, bridge_cap: {$ref: "#/components/schemas/Amount"}, bridge_rate_per_minute: {$ref: "#/components/schemas/Amount"}, subscriptions: {type: array, items: {type: string}, description: All event types that the peer is asked to send}, subscribe: {type: array, items: {type: string}, description: Event types to ask for as well}, unsubscribe: {type: array, items: {type: string}, description: Event types to ask for no more}, bundle_endpoint: {type: string, examples: ["https://a.example:9444"]}, federation_address: {type: string, examples: ["a.example:9443"]}, api_url: {type: string}, peer_net_debit_cap: {$ref: "#/components/schemas/Amount"}, peer_bridge_cap: {$ref: "#/components/schemas/Amount"}, peer_bridge_rate_per_minute: {$ref: "#/components/schemas/Amount"}, note: {type: string, maxLength: \(TextLimit.note.most)}, expires_in_seconds: {type: integer, minimum: 1, maximum: 2678400}}
        Amendment:
          type: object
          x-optional: [reason, endpoints]
          properties: {amendment_id: {type: string}, frame_id: {type: string}, direction: {type: string, enum: [incoming, outgoing]}, state: {type: string, enum: [pending, accepted, rejected, withdrawn]}, revision: {type: integer}, note: {type: string}, reason: {type: string}, expires_at: {type: string, format: date-time}, since: {type: string, format: date-time}, ours: {$ref: "#/components/schemas/Terms"}, theirs: {$ref: "#/components/schemas/Terms"}, endpoints: {$ref: "#/components/schemas/Endpoints"}, changes: {type: array, items: {type: string}}}
        AsOf: {type: object, x-optional: [position, time], properties: {size: {type: integer}, position: {type: integer}, time: {type: string, format: date-time}, root: {type: string, contentEncoding: base64}}}
        PastSupply: {type: object, properties: {as_of: {$ref: "#/components/schemas/AsOf"}, supply: {$ref: "#/components/schemas/SupplyStatement"}}}
        Audit:
          type: object
          x-optional: [checkpoint, frozen, frozen_since]
          properties: {clean: {type: boolean}, position: {type: integer}, root: {type: string}, checkpoint: {type: string}, findings: {type: integer}, problems: {type: array, items: {type: string}}, frozen: {type: string, description: Why nothing is issued now}, frozen_since: {type: string, format: date-time}, supply: {$ref: "#/components/schemas/SupplyStatement"}}
        ByName: {type: object, additionalProperties: {type: string}}
        SupplyStatement:
          type: object
          description: issued is the sum of circulating, staked, held, fees, treasury, locked_for_bridge and clearing; delta is what is missing. locked_for_bridge, clearing and wrapped are by peer, and by former log of a peer (frame-a.example+0123456789abcdef), each amount under one name alone. wrapped is money of other frames and no part of the sum; what stands by a former log's name there is backed by no present log of its frame.
          properties: {asset: {type: string, description: "Of all amounts but the wrapped ones, which are in the currency of their origin. What is cleared with a peer is owed to it, and by it where negative"}, issued: {type: string}, circulating: {type: string}, staked: {type: string}, held: {type: string}, fees: {type: string}, treasury: {type: string}, locked_for_bridge: {$ref: "#/components/schemas/ByName"}, clearing: {$ref: "#/components/schemas/ByName"}, delta: {type: string}, wrapped: {$ref: "#/components/schemas/ByName"}, former_logs: {type: array, items: {$ref: "#/components/schemas/FormerLogSupply"}}}
        FormerLogSupply:
          type: object
          description: What stands towards a log that a peer has lost or left; its amounts are parts of the lines, under its name. Nothing of it is acted on before a decision. After it, clearing and locked_for_bridge hold what was not given back yet, and wrapped what nobody backs (written_off) or nothing, because the frame's new log backs it (recognised).
          properties: {log: {type: string}, state: {type: string, enum: [undecided, recognised, written_off]}, clearing: {type: string}, locked_for_bridge: {type: string}, wrapped: {type: string}}
        Reserve:
          type: object
          x-optional: [breaker_reason]
          properties: {peer: {type: string}, asset: {type: string}, locked: {type: string}, unlocked: {type: string}, reserve: {type: string}, outstanding: {type: string}, in_flight: {type: string}, imbalance: {type: string}, wrapped_asset: {type: string}, wrapped_outstanding: {type: string}, breaker_open: {type: boolean}, breaker_reason: {type: string}, in_flight_items: {type: array, items: {type: object, properties: {kind: {type: string}, id: {type: string}, amount: {type: string}}}}}
        Event:
          type: object
          properties: {position: {type: integer}, time: {type: string, format: date-time}, type: {type: string}, actor: {type: string}, idempotency_key: {type: string}, postings: {type: array, items: {type: object, properties: {owner: {type: string}, kind: {type: string}, asset: {type: string}, minor_units: {type: integer}}}}, payload: {type: object}}

    """
}
