internal import HTTPTypes
package import Hummingbird

/// Answers what no route took: a path that exists says which methods it takes (405 with `Allow`, RFC 9110 §15.5.6), and only
/// one that does not is 404.
package struct UnroutedMiddleware<Context: RequestContext>: RouterMiddleware {
  private let routes: RouteTable
  private let answer: @Sendable (Request, any Error) -> Response

  /// - Parameter answer: makes the problem document of an error.
  package init(routes: RouteTable, answer: @escaping @Sendable (Request, any Error) -> Response) {
    self.routes = routes
    self.answer = answer
  }

  package func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let response = unrouted(request, error)
      // What follows the head would be read as the beginning of the next answer (RFC 9110 §9.3.2).
      return request.method == .head ? response.createHeadResponse() : response
    }
  }

  private func unrouted(_ request: Request, _ error: any Error) -> Response {
    guard (error as? any HTTPResponseError)?.status == .notFound else { return answer(request, error) }
    let methods = routes.methods(of: request.uri.path)
    guard !methods.isEmpty else { return answer(request, error) }
    var response = answer(request, HTTPError(.methodNotAllowed))
    response.headers[.allow] = Set(methods.map(\.rawValue)).sorted().joined(separator: ", ")
    return response
  }
}
