import FrameAPI
import FrameCore
import FrameNodeState
import FrameSettlement
import Hummingbird

/// Cross-registry transfers: `POST /teg/cross-registry-transfer?backend=async|2pc` (DESIGN §7).
package struct TransferRoutes {
  let node: NodeCore
  let coordinator: TransferCoordinator

  func add(to api: APIRouter) {
    api.on(.post, "/teg/cross-registry-transfer", .authenticated) { [node, coordinator] call in
      let name = call.query("backend") ?? TransferBackend.async.rawValue
      guard let backend = TransferBackend(rawValue: name) else {
        throw Refusal(
          "unknown_backend", .invalid, "'\(name.prefix(40))' is not a transfer backend.",
          remedy: "Use ?backend=async or ?backend=2pc.")
      }
      let body = try call.decode(TransferBody.self)
      try APICall.check(asset: body.asset, is: node.configuration.native)
      let from = try call.payer(body.from)
      let request = TransferRequest(
        from: from, to: try AgentAddress(body.to),
        amount: try Amount(body.amount, scale: node.configuration.native.scale), memo: body.memo ?? "")
      let receipt = try await coordinator.transfer(
        request, backend: backend, key: try call.idempotencyKey(), actor: .agent(from, of: node.frame))
      switch receipt.state {
      case .completed: return .json(view(receipt), replayed: receipt.replayed)
      case .pending: return .json(view(receipt), .accepted, replayed: receipt.replayed)
      case .refused: throw refusal(receipt)
      }
    }
    api.on(.get, "/teg/cross-registry-transfer/{id}", .authenticated) { [coordinator] call in
      let receipt = try await coordinator.receipt(call.parameter("id"))
      if case .agent(let caller, _) = call.caller, receipt.transfer.terms?.from != caller {
        // The same answer as for an id that does not exist: ids of others are not to be found out.
        throw SettlementError.unknownTransfer(call.parameter("id"))
      }
      return .json(view(receipt))
    }
  }

  private func refusal(_ receipt: TransferReceipt) -> TransferProblem {
    let transfer = receipt.transfer
    return TransferProblem(
      error: Refusal(
        transfer.reason.isEmpty ? "transfer_refused" : transfer.reason, .refused,
        "\(transfer.peer) refused transfer \(transfer.id) (\(transfer.reason)); the sender has the money.",
        remedy: SettlementError.remedy(ofRefusal: transfer.reason, by: transfer.peer)),
      transferID: transfer.id)
  }

  private func view(_ receipt: TransferReceipt) -> TransferView {
    let transfer = receipt.transfer
    let native = node.configuration.native
    let state =
      switch transfer.phase {
      case .compensated: "compensated"
      case .locked where transfer.deadline.map { $0 <= node.clock.now() } ?? false: "in_doubt"
      default: receipt.state.rawValue
      }
    return TransferView(
      transferId: transfer.id, backend: transfer.backend.rawValue, state: state, origin: node.frame.name,
      destination: transfer.peer.name, from: transfer.terms?.from.text ?? "",
      to: transfer.terms.map { AgentAddress(name: $0.to, frame: $0.destination).description } ?? "",
      amount: transfer.terms?.amount.decimal(scale: native.scale) ?? "", asset: native.description,
      position: transfer.openPosition, openedAt: transfer.openedAt.description,
      closedAt: transfer.closedAt?.description, reason: transfer.reason.isEmpty ? nil : transfer.reason)
  }
}
