"""Nothing in, the address of a real Redis out: one for the whole test session, ended with it."""

import atexit
import shutil
import subprocess
import tempfile
from functools import cache

from tests.adapters.contract.bigtable_emulator import absent, end_group, free_port, wait_for_port


class RedisServer:
    """The server as a process in a group of its own, with nothing on disk. `stop` and `start` at the same address."""

    def __init__(self, binary: str, password: str = "") -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"redis://:{password}@{self.address}/0" if password else f"redis://{self.address}/0"
        self._folder = tempfile.TemporaryDirectory()
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", self._folder.name]
        self._command = [binary, *options, *(["--requirepass", password] if password else [])]
        self._process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Return when it listens."""
        self._process = subprocess.Popen(  # noqa: S603 - the command is made above
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_for_port(self.port, self._process, "redis-server")

    def stop(self) -> None:
        """End it as SIGKILL does."""
        process, self._process = self._process, None
        if process is not None:
            end_group(process)

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        self._folder.cleanup()


def start(password: str = "") -> RedisServer:
    """A new server; skips where there is none."""
    binary = shutil.which("redis-server")
    if not binary:
        absent("redis-server", "install Debian's package redis-server")
    return RedisServer(binary, password)


@cache
def session() -> RedisServer:
    """The server that all tests share, each with a prefix of its own; it ends with the test process."""
    server = start()
    atexit.register(server.close)
    return server
