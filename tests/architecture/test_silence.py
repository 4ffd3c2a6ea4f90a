"""Every module in, what its import does to the world out: nothing (law 9)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.architecture.house import CODE, ROOT, plant

PROBE = Path(__file__).with_name("import_probe.py")


def probe(root: Path, cwd: Path, *packages: str) -> dict[str, Any]:
    """Import every module of the packages in one process with an empty environment."""
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-B", str(PROBE), str(root.resolve()), *packages],
        cwd=cwd,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_importing_any_module_does_nothing(tmp_path):
    result = probe(ROOT, tmp_path, *CODE)
    assert result["faults"] == []
    assert result["imported"] == sum(1 for name in CODE for _ in (ROOT / name).rglob("*.py"))
    assert list(tmp_path.iterdir()) == []


def test_what_happens_at_import_is_found(tmp_path):
    plant(
        tmp_path,
        {
            "bad/__init__.py": "",
            "bad/broken.py": "import no_such_package\n",
            "bad/curious.py": "import os\nHOME = os.environ.get('HOME')\n",
            "bad/getenv.py": "import os\nHOME = os.getenv('HOME')\n",
            "bad/logs.py": "import logging\nlogging.basicConfig()\n",
            "bad/online.py": "import socket\ntry:\n    socket.socket().connect(('127.0.0.1', 9))\n"
            "except PermissionError:\n    pass\n",
            "bad/quiet.py": "import os\n\ndef home():\n    return os.environ['HOME']\n",
            "bad/threads.py": "import threading\nthreading.Thread(target=int, daemon=True).start()\n",
            "bad/writes.py": "with open('out.txt', 'w') as file:\n    file.write('x')\n",
        },
    )
    assert probe(tmp_path, tmp_path, "bad") == {
        "imported": 8,
        "faults": [
            "bad/broken.py: cannot be imported: ModuleNotFoundError: No module named 'no_such_package'",
            "bad/curious.py:2: reads the environment (HOME)",
            "bad/getenv.py:2: reads the environment (HOME)",
            "bad/online.py:3: socket.connect",
            "bad/threads.py:2: starts a thread",
            "bad/writes.py:1: writes out.txt",
            "a module configures the root logger",
        ],
    }
