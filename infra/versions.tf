# Versions and where the state lies. The bucket is named when Terraform is initialised (README.md).
terraform {
  required_version = ">= 1.9, < 2"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.24"
    }
  }
  backend "gcs" {
    prefix = "crypto-signal-tracker"
  }
}

provider "google" {
  project = var.project
  region  = var.region
}
