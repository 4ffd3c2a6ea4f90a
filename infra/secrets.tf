# Secrets and who may read them. The bot's token is put in by a person (docs/cloud.md) and is never seen by Terraform.
locals {
  secrets = merge(
    { telegram_token = google_secret_manager_secret.telegram_token.id },
    { for secret in google_secret_manager_secret.redis_password : "redis_password" => secret.id },
  )
}

resource "google_secret_manager_secret" "telegram_token" {
  secret_id = "tracker-telegram-token"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.apis]
}

# Nobody but the notifier reads any of them.
resource "google_secret_manager_secret_iam_member" "readers" {
  for_each  = local.secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.services["telegram_notifier"].member
}
