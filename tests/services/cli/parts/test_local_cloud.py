"""What is named is used as it is, what is missing is named with its cure, and only what is needed is started."""

import os
import shutil
import socket

import pytest
from redis.asyncio import Redis

from services.cli.parts import local_cloud
from services.cli.parts.processes import Processes
from shared.errors import ConfigurationError
from tests.adapters.contract.bigtable_emulator import absent

PATH = os.environ["PATH"]
VARIABLES = ("PUBSUB_EMULATOR_HOST", "BIGTABLE_EMULATOR_HOST", "TRACKER__REDIS_STORE__URL")
GIVEN = ("bus.example:8085", "tables.example:8086", "redis://keys.example:6379/3")


class NothingStarts(Processes):
    """Notes what it is asked to start, and starts nothing; whatever listens, listens."""

    def __init__(self, log_dir):
        super().__init__(log_dir)
        self.commands = {}

    async def start(self, name, command, environment, *, shown=False):
        del environment, shown
        self.commands[name] = list(command)

    async def listening(self, name, port):
        assert f":{port}" in " ".join(self.commands[name]) or str(port) in self.commands[name]


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path, monkeypatch):
    """No variable is set, no program is found, and no Redis listens where one usually does."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(local_cloud, "_REDIS_PORT", local_cloud.free_port())


@pytest.fixture
def given(monkeypatch):
    """All three addresses are in the environment; returns how to take one out again."""
    for variable, value in zip(VARIABLES, GIVEN, strict=True):
        monkeypatch.setenv(variable, value)
    return monkeypatch.delenv


@pytest.fixture
def processes(tmp_path):
    return NothingStarts(tmp_path / "log")


@pytest.fixture
def install(tmp_path):
    """Put a program of that name on the path."""

    def put(name):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o700)

    return put


@pytest.mark.usefixtures("given")
async def test_addresses_of_the_environment_are_used_as_they_are_and_nothing_is_started(processes):
    assert await local_cloud.start(processes) == {
        "TRACKER__BUS": "pubsub",
        "TRACKER__STORE": "bigtable",
        "TRACKER__OUTBOX": "redis",
        "TRACKER__PUBSUB_BUS__PROJECT": "local",
        "TRACKER__PUBSUB_BUS__EMULATOR_HOST": GIVEN[0],
        "TRACKER__BIGTABLE_STORE__PROJECT": "local",
        "TRACKER__BIGTABLE_STORE__EMULATOR_HOST": GIVEN[1],
        "TRACKER__REDIS_STORE__URL": GIVEN[2],
    }
    assert processes.commands == {}


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("PUBSUB_EMULATOR_HOST", r"pubsub emulator needs gcloud.*install beta pubsub-emulator.* or docker"),
        ("BIGTABLE_EMULATOR_HOST", r"bigtable emulator needs gcloud.*install beta bigtable-emulator.* or docker"),
        ("TRACKER__REDIS_STORE__URL", r"Redis is missing.*apt-get install redis-server.*docker"),
    ],
)
async def test_what_can_neither_be_found_nor_started_is_named_with_its_cures(processes, given, variable, words):
    given(variable)
    with pytest.raises(ConfigurationError, match=rf"{words}.*{variable}"):
        await local_cloud.start(processes)
    assert processes.commands == {}


@pytest.mark.parametrize("kind", ["pubsub", "bigtable"])
async def test_an_emulator_is_started_by_gcloud_for_this_machine_alone(processes, given, install, kind):
    given(variable := f"{kind.upper()}_EMULATOR_HOST")
    install("gcloud")
    install("docker")  # gcloud is preferred
    address = (await local_cloud.start(processes))[f"TRACKER__{kind.upper()}_{_kind_of_adapter(kind)}__EMULATOR_HOST"]
    assert address.startswith("127.0.0.1:"), variable
    words = ["beta", "emulators", kind, "start", "--quiet", "--project=local", f"--host-port={address}"]
    assert processes.commands == {f"{kind}-emulator": ["gcloud", *words]}


@pytest.mark.parametrize("kind", ["pubsub", "bigtable"])
async def test_without_gcloud_an_emulator_is_a_container_that_only_this_machine_reaches(
    processes, given, install, kind
):
    given(f"{kind.upper()}_EMULATOR_HOST")
    install("docker")
    address = (await local_cloud.start(processes))[f"TRACKER__{kind.upper()}_{_kind_of_adapter(kind)}__EMULATOR_HOST"]
    port = address.rpartition(":")[2]
    (command,) = processes.commands.values()
    assert command[:5] == ["docker", "run", "--rm", "-p", f"127.0.0.1:{port}:{port}"]
    assert command[6:10] == ["gcloud", "beta", "emulators", kind]
    assert command[-1] == f"--host-port=0.0.0.0:{port}"


def _kind_of_adapter(kind):
    return {"pubsub": "BUS", "bigtable": "STORE"}[kind]


async def test_a_redis_that_listens_where_it_usually_does_is_used(processes, given):
    given("TRACKER__REDIS_STORE__URL")
    with socket.create_server(("127.0.0.1", local_cloud._REDIS_PORT)):
        environment = await local_cloud.start(processes)
    assert environment["TRACKER__REDIS_STORE__URL"] == f"redis://127.0.0.1:{local_cloud._REDIS_PORT}/0"
    assert processes.commands == {}


async def test_without_a_redis_server_it_is_a_container_at_a_free_port(processes, given, install):
    given("TRACKER__REDIS_STORE__URL")
    install("docker")
    url = (await local_cloud.start(processes))["TRACKER__REDIS_STORE__URL"]
    port = url.removeprefix("redis://127.0.0.1:").removesuffix("/0")
    ports = f"127.0.0.1:{port}:{local_cloud._REDIS_PORT}"
    assert processes.commands["redis"][:5] == ["docker", "run", "--rm", "-p", ports]


async def test_a_started_redis_answers_and_keeps_nothing_on_the_disk(tmp_path, given, monkeypatch):
    given("TRACKER__REDIS_STORE__URL")
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.chdir(tmp_path)
    if shutil.which("redis-server") is None:
        absent("redis-server", "install Debian's package redis-server")
    async with Processes(tmp_path / "log") as processes:
        url = (await local_cloud.start(processes))["TRACKER__REDIS_STORE__URL"]
        async with Redis.from_url(url) as client:
            assert await client.set("key", "value")
            assert await client.config_get("save", "appendonly", "bind") == {
                "save": "",
                "appendonly": "no",
                "bind": "127.0.0.1",
            }
    assert [path.name for path in tmp_path.rglob("*")] == ["log", "redis.log"]
