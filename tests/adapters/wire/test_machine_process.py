"""Who is gone, as the machine knows it."""

import subprocess
import sys

import pytest

from shared.adapters.wire.machine_process import is_gone, own_name

SAY_NAME = "from shared.adapters.wire.machine_process import own_name; print(own_name())"


def name_of_a_dead_process() -> str:
    """A process says its name and ends."""
    run = subprocess.run([sys.executable, "-c", SAY_NAME], capture_output=True, text=True, check=True)  # noqa: S603
    return run.stdout.strip()


def test_a_living_process_is_not_gone():
    assert not is_gone(own_name())


def test_a_dead_process_is_gone():
    assert is_gone(name_of_a_dead_process())


def test_another_namespace_is_none_of_our_business():
    _, _, rest = name_of_a_dead_process().partition("-")
    assert not is_gone(f"1-{rest}")


@pytest.mark.parametrize("name", ["", "somebody", "1-2", f"{10**30}-{10**30}-x"])
def test_a_name_that_is_none_of_ours_is_never_gone(name):
    assert not is_gone(name)


def test_no_two_names_are_equal():
    assert own_name() != own_name()
