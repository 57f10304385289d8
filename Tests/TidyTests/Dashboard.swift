import Foundation

/// As much of Grafana's dashboard model as the checks need.
struct Dashboard: Decodable {
  struct DataSource: Decodable {
    let type: String
    let uid: String
  }

  struct GridPosition: Decodable {
    let h: Int
    let w: Int
    let x: Int
    let y: Int
  }

  struct Target: Decodable {
    let refId: String
    let expr: String
    let datasource: DataSource
  }

  struct Step: Decodable {
    let color: String
    let value: Double?
  }

  struct Thresholds: Decodable {
    let mode: String
    let steps: [Step]
  }

  struct Defaults: Decodable {
    let unit: String?
    let thresholds: Thresholds?
  }

  struct FieldConfig: Decodable {
    let defaults: Defaults
  }

  struct Panel: Decodable, CustomStringConvertible {
    let id: Int
    let type: String
    let title: String
    let gridPos: GridPosition
    // Absent in rows.
    let text: String?
    let datasource: DataSource?
    let targets: [Target]?
    let fieldConfig: FieldConfig?
    let panels: [Panel]?

    private enum CodingKeys: String, CodingKey {
      case id, type, title, gridPos, datasource, targets, fieldConfig, panels
      case text = "description"
    }

    var isRow: Bool { type == "row" }
    var description: String { "\(title) (\(id))" }
  }

  struct Variable: Decodable {
    let name: String
    let label: String
    let type: String
    let refresh: Int
    let multi: Bool
    let includeAll: Bool
    let allValue: String?
    let datasource: DataSource?
    let definition: String?
  }

  struct Templating: Decodable {
    let list: [Variable]
  }

  struct Link: Decodable {
    let type: String
    let tags: [String]
    let asDropdown: Bool
    let keepTime: Bool
    let includeVars: Bool
  }

  struct Annotation: Decodable {
    let name: String
    let expr: String?
  }

  struct Annotations: Decodable {
    let list: [Annotation]
  }

  let uid: String
  let title: String
  let tags: [String]
  let editable: Bool
  let schemaVersion: Int
  let refresh: String
  let links: [Link]
  let annotations: Annotations
  let templating: Templating
  let panels: [Panel]

  init(_ file: Repository.File) throws {
    self = try JSONDecoder().decode(Dashboard.self, from: Data(contentsOf: file.url))
  }

  /// Panels that draw something, those inside rows included.
  var graphs: [Panel] { panels.flatMap { [$0] + ($0.panels ?? []) }.filter { !$0.isRow } }
  var queries: [String] { graphs.flatMap { $0.targets ?? [] }.map(\.expr) + annotations.list.compactMap(\.expr) }
}
