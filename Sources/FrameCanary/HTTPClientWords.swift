import AsyncHTTPClient
import FrameCore

// What AsyncHTTPClient's errors are called where people read.

extension HTTPClientError: WordedError {
  public var plainWords: String {
    switch self {
    case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout:
      "no answer in time"
    case .remoteConnectionClosed, .requestStreamCancelled: "the connection was closed"
    case .cancelled: "it was ended before it was done"
    case .invalidURL, .emptyHost, .emptyScheme: "the address is not a URL"
    default: "the exchange failed"
    }
  }
}
