"""The sources that machine code is made of in, the folder where that machine code is kept between processes out.

numba keeps machine code per function and looks at that function's own file alone: it would not notice that something
the function *calls*, in another file, has changed. So every state of the sources has a folder of its own, named by a
digest over all of them: one changed line anywhere below the backtest, and everything is compiled anew.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_SHARED = Path(__file__).parents[1]
_FLOORS = ("domain", "indicators", "strategies", "engine", "backtest")


@contextmanager
def in_use(numba: Any, *, wanted: bool) -> Iterator[bool]:
    """Within it numba keeps what it compiles in our folder; gives whether it may: not where nothing can be written.

    Args:
        numba: The module.
        wanted: Whether the sources are among those the folder is named after.
    """
    place = folder() if wanted else None
    if place is None:
        yield False
        return
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(place)
    try:
        yield True
    finally:
        numba.config.CACHE_DIR = before


@cache
def folder() -> Path | None:
    """The folder for the sources as they are now, made if need be; None where that is not possible.

    It is below ``NUMBA_CACHE_DIR`` if that is set, else below ``XDG_CACHE_HOME`` (by default ``~/.cache``).
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "crypto-signal-tracker" / "numba"
    place = Path(os.environ.get("NUMBA_CACHE_DIR") or home) / digest(_SHARED)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return place if os.access(place, os.W_OK) else None


def digest(shared: Path) -> str:
    """Changes with any source file of the floors from which functions are compiled.

    Args:
        shared: The folder of these floors.
    """
    whole = hashlib.sha256()
    for path in sorted(path for floor in _FLOORS for path in (shared / floor).glob("*.py")):
        content = path.read_bytes()
        whole.update(f"{path.relative_to(shared)} {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()[:20]
