# One account per service, none with a key and none with a role on the whole project; what each may do stands beside
# the thing it may do it with (pubsub.tf, bigtable.tf, secrets.tf).
resource "google_service_account" "services" {
  for_each     = merge(local.services, local.functions)
  account_id   = "tracker-${replace(each.key, "_", "-")}"
  display_name = "CryptoSignalTracker ${each.key}"
  depends_on   = [google_project_service.apis]
}

# The account under which Cloud Build tests, builds and deploys.
resource "google_service_account" "build" {
  account_id   = "tracker-build"
  display_name = "CryptoSignalTracker build and deployment"
  depends_on   = [google_project_service.apis]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# Reads the sources that `gcloud builds submit` uploads; the bucket with Terraform's state (PROJECT-terraform) is none of
# its business.
resource "google_project_iam_member" "build_sources" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "sources of builds"
    # The second kind is where Cloud Functions keeps the source of a function while it is built.
    expression = "resource.name.startsWith(\"projects/_/buckets/${var.project}_\") || resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-\")"
  }
}

# On the project, because the operations that a deployment waits for belong to it. It may set no rights.
resource "google_project_iam_member" "build_deploys" {
  project = var.project
  role    = "roles/run.developer"
  member  = google_service_account.build.member
}

resource "google_project_iam_member" "build_deploys_functions" {
  project = var.project
  role    = "roles/cloudfunctions.developer"
  member  = google_service_account.build.member
}

# Puts the sources of functions there, and reads them when they are built.
resource "google_storage_bucket_iam_member" "build_functions" {
  bucket = google_storage_bucket.functions.name
  role   = "roles/storage.objectUser"
  member = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

# Deploying a revision means acting as the account it will run under.
resource "google_service_account_iam_member" "build_acts" {
  for_each           = google_service_account.services
  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.build.member
}
