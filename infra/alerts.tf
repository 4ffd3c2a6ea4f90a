# Four things a person must hear of: stale data, a consumer that falls behind, dead letters, a service that cannot stay up.
resource "google_monitoring_notification_channel" "email" {
  display_name = "CryptoSignalTracker"
  type         = "email"
  labels       = { email_address = var.alert_email }
  depends_on   = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "stale" {
  for_each              = local.steady_topics
  display_name          = "Nothing published on ${each.value}"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.name]

  conditions {
    display_name = "no publish request for 5 minutes"
    condition_absent {
      filter   = "resource.type = \"pubsub_topic\" AND resource.label.topic_id = \"${google_pubsub_topic.topics[each.value].name}\" AND metric.type = \"pubsub.googleapis.com/topic/send_request_count\""
      duration = "300s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Data is stale: whoever publishes on ${each.value} is down or sees no market. Look at the log of its worker pool; for the ingestor, whether the exchange answers at all."
  }
}

resource "google_monitoring_alert_policy" "behind" {
  display_name          = "A consumer falls behind"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.name]

  conditions {
    display_name = "oldest unacknowledged message older than 5 minutes"
    condition_threshold {
      # The aggregator holds a message for about a minute by design, until the minute it belongs to is stored.
      filter          = "resource.type = \"pubsub_subscription\" AND resource.label.subscription_id = one_of(${join(", ", [for name in keys(local.subscriptions) : "\"${name}\""])}) AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = 300
      duration        = "120s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The consumer named by the subscription (topic, then service) does not keep up or does not run."
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  for_each              = local.dead_letters
  display_name          = "Dead letters on ${each.key}"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.name]

  conditions {
    display_name = "at least one message nobody could handle"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.label.subscription_id = \"${google_pubsub_subscription.dead_letters[each.key].name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Read them without taking them away: `gcloud pubsub subscriptions pull ${google_pubsub_subscription.dead_letters[each.key].name} --limit=10`."
  }
}

# Every process says once that it runs; the host says each time a service inside it failed.
resource "google_logging_metric" "starts" {
  name   = "tracker/starts"
  filter = "resource.type=\"cloud_run_worker_pool\" AND textPayload=~\"^running [a-z_, ]+; health and metrics\""
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key = "service"
    }
  }
  label_extractors = { service = "REGEXP_EXTRACT(textPayload, \"^running ([a-z_, ]+);\")" }
  depends_on       = [google_project_service.apis]
}

resource "google_logging_metric" "failures" {
  name   = "tracker/failures"
  filter = "resource.type=\"cloud_run_worker_pool\" AND jsonPayload.event=(\"service failed\" OR \"service ended\")"
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key = "service"
    }
  }
  label_extractors = { service = "EXTRACT(jsonPayload.service)" }
  depends_on       = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "crash_loop" {
  display_name          = "A service cannot stay up"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.name]

  dynamic "conditions" {
    for_each = { "process started" = google_logging_metric.starts.name, "service failed" = google_logging_metric.failures.name }
    content {
      display_name = "${conditions.key} more than 3 times in 10 minutes"
      condition_threshold {
        filter          = "resource.type = \"cloud_run_worker_pool\" AND metric.type = \"logging.googleapis.com/user/${conditions.value}\""
        comparison      = "COMPARISON_GT"
        threshold_value = 3
        duration        = "0s"
        aggregations {
          alignment_period     = "600s"
          per_series_aligner   = "ALIGN_DELTA"
          cross_series_reducer = "REDUCE_SUM"
          group_by_fields      = ["metric.label.service"]
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "`gcloud run worker-pools logs read tracker-<service> --region=${var.region}` says why. A wrong setting is named in the last line before the end."
  }
}
