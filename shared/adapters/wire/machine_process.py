"""The name a process writes beside what it holds in a file of this machine in, whether that process is gone out.

What a dead process held need not wait for its lease: the machine itself knows who lives. Names say in which process
namespace they count, so that containers which share a file are never taken for dead by each other.
"""

import os
import secrets
from pathlib import Path


def own_name() -> str:
    """A name for one holder in this process, different at each call."""
    return f"{_namespace()}-{os.getpid()}-{secrets.token_hex(6)}"


def is_gone(name: str) -> bool:
    """Whether the process that gave itself this name is certainly no more; False where that cannot be known."""
    namespace, _, rest = name.partition("-")
    pid = rest.partition("-")[0]
    if os.name != "posix" or namespace != _namespace() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)  # asks, and does nothing
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _namespace() -> str:
    """Number of the process namespace; 0 on systems without them."""
    try:
        return Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return "0"
