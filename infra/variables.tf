# Everything that differs between two installations. Nothing here is secret.
variable "project" {
  description = "Id of the Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Give the id of the project (6 to 30 lower-case letters, digits and hyphens), not its name or number."
  }
}

variable "region" {
  description = "Region of everything; asia-southeast1 (Singapore) is nearest to Bybit."
  type        = string
  default     = "asia-southeast1"

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+)+[0-9]+$", var.region)) && !startswith(var.region, "us-")
    error_message = "Regions in the United States are refused: Bybit answers addresses there with HTTP 403, so the ingestor would never see a trade. Choose for example asia-southeast1."
  }
}

variable "zone" {
  description = "Zone of the Bigtable cluster, within the region."
  type        = string
  default     = "asia-southeast1-b"

  validation {
    condition     = startswith(var.zone, "${var.region}-")
    error_message = "The zone must lie in the region, or every read and write crosses the sea."
  }
}

variable "symbols" {
  description = "Instruments that are watched; empty for the platform's own list."
  type        = list(string)
  default     = []
}

variable "chats" {
  description = "Telegram chats that get the signals: @names or -100... ids. The bot must be an administrator of each."
  type        = list(string)

  validation {
    condition     = length(var.chats) > 0 && alltrue([for chat in var.chats : can(regex("^(@\\w+|-?[0-9]+)$", chat))])
    error_message = "Name at least one chat, each as @name or as a number (-100...)."
  }
}

variable "outbox" {
  description = "What remembers the messages that were sent: redis (Memorystore) or bigtable (no Memorystore, no network)."
  type        = string
  default     = "redis"

  validation {
    condition     = contains(["redis", "bigtable"], var.outbox)
    error_message = "The outbox is kept by redis or by bigtable."
  }
}

variable "deploy" {
  description = "Whether the services run. False for the first apply: their images and the bot's token do not exist yet."
  type        = bool
  default     = true
}

variable "image_tag" {
  description = "Tag of the images that worker pools are created with; afterwards Cloud Build says which images run."
  type        = string
  default     = ""

  validation {
    condition     = var.image_tag != "" || !var.deploy
    error_message = "Name the tag of images that exist (gcloud artifacts docker tags list ...), or apply with deploy=false first."
  }
}

variable "alert_email" {
  description = "Who is told when data goes stale, messages end as dead letters or a service cannot stay up."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+$", var.alert_email))
    error_message = "Give one e-mail address."
  }
}
