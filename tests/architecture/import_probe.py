"""A folder and its packages in; on stdout, as JSON, what importing every module of them did to the world.

Run as a program in a process of its own: ``python -I -B import_probe.py ROOT PACKAGE...``. An act counts when a module
of these packages did it while it was being imported. What a library does while the library itself is being imported
(reading its own variables, building its font cache) is not ours to judge.
"""

import json
import logging
import os
import sys
import threading
from importlib import import_module
from pathlib import Path

WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto")
ACTS = (*NETWORK, "subprocess.Popen", "os.system", "os.mkdir", "os.rename", "os.remove", "sqlite3.connect")
# Variables that a library looks up whenever one of its classes or decorators is used; nothing of ours depends on them.
TOLERATED = {
    "PYDANTIC_DISABLE_PLUGINS",  # pydantic, at the definition of every model
    *("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"),  # click, which translates the texts of its options
}


def guilty_line(homes: tuple[str, ...]) -> str:
    """Where a file below `homes` does what is just happening; empty when it is a library being imported."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return ""
        if file.startswith(homes):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def watch(homes: tuple[str, ...], faults: list[str]) -> None:
    """From now on note every act, and let nobody reach the network."""

    def note(what: str) -> None:
        line = guilty_line(homes)
        if line and f"{line}: {what}" not in faults:
            faults.append(f"{line}: {what}")

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ACTS:
            note(event)
        elif event == "open" and int(arguments[2] or 0) & WRITE_FLAGS:
            note(f"writes {arguments[0]}")
        if event in NETWORK:
            raise PermissionError(f"no network at import: {event}")

    class Tripwire(type(os.environ)):
        """The environment, which notes who looks at it."""

        def __getitem__(self, key: str) -> str:
            if key not in TOLERATED:
                note(f"reads the environment ({key})")
            return super().__getitem__(key)

        def __iter__(self):
            note("reads the environment")
            return super().__iter__()

    tripwire = Tripwire.__new__(Tripwire)
    tripwire.__dict__.update(os.environ.__dict__)
    os.environ = tripwire  # noqa: B003 - on purpose: only the object is replaced, the environment stays
    start = threading.Thread.start
    threading.Thread.start = lambda thread: (note("starts a thread"), start(thread))[1]
    sys.addaudithook(hook)


def main(root: str, packages: list[str]) -> None:
    """Import every module and print what was noted."""
    sys.path.insert(0, root)
    faults: list[str] = []
    found = sorted(path.relative_to(root) for package in packages for path in Path(root, package).rglob("*.py"))
    watch(tuple(os.path.join(root, package, "") for package in packages), faults)  # noqa: PTH118 - frames hold text
    imported = 0
    for path in found:
        name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        try:
            module = import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            faults.append(f"{path}: cannot be imported: {type(error).__name__}: {error}")
            continue
        if not str(module.__file__).startswith(root + os.sep):
            faults.append(f"{path}: {module.__file__} was imported in its place")
        imported += 1
    if logging.getLogger().handlers:
        faults.append("a module configures the root logger")
    print(json.dumps({"imported": imported, "faults": [fault.removeprefix(root + os.sep) for fault in faults]}))  # noqa: T201 - this is the program's output


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
