# The store: one node in one zone, its tables, and for each service the right to the tables it works on.
resource "google_bigtable_instance" "store" {
  name                = "crypto-signals"
  display_name        = "CryptoSignalTracker"
  deletion_protection = true

  cluster {
    cluster_id   = "crypto-signals"
    zone         = var.zone
    num_nodes    = 1
    storage_type = "SSD"
  }

  depends_on = [google_project_service.apis]
}

resource "google_bigtable_table" "tables" {
  for_each            = local.tables
  name                = each.key
  instance_name       = google_bigtable_instance.store.name
  deletion_protection = "PROTECTED"

  dynamic "column_family" {
    for_each = toset(each.value.families)
    content {
      family = column_family.value
    }
  }

  # A forgotten row key must not cost the history.
  automated_backup_policy {
    frequency        = "24h0m0s"
    retention_period = "72h0m0s"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# No age limit: cells carry event times, so history that is filled in later would be gone at once.
resource "google_bigtable_gc_policy" "families" {
  for_each        = local.families
  instance_name   = google_bigtable_instance.store.name
  table           = google_bigtable_table.tables[each.value.table].name
  column_family   = each.value.name
  deletion_policy = "ABANDON"
  max_version {
    number = 1
  }
}

resource "google_bigtable_table_iam_member" "grants" {
  for_each      = local.table_grants
  instance_name = google_bigtable_instance.store.name
  table         = google_bigtable_table.tables[each.value.table].name
  role          = each.value.role
  member        = google_service_account.services[each.value.service].member
}
