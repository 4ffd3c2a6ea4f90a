# The services as Cloud Run worker pools: they pull their work and have no address, so nobody can call them.
locals {
  # Memory by use: charts are drawn in processes of their own. One instance each; a worker pool has at least 1 vCPU.
  services = {
    ingestor          = { memory = "512Mi" }
    aggregator        = { memory = "512Mi" }
    backfiller        = { memory = "512Mi" }
    logic_engine      = { memory = "512Mi" }
    telegram_notifier = { memory = "1Gi" }
  }

  # Files with secrets, by service: the setting that names the file, and the secret that is in it.
  secret_files = {
    for service in keys(local.services) : service => service != "telegram_notifier" ? {} : merge(
      { TRACKER__TELEGRAM__TOKEN_FILE = google_secret_manager_secret.telegram_token.secret_id },
      local.redis_secret_files,
    )
  }

  settings = merge(
    {
      GOOGLE_CLOUD_PROJECT              = var.project
      TRACKER__BUS                      = "pubsub"
      TRACKER__STORE                    = "bigtable"
      TRACKER__OUTBOX                   = var.outbox
      TRACKER__BIGTABLE_STORE__INSTANCE = google_bigtable_instance.store.name
      TRACKER__TELEGRAM_NOTIFIER__CHATS = join(",", var.chats)
    },
    length(var.symbols) == 0 ? {} : { TRACKER__SYMBOLS = join(",", var.symbols) },
    local.redis_settings,
  )
  images = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

resource "google_cloud_run_v2_worker_pool" "services" {
  for_each            = { for name, each in local.services : name => each if var.deploy }
  name                = "tracker-${replace(each.key, "_", "-")}"
  location            = var.region
  deletion_protection = false

  # Exactly one: an ingestor is one connection to the exchange, and the others own the state of their instruments.
  # During a deployment two overlap; each service is built for that.
  scaling {
    manual_instance_count = 1
  }

  template {
    service_account = google_service_account.services[each.key].email

    containers {
      image = "${local.images}/${replace(each.key, "_", "-")}:${var.image_tag}"

      resources {
        limits = {
          cpu    = "1"
          memory = each.value.memory
        }
      }

      dynamic "env" {
        for_each = merge(local.settings, { for setting, secret in local.secret_files[each.key] : setting => "/secrets/${secret}/value" })
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = local.secret_files[each.key]
        content {
          name       = volume_mounts.value
          mount_path = "/secrets/${volume_mounts.value}"
        }
      }

      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 3
        failure_threshold = 24
        http_get {
          path = "/health"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = 15
        timeout_seconds   = 5
        failure_threshold = 4
        http_get {
          path = "/health"
          port = 8080
        }
      }
    }

    dynamic "volumes" {
      for_each = local.secret_files[each.key]
      content {
        name = volumes.value
        secret {
          secret = volumes.value
          items {
            path    = "value"
            version = "latest"
          }
        }
      }
    }

    # Only what talks to Memorystore enters the network; the way to Telegram stays the open one.
    dynamic "vpc_access" {
      for_each = [for subnet in google_compute_subnetwork.services : subnet if each.key == "telegram_notifier"]
      content {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.id
        }
      }
    }
  }

  # Which image runs is the deployment's business (cloudbuild.yaml), not Terraform's.
  lifecycle {
    ignore_changes = [template[0].containers[0].image, client, client_version]
  }

  # A container that starts before it may read and write would only fail and start again.
  depends_on = [
    google_bigtable_table_iam_member.grants,
    google_pubsub_subscription_iam_member.subscribers,
    google_pubsub_topic_iam_member.publishers,
    google_secret_manager_secret_iam_member.readers,
    google_secret_manager_secret_version.redis_password,
  ]
}
