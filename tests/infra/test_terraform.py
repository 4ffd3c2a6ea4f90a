"""The Terraform files: each right goes to exactly whom the catalog names, nothing is public, nothing is secret."""

import json
import re

import pytest

from tests.infra.declared import CLOUD_SERVICES, FUNCTIONS, INFRA, WORKER_POOLS, hyphened, resources, terraform

ACCOUNT = "${google_service_account.services[each.value.service].member}"
NOTIFIER = '${google_service_account.services["telegram_notifier"].member}'
GRANTS = [(f"{type_}.{name}", body) for (type_, name), body in terraform()["resource"].items() if "_iam_" in type_]
REFERENCE = re.compile(r"\b(google_\w+|data\.google_\w+|var|local)\.(\w+)")


def test_topics_and_subscriptions_are_made_of_the_catalog():
    assert resources("google_pubsub_topic")["topics"]["for_each"] == "${local.topics}"
    made = resources("google_pubsub_subscription")
    assert made["subscriptions"]["for_each"] == "${local.subscriptions}"
    assert made["subscriptions"]["name"] == "${each.key}"
    assert made["subscriptions"]["topic"] == "${google_pubsub_topic.topics[each.value.topic].id}"
    assert made["dead_letters"]["for_each"] == "${local.dead_letters}"
    assert made["dead_letters"]["name"] == "${each.value.subscription}"
    assert terraform()["local"]["catalog"] == '${jsondecode(file("${path.module}/catalog.json"))}'


@pytest.mark.parametrize("name", ["subscriptions", "dead_letters"])
def test_a_subscription_never_expires_and_its_leases_end_in_time(name):
    body = resources("google_pubsub_subscription")[name]
    assert body["ack_deadline_seconds"] == "${local.catalog.ack_deadline_seconds}"
    assert body["expiration_policy"] == [{"ttl": ""}]


def test_who_produces_publishes_and_who_consumes_subscribes():
    publishers = resources("google_pubsub_topic_iam_member")["publishers"]
    assert publishers == {
        "for_each": "${local.publishers}",
        "topic": "${google_pubsub_topic.topics[each.value.topic].name}",
        "role": "roles/pubsub.publisher",
        "member": ACCOUNT,
    }
    subscribers = resources("google_pubsub_subscription_iam_member")["subscribers"]
    assert subscribers == {
        "for_each": "${local.subscriptions}",
        "subscription": "${google_pubsub_subscription.subscriptions[each.key].name}",
        "role": "roles/pubsub.subscriber",
        "member": ACCOUNT,
    }


def test_pubsub_itself_may_move_dead_letters():
    publishes = resources("google_pubsub_topic_iam_member")["agent_publishes_dead_letters"]
    takes = resources("google_pubsub_subscription_iam_member")["agent_acknowledges_dead_letters"]
    assert publishes["member"] == takes["member"] == "${local.pubsub_agent}"
    assert (publishes["role"], takes["role"]) == ("roles/pubsub.publisher", "roles/pubsub.subscriber")
    assert publishes["for_each"] == "${local.dead_letters}"
    assert "each.dead_letter != null" in takes["for_each"]
    assert terraform()["local"]["pubsub_agent"].endswith("@gcp-sa-pubsub.iam.gserviceaccount.com")


def test_tables_are_granted_one_by_one():
    assert resources("google_bigtable_table_iam_member") == {
        "grants": {
            "for_each": "${local.table_grants}",
            "instance_name": "${google_bigtable_instance.store.name}",
            "table": "${google_bigtable_table.tables[each.value.table].name}",
            "role": "${each.value.role}",
            "member": ACCOUNT,
        }
    }


def test_only_the_notifier_reads_secrets():
    readers = resources("google_secret_manager_secret_iam_member")
    assert [(body["role"], body["member"]) for body in readers.values()] == [
        ("roles/secretmanager.secretAccessor", NOTIFIER)
    ]


@pytest.mark.parametrize(("name", "body"), GRANTS, ids=[name for name, _ in GRANTS])
def test_a_grant_is_narrow(name, body):
    text = json.dumps(body)
    assert "allUsers" not in text
    assert "allAuthenticatedUsers" not in text
    assert not re.search(r"roles/(owner|editor|viewer)\b|\.admin\b|Admin\b", text)
    if name.startswith("google_project_iam"):
        assert body["member"] == "${google_service_account.build.member}", "services have no right on the whole project"


def test_the_build_cannot_read_the_state_and_the_password_in_it():
    sources = resources("google_project_iam_member")["build_sources"]
    assert sources["role"] == "roles/storage.objectViewer"
    assert "buckets/${var.project}_" in sources["condition"][0]["expression"]


