/// Every target, by room.
enum FuzzTargets {
  static let all =
    CoreTargets.all + LogTargets.all + IdentityTargets.all + FederationTargets.all + NodeTargets.all
    + FileTargets.all + HTTPTargets.all

  static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}
