# catalog.json says what exists and who may do what with it. A test of the platform holds it equal to
# shared/messages/catalog.py and to the tables of the Bigtable adapter, so that the names stand in one place.
locals {
  catalog = jsondecode(file("${path.module}/catalog.json"))

  topics       = toset(concat(local.catalog.topics[*].name, local.catalog.dead_letters[*].topic))
  dead_letters = { for each in local.catalog.dead_letters : each.topic => each }
  # Topics on which something flows every minute, on a quiet day too: silence means that data is stale.
  steady_topics = toset([for each in local.catalog.topics : each.name if each.steady])
  subscriptions = { for each in local.catalog.subscriptions : each.name => each }
  publishers    = { for each in local.catalog.publishers : "${each.service}:${each.topic}" => each }
  tables        = { for each in local.catalog.tables : each.name => each }
  families = {
    for pair in flatten([for table in local.catalog.tables : [for family in table.families : { table = table.name, name = family }]]) :
    "${pair.table}:${pair.name}" => pair
  }
  table_grants = { for each in local.catalog.table_grants : "${each.service}:${each.table}" => each }
}
