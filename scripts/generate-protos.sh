#!/usr/bin/env bash
# Regenerates the committed protobuf and gRPC code from Protos/. Needs protoc (Debian: protobuf-compiler) and, on PATH,
# protoc-gen-swift and protoc-gen-grpc-swift-2, which `swift build --product …` makes in a checkout of grpc-swift-protobuf.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in protoc protoc-gen-swift protoc-gen-grpc-swift-2; do
  command -v "$tool" >/dev/null || { echo "$tool is not on PATH (see the head of $0)" >&2; exit 1; }
done
map=frame/v1/events.proto
protoc -I Protos --swift_out=Sources/FrameProtos/Generated --swift_opt=Visibility=Public,FileNaming=DropPath $map
# The gRPC stubs and their messages live in a target of their own, so that only rooms that talk to peers build gRPC.
printf 'mapping { module_name: "FrameProtos" proto_file_path: "frame/v1/events.proto" }\n' >/tmp/frame-modules.$$
trap 'rm -f /tmp/frame-modules.$$' EXIT
opts=Visibility=Public,FileNaming=DropPath,ProtoPathModuleMappings=/tmp/frame-modules.$$
protoc -I Protos --swift_out=Sources/FramePeerAPI/Generated --swift_opt=$opts frame/v1/peer.proto
protoc -I Protos --grpc-swift-2_out=Sources/FramePeerAPI/Generated --grpc-swift-2_opt=$opts frame/v1/peer.proto
protoc -I Protos --swift_out=Sources/SPIFFEWorkloadAPI/Generated --swift_opt=Visibility=Public,FileNaming=DropPath \
  spiffe/workload.proto
protoc -I Protos --grpc-swift-2_out=Sources/SPIFFEWorkloadAPI/Generated \
  --grpc-swift-2_opt=Visibility=Public,FileNaming=DropPath spiffe/workload.proto
