# Topics, subscriptions and dead letters, and for each service the right to exactly what the catalog says of it.
resource "google_pubsub_topic" "topics" {
  for_each = local.topics
  name     = each.value

  # Nothing leaves the region while it is on its way.
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.apis]
}

resource "google_pubsub_subscription" "subscriptions" {
  for_each = local.subscriptions
  name     = each.key
  topic    = google_pubsub_topic.topics[each.value.topic].id

  # Short, because consumers extend it themselves: what a dead one held is back after this time.
  ack_deadline_seconds       = local.catalog.ack_deadline_seconds
  message_retention_duration = "${each.value.retention_seconds}s"
  expiration_policy {
    ttl = ""
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.dead_letter == null ? [] : [each.value.dead_letter]
    content {
      dead_letter_topic     = google_pubsub_topic.topics[dead_letter_policy.value].id
      max_delivery_attempts = local.catalog.max_delivery_attempts
    }
  }
}

# A dead letter nobody subscribes to is lost; these keep it for the operator to look at.
resource "google_pubsub_subscription" "dead_letters" {
  for_each                   = local.dead_letters
  name                       = each.value.subscription
  topic                      = google_pubsub_topic.topics[each.key].id
  ack_deadline_seconds       = local.catalog.ack_deadline_seconds
  message_retention_duration = "${each.value.retention_seconds}s"
  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "publishers" {
  for_each = local.publishers
  topic    = google_pubsub_topic.topics[each.value.topic].name
  role     = "roles/pubsub.publisher"
  member   = google_service_account.services[each.value.service].member
}

resource "google_pubsub_subscription_iam_member" "subscribers" {
  for_each     = local.subscriptions
  subscription = google_pubsub_subscription.subscriptions[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.services[each.value.service].member
}

# Pub/Sub itself moves what was delivered too often: its agent publishes there and acknowledges here.
locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_member" "agent_publishes_dead_letters" {
  for_each = local.dead_letters
  topic    = google_pubsub_topic.topics[each.key].name
  role     = "roles/pubsub.publisher"
  member   = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "agent_acknowledges_dead_letters" {
  for_each     = { for name, each in local.subscriptions : name => each if each.dead_letter != null }
  subscription = google_pubsub_subscription.subscriptions[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
