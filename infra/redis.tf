# Memorystore for the outbox, the network it lives in, and its password as a secret.
# All of it only with outbox = "redis".
locals {
  redis_count    = var.outbox == "redis" ? 1 : 0
  redis_settings = { for redis in google_redis_instance.outbox : "TRACKER__REDIS_STORE__URL" => "redis://${redis.host}:${redis.port}/0" }
  redis_secret_files = {
    for secret in google_secret_manager_secret.redis_password : "TRACKER__REDIS_STORE__PASSWORD_FILE" => secret.secret_id
  }
}

resource "google_compute_network" "private" {
  count                   = local.redis_count
  name                    = "tracker"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.apis]
}

resource "google_compute_subnetwork" "services" {
  count                    = local.redis_count
  name                     = "tracker-services"
  network                  = google_compute_network.private[0].id
  region                   = var.region
  ip_cidr_range            = "10.20.0.0/26"
  private_ip_google_access = true
}

resource "google_redis_instance" "outbox" {
  count              = local.redis_count
  name               = "tracker-outbox"
  display_name       = "CryptoSignalTracker outbox"
  region             = var.region
  tier               = "BASIC"
  memory_size_gb     = 1
  redis_version      = "REDIS_7_2"
  auth_enabled       = true
  authorized_network = google_compute_network.private[0].id

  # What was sent must never be forgotten to make room.
  redis_configs = {
    maxmemory-policy = "noeviction"
  }
  persistence_config {
    persistence_mode    = "RDB"
    rdb_snapshot_period = "ONE_HOUR"
  }

  lifecycle {
    prevent_destroy = true
  }
  depends_on = [google_project_service.apis]
}

resource "google_secret_manager_secret" "redis_password" {
  count     = local.redis_count
  secret_id = "tracker-redis-password"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.apis]
}

# The password is made by Memorystore; it passes through the state, which is why the state's bucket is private.
resource "google_secret_manager_secret_version" "redis_password" {
  count       = local.redis_count
  secret      = google_secret_manager_secret.redis_password[0].id
  secret_data = google_redis_instance.outbox[0].auth_string
}
