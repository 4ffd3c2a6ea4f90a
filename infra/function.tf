# The macro engine as a Cloud Function: Cloud Scheduler calls it every five minutes, and nobody else may.
locals {
  # Services that run as functions instead of worker pools; the rest of their rights stands in catalog.json as for all.
  functions = {
    macro_engine = { memory = "512Mi", entry_point = "run_signal_generation", schedule = "*/5 * * * *" }
  }
}

# Sources of functions, put there by Cloud Build (cloudbuild.yaml), one object for each tag.
resource "google_storage_bucket" "functions" {
  name                        = "${var.project}-functions"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  lifecycle_rule {
    condition {
      age = 90
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_cloudfunctions2_function" "functions" {
  for_each    = { for name, each in local.functions : name => each if var.deploy }
  name        = "tracker-${replace(each.key, "_", "-")}"
  location    = var.region
  description = "CryptoSignalTracker ${each.key}"

  build_config {
    runtime           = "python313"
    entry_point       = each.value.entry_point
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id
    source {
      storage_source {
        bucket = google_storage_bucket.functions.name
        object = "${replace(each.key, "_", "-")}-${var.image_tag}.zip"
      }
    }
  }

  service_config {
    service_account_email = google_service_account.services[each.key].email
    available_memory      = each.value.memory
    # One round at a time: two would only publish the same biases twice.
    max_instance_count               = 1
    max_instance_request_concurrency = 1
    # The venue takes one request a second.
    timeout_seconds       = 240
    ingress_settings      = "ALLOW_INTERNAL_ONLY"
    environment_variables = merge(local.settings, { TRACKER__LOG__JSON_LINES = "true" })
  }

  # Which source runs is the deployment's business (cloudbuild.yaml), not Terraform's.
  lifecycle {
    ignore_changes = [build_config[0].source]
  }

  # A function that starts before it may read and write would only fail.
  depends_on = [
    google_bigtable_table_iam_member.grants,
    google_pubsub_topic_iam_member.publishers,
    google_storage_bucket_iam_member.build_functions,
  ]
}

# Calls functions, and may do nothing else.
resource "google_service_account" "scheduler" {
  account_id   = "tracker-scheduler"
  display_name = "CryptoSignalTracker scheduler"
  depends_on   = [google_project_service.apis]
}

# A function of the second generation is a Cloud Run service; its caller needs the right on that one.
resource "google_cloud_run_v2_service_iam_member" "invokers" {
  for_each = google_cloudfunctions2_function.functions
  name     = each.value.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_cloud_scheduler_job" "functions" {
  for_each         = google_cloudfunctions2_function.functions
  name             = each.value.name
  region           = var.region
  description      = "Calls ${each.value.name}"
  schedule         = local.functions[each.key].schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "240s"

  retry_config {
    retry_count          = 2
    min_backoff_duration = "10s"
  }

  http_target {
    http_method = "POST"
    uri         = each.value.service_config[0].uri
    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = each.value.service_config[0].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invokers]
}
