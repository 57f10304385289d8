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
# Every field is remembered with its number, so that a test can see that none vanishes (Tests/TidyTests/ProtobufTests.swift).
for file in Protos/frame/v1/*.proto; do
  sed -E 's|//.*||; s/[{]/{\n/g; s/[}]/\n}\n/g; s/;/;\n/g' "$file" | awk -v file="$(basename "$file")" '
    { gsub(/^[ \t]+|[ \t]+$/, "") }
    /^(message|enum|service) [A-Za-z0-9_]+ ?[{]$/ { names[++depth] = $2; sub(/[{]/, "", names[depth]); next }
    /[{]$/ { names[++depth] = ""; next }
    /^[}]$/ { depth--; next }
    /= *[0-9]+ *;$/ && !/^(option|syntax|package|import|reserved)/ {
      path = ""
      for (i = 1; i <= depth; i++) if (names[i] != "") path = path (path == "" ? "" : ".") names[i]
      split($0, sides, "="); count = split(sides[1], words, " "); number = sides[2]; gsub(/[ ;]/, "", number)
      print file " " path "." words[count] " = " number
    }'
done | sort | comm -23 - <(grep -v '^#' Protos/field-numbers.txt | sort) >>Protos/field-numbers.txt