def test_no_account_has_a_key():
    assert resources("google_service_account_key") == {}


def test_no_secret_is_typed_in():
    for name, body in resources("google_secret_manager_secret_version").items():
        assert re.fullmatch(r"\$\{google_\w+\.\w+\[0\]\.\w+\}", body["secret_data"]), f"{name} is not made by Google"
    assert [name for name in terraform()["variable"] if re.search("token|password|secret|key", name)] == []


def test_every_reference_leads_somewhere():
    declared = {f"{type_}.{name}" for type_, name in terraform()["resource"]}
    declared |= {f"data.{type_}.{name}" for type_, name in terraform()["data"]}
    declared |= {f"var.{name}" for name in terraform()["variable"]} | {f"local.{name}" for name in terraform()["local"]}
    for path in sorted(INFRA.glob("*.tf")):
        code = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
        used = {f"{kind}.{name}" for kind, name in REFERENCE.findall(code)}
        assert used - declared == set(), path.name


def test_history_cannot_be_deleted_by_mistake():
    assert resources("google_bigtable_instance")["store"]["deletion_protection"] is True
    table = resources("google_bigtable_table")["tables"]
    assert table["deletion_protection"] == "PROTECTED"
    assert table["lifecycle"] == [{"prevent_destroy": True}]


def test_history_that_is_filled_in_later_stays():
    policy = resources("google_bigtable_gc_policy")["families"]
    assert policy["max_version"] == [{"number": 1}]
    assert "max_age" not in json.dumps(policy)


def test_the_ingestor_is_kept_out_of_the_united_states():
    [rule] = terraform()["variable"]["region"]["validation"]
    assert '!startswith(var.region, "us-")' in rule["condition"]
    assert "403" in rule["error_message"]


def test_every_service_runs_exactly_once():
    assert tuple(sorted(terraform()["local"]["services"])) == WORKER_POOLS
    assert tuple(sorted(terraform()["local"]["functions"])) == FUNCTIONS
    pool = resources("google_cloud_run_v2_worker_pool")["services"]
    assert pool["scaling"] == [{"manual_instance_count": 1}]
    assert pool["template"][0]["service_account"] == "${google_service_account.services[each.key].email}"


def test_a_worker_pool_is_probed_on_its_health():
    [container] = resources("google_cloud_run_v2_worker_pool")["services"]["template"][0]["containers"]
    for probe in ("startup_probe", "liveness_probe"):
        assert container[probe][0]["http_get"] == [{"path": "/health", "port": 8080}]
    startup = container["startup_probe"][0]
    assert startup["failure_threshold"] * startup["period_seconds"] <= 240, "Cloud Run waits no longer"


def test_an_account_name_is_no_longer_than_google_allows():
    assert resources("google_service_account")["services"]["account_id"] == 'tracker-${replace(each.key, "_", "-")}'
    assert [service for service in CLOUD_SERVICES if not 6 <= len(f"tracker-{hyphened(service)}") <= 30] == []


def test_every_service_has_an_account_of_its_own():
    assert resources("google_service_account")["services"]["for_each"] == "${merge(local.services, local.functions)}"
    function = resources("google_cloudfunctions2_function")["functions"]
    account = function["service_config"][0]["service_account_email"]
    assert account == "${google_service_account.services[each.key].email}"


def test_a_function_is_called_by_the_scheduler_every_five_minutes_and_by_nobody_else():
    assert terraform()["local"]["functions"]["macro_engine"]["schedule"] == "*/5 * * * *"
    job = resources("google_cloud_scheduler_job")["functions"]
    [target] = job["http_target"]
    assert (target["http_method"], target["uri"]) == ("POST", "${each.value.service_config[0].uri}")
    assert target["oidc_token"] == [
        {"service_account_email": "${google_service_account.scheduler.email}", "audience": target["uri"]}
    ]
    invokers = {name: body for name, body in GRANTS if body["role"].endswith(".invoker")}
    assert {name: body["member"] for name, body in invokers.items()} == {
        "google_cloud_run_v2_service_iam_member.invokers": "${google_service_account.scheduler.member}"
    }
    function = resources("google_cloudfunctions2_function")["functions"]
    assert function["service_config"][0]["ingress_settings"] == "ALLOW_INTERNAL_ONLY"
    assert function["service_config"][0]["max_instance_count"] == 1
    bucket = resources("google_storage_bucket")["functions"]
    assert bucket["public_access_prevention"] == "enforced"
