"""Google's Pub/Sub emulator, as it comes with gcloud: started on a free port of this machine, and ended with us."""

import atexit
import hashlib
import os
import shutil
import signal
import socket
import subprocess
from functools import cache
from pathlib import Path

import grpc
import pytest

_START_SECONDS = 60


class Emulator:
    """One emulator in a process group of its own. It forgets everything when it ends."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._launcher = _launcher()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - a program of the SDK with a port we chose
            [self._launcher, "--host=127.0.0.1", f"--port={self.port}"],
            env=os.environ | {"JAVA_OPTS": "-Xmx256m"},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with grpc.insecure_channel(self.host) as channel:
            grpc.channel_ready_future(channel).result(timeout=_START_SECONDS)

    def stop(self) -> None:
        """End it as SIGKILL does; ending it twice does no harm."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@cache
def shared_host() -> str:
    """``host:port`` of the emulator that all tests of this process share: the one that PUBSUB_EMULATOR_HOST names, or
    our own, which ends with the process. Tests keep apart by their projects."""
    if named := os.environ.get("PUBSUB_EMULATOR_HOST"):
        return named
    emulator = Emulator()
    emulator.start()
    atexit.register(emulator.stop)
    return emulator.host


def project(folder: Path) -> str:
    """A project of its own for every folder."""
    return f"test-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def _launcher() -> Path:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        _give_up("gcloud is not installed: see https://cloud.google.com/sdk/docs/install")
    launcher = Path(gcloud).resolve().parents[1] / "platform/pubsub-emulator/bin/cloud-pubsub-emulator"
    if not launcher.exists():
        _give_up("gcloud has no Pub/Sub emulator: run 'gcloud components install pubsub-emulator'")
    if shutil.which("java") is None:
        _give_up("the Pub/Sub emulator needs Java, which is not installed")
    return launcher


def _give_up(why: str) -> None:
    if os.environ.get("TRACKER_TEST_REQUIRE") == "1":
        pytest.fail(f"the Pub/Sub emulator is required here, but {why}")
    pytest.skip(f"bus adapter 'pubsub' is not tested: {why}")
