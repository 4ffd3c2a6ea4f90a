"""What Terraform and Compose set, read by the platform itself: each service accepts it and has all that it needs."""

import re

import pytest

from services.wiring import Wiring
from shared.runtime import settings
from tests.infra.declared import CLOUD_SERVICES, IMAGES, INFRA, compose, hyphened

# What Terraform puts in, with values as they come out of it.
TERRAFORM = {
    "TRACKER__BUS": "pubsub",
    "TRACKER__STORE": "bigtable",
    "TRACKER__OUTBOX": "redis",
    "TRACKER__BIGTABLE_STORE__INSTANCE": "crypto-signals",
    "TRACKER__TELEGRAM_NOTIFIER__CHATS": "@my_channel,-1001234567890",
    "TRACKER__SYMBOLS": "BTCUSDT,ETHUSDT",
    "TRACKER__REDIS_STORE__URL": "redis://10.20.0.3:6379/0",
    "TRACKER__TELEGRAM__TOKEN_FILE": None,
    "TRACKER__REDIS_STORE__PASSWORD_FILE": None,
    "TRACKER__LOG__JSON_LINES": "true",
}
SECRET = "planted"


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Settings from an environment, every secret file of which exists; no file of the developer's is read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")

    def load(environment):
        return settings.load(
            None,
            {
                name: str(tmp_path / "secret") if name.endswith("_FILE") else str(value)
                for name, value in environment.items()
            },
        )

    return load


def test_terraform_sets_only_what_is_listed_here():
    used = {name for path in INFRA.glob("*.tf") for name in re.findall(r"\bTRACKER__\w+", path.read_text("utf-8"))}
    assert used == set(TERRAFORM)


@pytest.mark.parametrize("service", CLOUD_SERVICES)
def test_a_worker_pool_has_all_that_its_service_needs(read, service, monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    with_secrets = service == "telegram_notifier"
    loaded = read({name: value for name, value in TERRAFORM.items() if with_secrets or not name.endswith("_FILE")})
    Wiring(loaded).check([service])
    assert (SECRET in loaded.secrets()) == with_secrets


@pytest.mark.parametrize("service", CLOUD_SERVICES)
@pytest.mark.parametrize("prefix", ["", "sandbox-"])
def test_a_container_has_all_that_its_service_needs(read, service, prefix, monkeypatch):
    environment = compose()["services"][prefix + hyphened(service)]["environment"]
    for name, value in environment.items():
        if not name.startswith("TRACKER__"):
            monkeypatch.setenv(name, value)
    filled = {name: _filled(value) for name, value in environment.items() if name.startswith("TRACKER__")}
    if filled.get("TRACKER__TELEGRAM_NOTIFIER__CHATS") == "":
        filled["TRACKER__TELEGRAM_NOTIFIER__CHATS"] = "@my_channel"
    Wiring(read(filled)).check([service])


def test_the_sandbox_has_all_that_it_needs(read):
    environment = compose()["services"]["sandbox"]["environment"]
    loaded = read({name: _filled(value) for name, value in environment.items()})
    Wiring(loaded).check([IMAGES[-1]])
    assert (loaded.sandbox.host, loaded.sandbox.port) == ("0.0.0.0", 8090)  # noqa: S104 - in its container


def test_market_time_is_the_time_of_the_wall_unless_one_asks_for_more():
    environment = compose()["services"]["sandbox"]["environment"]
    values = {name.rpartition("__")[2]: _filled(value) for name, value in environment.items() if "SCALED" in name}
    assert values == {"MARKET_START": "0", "WALL_START": "0", "SPEED": "1"}


def test_everybody_in_the_sandbox_lives_in_the_same_time_and_trades_the_same_symbols():
    services = [body for body in compose()["services"].values() if body.get("profiles") == ["sandbox"]]
    shared = {
        tuple(value for name, value in sorted(body["environment"].items()) if re.search("CLOCK|SCALED|SYMBOLS", name))
        for body in services
    }
    assert len(services) == len(CLOUD_SERVICES) + 1
    assert len(shared) == 1


def _filled(value):
    """The value that Compose puts in where the variable is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
