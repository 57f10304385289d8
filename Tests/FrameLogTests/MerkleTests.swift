import Foundation
import Testing

@testable import FrameLog

@Suite struct MerkleTests {
  @Test("L1: the empty root is the one of the specification")
  func emptyRoot() {
    #expect(MerkleTree().root.data.base64EncodedString() == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    #expect(MerkleFrontier().root == .empty)
  }
}
