"""``docker-compose.yml``: two whole platforms on one set of emulators, each container closed and watched."""

import os
import shutil
import subprocess

import pytest

from tests.architecture.house import ROOT
from tests.infra.declared import CLOUD_SERVICES, compose, hyphened

SERVICES = compose()["services"]
OURS = {name: body for name, body in SERVICES.items() if body["image"].startswith("crypto-signal-tracker/")}
EMULATORS = ("pubsub-emulator", "bigtable-emulator")
ONE_SHOT = "bootstrap"


def of_profile(profile):
    return {name for name, body in SERVICES.items() if body.get("profiles") == [profile]}


def test_a_profile_has_every_service():
    assert of_profile("live") == {hyphened(service) for service in CLOUD_SERVICES}
    assert of_profile("sandbox") == {"sandbox", *(f"sandbox-{hyphened(service)}" for service in CLOUD_SERVICES)}


def test_what_both_need_is_in_no_profile():
    shared = {name for name, body in SERVICES.items() if "profiles" not in body}
    assert shared == {*EMULATORS, "redis", ONE_SHOT}


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_can_change_nothing(name):
    body = OURS[name]
    assert body["read_only"] is True
    assert body["tmpfs"] == ["/tmp:size=256m,mode=1777"]  # noqa: S108 - the container's own
    assert body["cap_drop"] == ["ALL"]
    assert body["security_opt"] == ["no-new-privileges:true"]
    assert body["init"] is True
    assert not body.get("privileged")
    assert not any("docker.sock" in volume for volume in body.get("volumes", []))


@pytest.mark.parametrize("name", OURS)
def test_an_image_is_built_for_the_service_it_is_named_after(name):
    body = OURS[name]
    service = body["build"]["args"]["SERVICE"]
    assert body["image"] == f"crypto-signal-tracker/{hyphened(service)}:local"
    if name != ONE_SHOT:
        assert name.removeprefix("sandbox-") == hyphened(service)


@pytest.mark.parametrize("name", sorted(of_profile("live") | of_profile("sandbox")))
def test_a_service_waits_until_its_world_is_ready(name):
    waits = {other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()}
    expected = {} if name == "sandbox" else {ONE_SHOT: "service_completed_successfully"}
    if name.startswith("sandbox-"):
        expected["sandbox"] = "service_healthy"
    assert waits == expected


def test_bootstrap_waits_for_what_it_fills_and_runs_once():
    bootstrap = SERVICES[ONE_SHOT]
    assert {other: how["condition"] for other, how in bootstrap["depends_on"].items()} == dict.fromkeys(
        (*EMULATORS, "redis"), "service_healthy"
    )
    assert bootstrap["command"][-1] == ONE_SHOT
    assert "restart" not in bootstrap
    assert bootstrap["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("name", [*EMULATORS, "redis"])
def test_what_others_wait_for_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize(("name", "port"), [("pubsub-emulator", 8085), ("bigtable-emulator", 8086)])
def test_an_emulator_is_reached_by_the_others_and_by_nobody_else(name, port):
    body = SERVICES[name]
    assert f"--host-port=0.0.0.0:{port}" in body["command"]
    assert "ports" not in body
    variable = name.replace("-", "_").upper() + "_HOST"
    assert SERVICES["aggregator"]["environment"][variable] == f"{name}:{port}"


def test_only_the_channel_is_shown_and_only_on_this_machine():
    published = {name: body["ports"] for name, body in SERVICES.items() if "ports" in body}
    assert published == {"sandbox": ["127.0.0.1:8090:8090"]}


def test_the_token_comes_by_file_and_only_to_the_notifier():
    assert {name for name, body in SERVICES.items() if body.get("secrets")} == {"telegram-notifier"}
    environment = SERVICES["telegram-notifier"]["environment"]
    assert environment["TRACKER__TELEGRAM__TOKEN_FILE"] == "/run/secrets/telegram_token"
    assert "TRACKER__TELEGRAM__TOKEN" not in environment
    assert list(compose()["secrets"]) == ["telegram_token"]


@pytest.mark.parametrize("profile", ["live", "sandbox"])
def test_compose_itself_accepts_the_file(profile):
    # It has the published schema of Compose files inside, and needs no engine for this.
    program = shutil.which("docker-compose")
    if program is None:
        missing = "docker-compose is not installed (Debian: apt-get install docker-compose)"
        if os.environ.get("TRACKER_TEST_REQUIRE") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    command = [program, "--file", str(ROOT / "docker-compose.yml"), "--profile", profile, "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - made above
    assert (done.returncode, done.stderr) == (0, "")
