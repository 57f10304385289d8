import FrameCore

/// The part of the OpenAPI document about the frame's own keys and who gets SVIDs of them.
enum OpenAPIIdentity {
  static let paths = """
      /api/v1/authority:
        get:
          operationId: getAuthority
          summary: The keys of the frame's authority, where they stand and what happens to them next (authority)
          responses: {"200": {$ref: "#/components/responses/Authority"}}
      /api/v1/authority/{kind}/prepare:
        parameters: [{$ref: "#/components/parameters/kind"}]
        post:
          operationId: prepareKey
          summary: Make a successor of the key that signs, and publish it (authority)
          responses: {"200": {$ref: "#/components/responses/AuthorityChange"}}
      /api/v1/authority/{kind}/activate:
        parameters: [{$ref: "#/components/parameters/kind"}]
        post:
          operationId: activateKey
          summary: Let the prepared key sign; with force also before everyone can know it (authority)
          requestBody: {$ref: "#/components/requestBodies/Force"}
          responses: {"200": {$ref: "#/components/responses/AuthorityChange"}}
      /api/v1/authority/{kind}/taint:
        parameters: [{$ref: "#/components/parameters/kind"}]
        post:
          operationId: taintKey
          summary: Mark an old key as not to be relied on (authority)
          requestBody: {$ref: "#/components/requestBodies/AuthorityID"}
          responses: {"200": {$ref: "#/components/responses/AuthorityChange"}}
      /api/v1/authority/{kind}/revoke:
        parameters: [{$ref: "#/components/parameters/kind"}]
        post:
          operationId: revokeKey
          summary: Take a tainted key out of the bundle, so that nothing it signed is accepted any more (authority)
          requestBody: {$ref: "#/components/requestBodies/AuthorityID"}
          responses: {"200": {$ref: "#/components/responses/AuthorityChange"}}
      /api/v1/entries:
        get:
          operationId: listEntries
          summary: The registration entries of the Workload API (authority)
          responses: {"200": {$ref: "#/components/responses/Entries"}}
        post:
          operationId: createEntry
          summary: Let the local processes that have all of some selectors have an SVID (authority)
          requestBody: {$ref: "#/components/requestBodies/NewEntry"}
          responses: {"201": {$ref: "#/components/responses/Entry"}}
      /api/v1/entries/{id}:
        parameters: [{$ref: "#/components/parameters/id"}]
        get:
          operationId: getEntry
          summary: One registration entry (authority)
          responses: {"200": {$ref: "#/components/responses/Entry"}}
      /api/v1/entries/{id}/delete:
        parameters: [{$ref: "#/components/parameters/id"}]
        post:
          operationId: deleteEntry
          summary: End a registration entry (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Entry"}}

    """

  static let parameters = """
        kind: {name: kind, in: path, required: true, schema: {type: string, enum: [x509, jwt]}}

    """

  static let requestBodies = """
        Force: {required: false, content: {application/json: {schema: {type: object, properties: {force: {type: boolean}}}}}}
        AuthorityID: {required: true, content: {application/json: {schema: {type: object, required: [authority_id], properties: {authority_id: {type: string}}}}}}
        NewEntry: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/NewEntry"}}}}

    """

  static let responses = """
        Authority: {description: The frame's own keys, content: {application/json: {schema: {type: object, x-optional: [upstream, ca_ttl_seconds, x509_svid_ttl_seconds, jwt_key_ttl_seconds], properties: {frame_id: {type: string}, source: {type: string, enum: [built-in, workload-api], description: Who gives the node its identity}, upstream: {type: object, description: The agent that does, properties: {socket: {type: string}, connected: {type: boolean}, updated_at: {type: string, format: date-time}, svid_expires_at: {type: string, format: date-time}}}, sequence: {type: integer}, fingerprint: {type: string}, refresh_hint_seconds: {type: integer}, ca_ttl_seconds: {type: integer}, x509_svid_ttl_seconds: {type: integer}, jwt_key_ttl_seconds: {type: integer}, unlogged: {type: integer, description: Changes that the log does not have yet}, x509: {$ref: "#/components/schemas/AuthorityKeys"}, jwt: {$ref: "#/components/schemas/AuthorityKeys"}}}}}}
        AuthorityChange: {description: What was done, content: {application/json: {schema: {type: object, properties: {kind: {type: string}, action: {type: string, enum: [prepared, activated, tainted, revoked, retired]}, authority_id: {type: string}, sequence: {type: integer}, fingerprint: {type: string}, forced: {type: boolean}, next_step: {type: string}, next_at: {type: string, format: date-time}}}}}}
        Entry: {description: A registration entry, content: {application/json: {schema: {$ref: "#/components/schemas/Entry"}}}}
        Entries: {description: Registration entries, content: {application/json: {schema: {type: object, properties: {entries: {type: array, items: {$ref: "#/components/schemas/Entry"}}}}}}}

    """

  static let schemas = """
        AuthorityKeys:
          type: object
          x-optional: [next_step, next_at]
          properties: {keys: {type: array, items: {type: object, x-optional: [published_at, activated_at, retired_at, expires_at], properties: {id: {type: string}, state: {type: string, enum: [prepared, active, old, tainted, upstream]}, published_at: {type: string, format: date-time}, activated_at: {type: string, format: date-time}, retired_at: {type: string, format: date-time}, expires_at: {type: string, format: date-time}}}}, next_step: {type: string}, next_at: {type: string, format: date-time}}
        Entry:
          type: object
          x-optional: [x509_svid_ttl_seconds, jwt_svid_ttl_seconds]
          properties: {entry_id: {type: string}, spiffe_id: {type: string}, selectors: {type: array, items: {type: string}}, x509_svid_ttl_seconds: {type: integer}, jwt_svid_ttl_seconds: {type: integer}, hint: {type: string}}
        NewEntry:
          type: object
          required: [spiffe_id, selectors]
          properties: {spiffe_id: {type: string, description: An id of this frame or its path alone}, selectors: {type: array, minItems: 1, maxItems: 16, items: {type: string, examples: ["unix:uid:1000"]}}, x509_svid_ttl_seconds: {type: integer, minimum: 30}, jwt_svid_ttl_seconds: {type: integer, minimum: 1}, hint: {type: string, maxLength: \(TextLimit.hint.most)}, for_node: {type: boolean, description: The id is /node, of a node that runs elsewhere}}

    """
}
