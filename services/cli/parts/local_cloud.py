"""Programs of this machine in, a local stand-in for the cloud out: Google's emulators, Redis, and their addresses."""

import os
import shutil
import socket
from collections.abc import Sequence

from services.cli.parts.processes import Processes
from shared.errors import ConfigurationError

PROJECT = "local"
_REDIS_PORT = 6379
_EMULATORS_IMAGE = "gcr.io/google.com/cloudsdktool/google-cloud-cli:583.0.0-emulators"
_REDIS_IMAGE = "redis:7-alpine"
_HOST = "127.0.0.1"


async def start(processes: Processes) -> dict[str, str]:
    """Start what is not running yet; returns the environment that leads the services there.

    Raises:
        ConfigurationError: A program is missing; names the cure.
        Unavailable: One of them does not come up; names its log.
    """
    pubsub = await _emulator(processes, "pubsub", "PUBSUB_EMULATOR_HOST")
    bigtable = await _emulator(processes, "bigtable", "BIGTABLE_EMULATOR_HOST")
    return {
        "TRACKER__BUS": "pubsub",
        "TRACKER__STORE": "bigtable",
        "TRACKER__OUTBOX": "redis",
        "TRACKER__PUBSUB_BUS__PROJECT": PROJECT,
        "TRACKER__PUBSUB_BUS__EMULATOR_HOST": pubsub,
        "TRACKER__BIGTABLE_STORE__PROJECT": PROJECT,
        "TRACKER__BIGTABLE_STORE__EMULATOR_HOST": bigtable,
        "TRACKER__REDIS_STORE__URL": await _redis(processes),
    }


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def _emulator(processes: Processes, kind: str, variable: str) -> str:
    """Address of an emulator: the one the environment names, or one that is started."""
    if given := os.environ.get(variable):
        return given
    port = free_port()
    gcloud = ["beta", "emulators", kind, "start", "--quiet", f"--project={PROJECT}"]
    if shutil.which("gcloud"):
        command = ["gcloud", *gcloud, f"--host-port={_HOST}:{port}"]
    elif shutil.which("docker"):
        command = [*_docker(port, port), _EMULATORS_IMAGE, "gcloud", *gcloud, f"--host-port=0.0.0.0:{port}"]
    else:
        raise ConfigurationError(
            f"the {kind} emulator needs gcloud (https://cloud.google.com/sdk, then: gcloud components install beta "
            f"{kind}-emulator) or docker; or start one yourself and set {variable}"
        )
    name = f"{kind}-emulator"
    await processes.start(name, command, {})
    await processes.listening(name, port)
    return f"{_HOST}:{port}"


async def _redis(processes: Processes) -> str:
    if given := os.environ.get("TRACKER__REDIS_STORE__URL"):
        return given
    if _listens(_REDIS_PORT):
        return f"redis://{_HOST}:{_REDIS_PORT}/0"
    port = free_port()
    if shutil.which("redis-server"):
        command = ["redis-server", "--port", str(port), "--bind", _HOST, "--save", "", "--appendonly", "no"]
    elif shutil.which("docker"):
        command = [*_docker(port, _REDIS_PORT), _REDIS_IMAGE]
    else:
        raise ConfigurationError(
            "Redis is missing: install it (Debian: apt-get install redis-server), install docker, or name a server: "
            "TRACKER__REDIS_STORE__URL=redis://host:6379/0"
        )
    await processes.start("redis", command, {})
    await processes.listening("redis", port)
    return f"redis://{_HOST}:{port}/0"


def _docker(outside: int, inside: int) -> Sequence[str]:
    return ["docker", "run", "--rm", "-p", f"{_HOST}:{outside}:{inside}"]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((_HOST, port)) == 0
