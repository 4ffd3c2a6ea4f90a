# What the next steps need to know (docs/cloud.md).
output "images" {
  description = "Where Cloud Build puts the images."
  value       = local.images
}

output "build_account" {
  description = "Account for `gcloud builds submit` and for build triggers."
  value       = google_service_account.build.id
}

output "telegram_token_secret" {
  description = "Secret that waits for the bot's token."
  value       = google_secret_manager_secret.telegram_token.secret_id
}

output "functions" {
  description = "The services that run as functions."
  value       = sort([for function in google_cloudfunctions2_function.functions : function.name])
}

output "worker_pools" {
  description = "The services that run."
  value       = sort([for pool in google_cloud_run_v2_worker_pool.services : pool.name])
}
