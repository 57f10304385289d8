/// The part of the OpenAPI document about peers and their treaties.
enum OpenAPIPeers {
  static var paths: String { peers + treaties }

  private static let peers = """
      /api/v1/peers:
        get:
          operationId: listPeers
          summary: All peers and their treaties (authority)
          responses: {"200": {$ref: "#/components/responses/Peers"}}
      /api/v1/peers/invitations:
        get:
          operationId: listInvitations
          summary: Invitations that wait for a decision, and those that have lapsed (authority)
          responses: {"200": {$ref: "#/components/responses/Invitations"}}
        post:
          operationId: invitePeer
          summary: Invite a frame to a treaty (authority)
          requestBody: {$ref: "#/components/requestBodies/Invitation"}
          responses: {"202": {$ref: "#/components/responses/Peer"}}
      /api/v1/peers/{peer}:
        parameters: [{$ref: "#/components/parameters/peer"}]
        get:
          operationId: getPeer
          summary: One peer and its treaty (authority)
          responses: {"200": {$ref: "#/components/responses/Peer"}}
      /api/v1/peers/{peer}/approve:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          operationId: approvePeer
          summary: Approve an invitation, naming the fingerprint that was checked (authority)
          requestBody: {$ref: "#/components/requestBodies/Fingerprint"}
          responses: {"200": {$ref: "#/components/responses/Peer"}}
      /api/v1/peers/{peer}/reject:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          operationId: rejectPeer
          summary: Reject an invitation (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Peer"}}
      /api/v1/peers/{peer}/revoke:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          operationId: revokePeer
          summary: Revoke a treaty, at once and unilaterally (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Peer"}}

    """

  private static let treaties = """
      /api/v1/peers/{peer}/treaty:
        parameters: [{$ref: "#/components/parameters/peer"}]
        get:
          operationId: getTreaty
          summary: The treaty as both sides signed it, a C2SP signed note (authority)
          responses: {"200": {$ref: "#/components/responses/Treaty"}}
      /api/v1/peers/{peer}/repin:
        parameters: [{$ref: "#/components/parameters/peer"}]
        post:
          operationId: repinPeer
          summary: Trust the bundle that the peer serves now, naming the fingerprint that was checked (authority)
          requestBody: {$ref: "#/components/requestBodies/Fingerprint"}
          responses: {"200": {$ref: "#/components/responses/Peer"}}
      /api/v1/peers/{peer}/amendments:
        parameters: [{$ref: "#/components/parameters/peer"}]
        get:
          operationId: listAmendments
          summary: The last amendments of the treaty in both directions (authority)
          responses: {"200": {$ref: "#/components/responses/Amendments"}}
        post:
          operationId: proposeAmendment
          summary: Propose new terms to the peer, or that we are reached elsewhere; what is absent stays as it is (authority)
          requestBody: {$ref: "#/components/requestBodies/Amendment"}
          responses: {"202": {$ref: "#/components/responses/Amendment"}}
      /api/v1/peers/{peer}/amendments/{id}/accept:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/id"}]
        post:
          operationId: acceptAmendment
          summary: Accept what the peer proposed (authority)
          responses: {"200": {$ref: "#/components/responses/Amendment"}}
      /api/v1/peers/{peer}/amendments/{id}/reject:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/id"}]
        post:
          operationId: rejectAmendment
          summary: Reject what the peer proposed (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Amendment"}}
      /api/v1/peers/{peer}/amendments/{id}/withdraw:
        parameters: [{$ref: "#/components/parameters/peer"}, {$ref: "#/components/parameters/id"}]
        post:
          operationId: withdrawAmendment
          summary: Take back what we proposed, unless the peer has decided (authority)
          requestBody: {$ref: "#/components/requestBodies/Reason"}
          responses: {"200": {$ref: "#/components/responses/Amendment"}}

    """
}
