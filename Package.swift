// swift-tools-version: 6.2
import PackageDescription

// One target a room (ARCHITECTURE.md, "Code map"); dependencies point down only, and TidyTests checks that they do.

/// Readers of outside bytes, and what must hold of them: a test of the test run, and with FRAME_FUZZ=1 (`make fuzz`) a program that
/// libFuzzer drives, with the rooms instrumented.
let fuzzing = Context.environment["FRAME_FUZZ"] == "1"

let settings: [SwiftSetting] =
  [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
  ] + (fuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : [])

func room(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

extension Target.Dependency {
  static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
  static let asyncHTTPClient = product(name: "AsyncHTTPClient", package: "async-http-client")
  static let crypto = product(name: "Crypto", package: "swift-crypto")
  static let cryptoExtras = product(name: "CryptoExtras", package: "swift-crypto")
  static let grdb = product(name: "GRDB", package: "GRDB.swift")
  static let grpcCore = product(name: "GRPCCore", package: "grpc-swift-2")
  static let grpcTransport = product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
  static let grpcProtobuf = product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
  static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
  static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
  static let hummingbirdTLS = product(name: "HummingbirdTLS", package: "hummingbird")
  static let hummingbirdCore = product(name: "HummingbirdCore", package: "hummingbird")
  static let hummingbirdTesting = product(name: "HummingbirdTesting", package: "hummingbird")
  static let jwtKit = product(name: "JWTKit", package: "jwt-kit")
  static let lifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
  static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
  static let logging = product(name: "Logging", package: "swift-log")
  static let metricsAPI = product(name: "Metrics", package: "swift-metrics")
  static let coreMetrics = product(name: "CoreMetrics", package: "swift-metrics")
  static let nioCore = product(name: "NIOCore", package: "swift-nio")
  static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
  static let nioEmbedded = product(name: "NIOEmbedded", package: "swift-nio")
  static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
  static let nioHTTPTypesHTTP1 = product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
  static let nioHTTPTypes = product(name: "NIOHTTPTypes", package: "swift-nio-extras")
  static let nioFoundationCompat = product(name: "NIOFoundationCompat", package: "swift-nio")
  static let nioTLS = product(name: "NIOTLS", package: "swift-nio")
  static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
  static let nioCertificateReloading = product(name: "NIOCertificateReloading", package: "swift-nio-extras")
  static let protobuf = product(name: "SwiftProtobuf", package: "swift-protobuf")
  static let asn1 = product(name: "SwiftASN1", package: "swift-asn1")
  static let x509 = product(name: "X509", package: "swift-certificates")
  static let yams = product(name: "Yams", package: "Yams")
}

/// What the fuzzers call.
let fuzzed: [Target.Dependency] = [
  "FrameAudit", "FrameBridge", "FrameConfiguration", "FrameCore", "FrameEvents", "FrameHTTP", "FrameIdentity",
  "FrameLedger", "FrameLog", "FrameMetrics", "FrameNode", "FrameNodeState", "FramePeering", "FrameProjection",
  "FrameProtos", "FrameREST", "FrameSNI", "FrameSettlement", "FrameTreaty", "FrameWorkload", .asn1, .crypto, .httpTypes,
  .hummingbird, .hummingbirdCore, .logging, .nioCore, .nioEmbedded, .nioHTTP1, .nioHTTPTypes, .nioHTTPTypesHTTP1,
  .protobuf, .x509,
]
let fuzzers: [Target] =
  fuzzing
  ? [
    .target(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
    .executableTarget(
      name: "frame-fuzz", dependencies: fuzzed + ["CLibFuzzer"], path: "Tests/FuzzTests", exclude: ["FuzzTests.swift"],
      swiftSettings: settings, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
  ]
  : [
    .testTarget(
      name: "FuzzTests", dependencies: fuzzed, exclude: ["Driver"], swiftSettings: settings)
  ]

let package = Package(
  name: "frame",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "frame", targets: ["frame"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
  ],
  targets: [
    // Floor 0
    room("FrameCore", []),
    room("FrameProtos", ["FrameCore", .protobuf]),
    .target(name: "CFrameZlib", linkerSettings: [.linkedLibrary("z")]),
    .target(name: "CFrameSystem"),
    room("FrameMetrics", ["CFrameZlib", .coreMetrics]),
    // Floor 1
    // The document is part of the binary: a node is one file.
    .target(
      name: "FrameAPI", dependencies: ["FrameCore"], resources: [.embedInCode("openapi.yaml")], swiftSettings: settings),
    room("FrameEvents", ["FrameCore", "FrameProtos", .crypto, .protobuf]),
    room(
      "FrameIdentity",
      [
        "FrameCore", "FrameMetrics", .asn1, .crypto, .cryptoExtras, .jwtKit, .lifecycle, .logging,
        .nioCertificateReloading, .nioCore, .nioHTTP1, .nioPosix, .nioSSL, .x509,
      ]),
    room(
      "FrameHTTP",
      [
        "FrameCore", .httpTypes, .hummingbird, .hummingbirdCore, .logging, .nioCore, .nioHTTP1, .nioHTTPTypes,
        .nioHTTPTypesHTTP1,
      ]),
    room("SPIFFEWorkloadAPI", [.grpcCore, .grpcProtobuf, .protobuf]),
    room("FramePeerAPI", ["FrameProtos", .grpcCore, .grpcProtobuf]),
    // Floor 2
    room(
      "FrameLog",
      ["FrameCore", "FrameEvents", "FrameMetrics", "FrameProtos", .crypto, .grdb, .lifecycle, .logging, .protobuf]),
    room("FrameLedger", ["FrameCore", "FrameEvents", "FrameMetrics", "FrameProtos", .lifecycle, .logging]),
    room("FrameSNI", ["FrameCore", "FrameMetrics", .lifecycle, .logging, .nioCore, .nioPosix]),
    room(
      "FrameWorkload",
      [
        "CFrameSystem", "FrameCore", "FrameEvents", "FrameIdentity", "FrameLog", "FrameMetrics", "FrameProtos",
        "SPIFFEWorkloadAPI", .grpcCore, .grpcTransport, .lifecycle, .logging, .nioCore, .nioPosix, .protobuf,
      ]),
    // Floor 3
    room("FrameTreaty", ["FrameCore", "FrameEvents", "FrameLedger", "FrameProtos"]),
    // Floor 4
    room(
      "FrameProjection",
      ["FrameCore", "FrameEvents", "FrameMetrics", "FrameProtos", "FrameTreaty", .lifecycle, .logging]),
    // Floor 5
    room(
      "FrameSettlement",
      [
        "FrameCore", "FrameEvents", "FrameLedger", "FrameMetrics", "FrameProjection", "FrameProtos", "FrameTreaty",
        .lifecycle, .logging,
      ]),
    room(
      "FrameBridge",
      [
        "FrameCore", "FrameEvents", "FrameLedger", "FrameMetrics", "FrameProjection", "FrameProtos", "FrameTreaty",
        .lifecycle, .logging,
      ]),
    // Floor 6
    room(
      "FramePeering",
      [
        "FrameCore", "FrameEvents", "FrameHTTP", "FrameIdentity", "FrameLog", "FrameMetrics", "FramePeerAPI",
        "FrameProtos", "FrameTreaty", .grpcCore, .grpcTransport, .httpTypes, .hummingbird, .hummingbirdCore,
        .hummingbirdTLS, .lifecycle, .logging, .nioCertificateReloading, .nioCore, .nioPosix, .nioSSL, .nioTLS,
        .protobuf, .x509,
      ]),
    room(
      "FrameAudit",
      [
        "FrameCore", "FrameEvents", "FrameLedger", "FrameLog", "FrameMetrics", "FrameProtos", .crypto, .lifecycle,
        .logging,
      ]),
    room(
      "FrameCanary",
      ["FrameCore", "FrameMetrics", .asyncHTTPClient, .lifecycle, .logging, .nioCore, .nioFoundationCompat]),
    room(
      "FrameConfiguration",
      ["FrameCore", "FrameEvents", "FrameIdentity", "FrameLog", "FrameSNI", "FrameTreaty", "FrameWorkload", .yams]),
    // Floor 7
    room(
      "FrameNodeState",
      [
        "FrameBridge", "FrameConfiguration", "FrameCore", "FrameEvents", "FrameIdentity", "FrameLedger", "FrameLog",
        "FrameMetrics", "FramePeering", "FrameProjection", "FrameProtos", "FrameSettlement", "FrameTreaty",
        "FrameWorkload",
      ]),
    // Floor 8
    room(
      "FrameREST",
      [
        "FrameAPI", "FrameAudit", "FrameBridge", "FrameCanary", "FrameConfiguration", "FrameCore", "FrameEvents",
        "FrameHTTP", "FrameIdentity", "FrameLedger", "FrameLog", "FrameMetrics", "FrameNodeState", "FramePeering",
        "FrameProjection", "FrameProtos", "FrameSNI", "FrameSettlement", "FrameTreaty", "FrameWorkload", .crypto,
        .httpTypes, .hummingbird, .lifecycle, .logging, .nioCore, .protobuf,
      ]),
    // Floor 9
    room(
      "FrameNode",
      [
        "FrameAPI", "FrameAudit", "FrameBridge", "FrameCanary", "FrameConfiguration", "FrameCore", "FrameEvents",
        "FrameHTTP", "FrameIdentity", "FrameLedger", "FrameLog", "FrameMetrics", "FrameNodeState", "FramePeering",
        "FrameProjection", "FrameProtos", "FrameREST", "FrameSNI", "FrameSettlement", "FrameTreaty", "FrameWorkload",
        .asyncHTTPClient, .crypto, .httpTypes, .hummingbird, .hummingbirdCore, .lifecycle, .logging, .metricsAPI,
        .nioCertificateReloading, .nioCore, .nioFoundationCompat, .nioPosix,
      ]),
    // Floor 10
    room(
      "FrameBench",
      [
        "FrameAudit", "FrameCore", "FrameEvents", "FrameLedger", "FrameLog", "FrameMetrics", "FrameProtos", .crypto,
        .logging,
      ]),
    // Floor 11
    .executableTarget(
      name: "frame",
      dependencies: [
        "CFrameSystem", "FrameAPI", "FrameAudit", "FrameBench", "FrameConfiguration", "FrameCore", "FrameEvents",
        "FrameLedger", "FrameLog", "FrameMetrics", "FrameNode", "FrameTreaty", .argumentParser, .asyncHTTPClient,
        .lifecycle, .logging, .nioCore, .nioFoundationCompat, .unixSignals,
      ],
      swiftSettings: settings),
    // Tests and their support
    .target(name: "CFaultVFS", path: "Tests/CFaultVFS", linkerSettings: [.linkedLibrary("sqlite3")]),
    room("FrameTesting", ["FrameCore"], path: "Tests/FrameTesting"),
    tests("FrameCoreTests", ["FrameCore"]),
    tests("FrameAPITests", ["FrameAPI", "FrameCore", .yams]),
    tests("FrameMetricsTests", ["CFrameZlib", "FrameMetrics", "FrameTesting", .coreMetrics]),
    tests(
      "FrameLogTests",
      [
        "FrameBench", "FrameCore", "FrameEvents", "FrameLog", "FrameMetrics", "FrameProtos", "FrameTesting", .crypto,
        .grdb, .logging, .protobuf,
      ]),
    tests(
      "FrameLedgerTests",
      [
        "CFaultVFS", "FrameAudit", "FrameBench", "FrameCore", "FrameEvents", "FrameLedger", "FrameLog", "FrameMetrics",
        "FrameProtos", "FrameTesting", .crypto, .logging,
      ]),
    tests(
      "FrameIdentityTests",
      [
        "FrameCore", "FrameIdentity", "FrameMetrics", "FrameTesting", .crypto, .cryptoExtras, .jwtKit, .nioCore,
        .nioHTTP1, .nioPosix, .nioSSL, .x509,
      ]),
    tests(
      "FrameWorkloadTests",
      [
        "FrameCore", "FrameEvents", "FrameIdentity", "FrameMetrics", "FrameProtos", "FrameWorkload",
        "SPIFFEWorkloadAPI", .crypto, .grpcCore, .grpcTransport, .logging, .x509,
      ]),
    tests(
      "FrameSNITests", ["FrameCore", "FrameMetrics", "FramePeering", "FrameSNI", "FrameTesting", .nioCore, .nioPosix]),
    tests(
      "FramePeeringTests",
      [
        "FrameCore", "FrameEvents", "FrameIdentity", "FrameLog", "FrameMetrics", "FramePeering", "FrameProtos",
        "FrameSNI", "FrameTesting", "FrameTreaty", .crypto, .logging, .nioCore, .nioEmbedded, .nioPosix, .grpcTransport,
      ]),
    tests(
      "FrameSettlementTests",
      [
        "FrameAudit", "FrameBridge", "FrameCore", "FrameEvents", "FrameLedger", "FrameLog", "FrameMetrics",
        "FramePeering", "FrameProjection", "FrameProtos", "FrameSettlement", "FrameTreaty", .crypto, .logging,
        .protobuf,
      ]),
    tests("FrameCanaryTests", ["FrameCanary", "FrameCore", "FrameMetrics", .logging, .nioCore]),
    tests(
      "FrameNodeTests",
      [
        "FrameAPI", "FrameAudit", "FrameBridge", "FrameConfiguration", "FrameCore", "FrameEvents", "FrameHTTP",
        "FrameIdentity", "FrameLedger", "FrameLog", "FrameMetrics", "FrameNode", "FrameNodeState", "FramePeering",
        "FrameProtos", "FrameREST", "FrameSNI", "FrameTreaty", "FrameWorkload", .crypto, .grdb, .httpTypes,
        .hummingbird, .hummingbirdTesting, .lifecycle, .logging, .nioCore, .nioEmbedded, .nioHTTP1, .nioHTTPTypes,
        .nioHTTPTypesHTTP1,
      ]),
    // The executable is a dependency so that the tests always run the binary of the same source.
    tests(
      "EndToEndTests",
      [
        "frame", "FrameConfiguration", "FrameCore", "FrameEvents", "FrameIdentity", "FrameLedger", "FrameLog",
        "FrameMetrics", "FrameNode", "FramePeering", "FrameProtos", "FrameTreaty", .asyncHTTPClient, .logging, .nioCore,
        .nioFoundationCompat, .nioPosix, .nioSSL,
      ]),
    tests("TidyTests", []),
  ] + fuzzers
)
