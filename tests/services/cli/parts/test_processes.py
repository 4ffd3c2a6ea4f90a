"""Real child processes in, none left out: what ends, in which order, and what is said about one that fails."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from services.cli.parts import processes as processes_module
from services.cli.parts.processes import Processes
from shared.errors import Unavailable

SLEEPER = ["sleep", "60"]
# A shell that starts a grandchild, and says so when it has.
PARENT = ["sh", "-c", "sleep 60 & echo $! >pid.new; mv pid.new pid; wait"]
STUBBORN = ["sh", "-c", "trap '' TERM; sleep 60 & echo $! >pid.new; mv pid.new pid; wait"]  # both of them
# Ends when it is asked to, while what it started does not.
CARELESS = ["sh", "-c", "(trap '' TERM; touch deaf; exec sleep 60) & echo $! >pid.new; mv pid.new pid; wait"]
LISTENER = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    listener.accept()
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def log_dir(tmp_path):
    return tmp_path / "deep" / "log"


@pytest.fixture
async def processes(log_dir):
    async with Processes(log_dir) as processes:
        yield processes


@pytest.fixture
def port():
    """A port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def appears(path):
    """Return when a child has made the file; a child cannot be waited for in any other way."""
    async with asyncio.timeout(10):
        while not os.access(path, os.F_OK):  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)


def read(path):
    return Path(path).read_text()


async def ends(pid):
    """Return when the process is no more, or only its exit code is still there to be fetched."""
    async with asyncio.timeout(3):
        while alive(pid):  # noqa: ASYNC110 - it is not a child of ours
            await asyncio.sleep(0.01)


def alive(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        if not Path("/proc/self/stat").exists():
            return True
        with contextlib.suppress(FileNotFoundError):  # it may go between the two looks
            return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


def kill_group(group):
    """Whatever a test has shown, it leaves nothing behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def pid_of(processes, name):
    return processes._running[name].pid


async def test_a_child_leads_a_group_of_its_own_which_the_terminal_does_not_interrupt(processes):
    await processes.start("one", SLEEPER, {})
    await processes.start("two", SLEEPER, {})
    one, two = pid_of(processes, "one"), pid_of(processes, "two")
    assert (os.getpgid(one), os.getpgid(two)) == (one, two)
    assert os.getsid(one) == one != os.getsid(0)


async def test_the_end_of_a_child_is_the_end_of_what_it_started(processes):
    await processes.start("shell", PARENT, {})
    await appears("pid")
    grandchild = int(read("pid"))
    assert alive(grandchild)
    await processes.end("shell")
    await ends(grandchild)


async def test_what_an_ended_child_left_running_ends_too(processes):
    await processes.start("launcher", ["sh", "-c", "sleep 60 & echo $! >pid"], {})
    assert await processes.wait_for_end() == "launcher"
    grandchild = int(read("pid"))
    assert alive(grandchild)
    await processes.end("launcher")
    await ends(grandchild)


async def test_a_child_is_asked_before_it_is_killed(processes):
    await processes.start("polite", ["sh", "-c", "trap 'echo good night; exit 0' TERM; touch up; sleep 60 & wait"], {})
    await appears("up")
    await processes.end("polite")
    assert processes.log_of("polite").read_text() == "good night\n"


async def test_one_that_does_not_listen_to_reason_is_killed_with_what_it_started(processes, monkeypatch):
    monkeypatch.setattr(processes_module, "_TERM_SECONDS", 0.1)
    await processes.start("stubborn", STUBBORN, {})
    await appears("pid")
    child, grandchild = processes._running["stubborn"], int(read("pid"))
    await processes.end("stubborn")
    assert child.returncode == -signal.SIGKILL
    await ends(grandchild)


async def test_what_ignores_the_end_of_its_parent_is_killed(processes, monkeypatch):
    monkeypatch.setattr(processes_module, "_TERM_SECONDS", 0.1)
    await processes.start("careless", CARELESS, {})
    await appears("deaf")
    await appears("pid")
    grandchild, group = int(read("pid")), pid_of(processes, "careless")
    await processes.end("careless")
    try:
        await ends(grandchild)
    finally:
        kill_group(group)


async def test_a_killed_child_has_no_time_to_say_anything_and_may_be_started_again(processes):
    command = ["sh", "-c", "trap 'echo good night; exit 0' TERM; echo up; touch $SIGN; sleep 60 & wait"]
    await processes.start("service", command, {"SIGN": "first"})
    await appears("first")
    first = processes._running["service"]
    processes.kill("service")
    await first.wait()
    assert first.returncode == -signal.SIGKILL
    await processes.start("service", command, {"SIGN": "second"})
    await appears("second")
    assert processes.log_of("service").read_text() == "up\nup\n"


async def test_each_child_has_a_log_of_both_its_outputs_and_the_given_environment(processes, log_dir):
    for name in ("one", "two"):
        await processes.start(name, ["sh", "-c", 'echo "$WORD"; echo "no $WORD" >&2'], {"WORD": f"word {name}"})
        await processes.succeeded(name)
    assert processes.log_of("one") == log_dir / "one.log"
    assert (log_dir / "one.log").read_text() == "word one\nno word one\n"
    assert (log_dir / "two.log").read_text() == "word two\nno word two\n"


async def test_one_that_is_shown_writes_to_our_stderr_alone(processes, log_dir, capfd):
    await processes.start("shown", ["sh", "-c", "echo out; echo err >&2"], {}, shown=True)
    await processes.succeeded("shown")
    assert capfd.readouterr() == ("", "out\nerr\n")
    assert not (log_dir / "shown.log").exists()


async def test_a_command_that_fails_is_named_with_its_exit_code(processes):
    await processes.start("bootstrap", ["sh", "-c", "exit 3"], {})
    with pytest.raises(Unavailable, match="bootstrap failed with exit code 3"):
        await processes.succeeded("bootstrap")


async def test_the_one_that_ends_by_itself_is_named(processes):
    await processes.start("steady", SLEEPER, {})
    await processes.start("brief", ["true"], {})
    await processes.start("killed", SLEEPER, {})
    processes.kill("killed")  # by us, so it is not news
    assert await processes.wait_for_end() == "brief"


async def test_a_child_that_listens_is_waited_for(processes, port):
    await processes.start("server", [sys.executable, "-c", LISTENER, str(port)], {})
    await processes.listening("server", port)
    await processes.succeeded("server")  # it took our connection and ended


async def test_a_child_that_dies_instead_of_listening_is_named_with_its_log(processes, port):
    await processes.start("emulator", ["sh", "-c", "echo no Java; exit 1"], {})
    with pytest.raises(
        Unavailable, match=rf"emulator does not listen on port {port}; see .*log/emulator\.log"
    ) as error:
        await processes.listening("emulator", port)
    assert read(str(error.value).partition("; see ")[2]) == "no Java\n"


async def test_a_child_that_never_listens_is_not_waited_for_for_ever(processes, port, monkeypatch):
    monkeypatch.setattr(processes_module, "_PORT_SECONDS", 0.1)
    await processes.start("mute", SLEEPER, {})
    with pytest.raises(Unavailable, match=rf"mute does not listen on port {port}; see .*mute\.log"):
        await processes.listening("mute", port)


async def test_all_end_in_reverse_order_even_after_an_error(log_dir):
    names = ("first", "second", "third")
    with pytest.raises(LookupError, match="trouble"):
        await fail_with(log_dir, names)
    assert read("ended").split() == ["third", "second", "first"]


async def fail_with(log_dir, names):
    async with Processes(log_dir) as processes:
        for name in names:
            command = f"trap 'echo {name} >>ended; exit 0' TERM; touch {name}; sleep 60 & wait"
            await processes.start(name, ["sh", "-c", command], {})
            await appears(name)
        raise LookupError("trouble")


async def test_one_that_has_already_ended_does_not_keep_the_others_from_ending(log_dir):
    async with Processes(log_dir) as processes:
        await processes.start("steady", SLEEPER, {})
        await processes.start("brief", ["true"], {})
        assert await processes.wait_for_end() == "brief"
        steady = processes._running["steady"]
    assert steady.returncode == -signal.SIGTERM


async def test_an_interrupted_wait_for_success_does_not_forget_the_child(log_dir):
    async with Processes(log_dir) as processes:
        await processes.start("bootstrap", SLEEPER, {})
        child = processes._running["bootstrap"]
        waiting = asyncio.create_task(processes.succeeded("bootstrap"))
        assert (await asyncio.wait([waiting], timeout=0.05))[0] == set()
        waiting.cancel()
        await asyncio.wait([waiting])
    left = alive(child.pid)
    kill_group(child.pid)
    await child.wait()
    assert not left


async def test_an_impatient_second_interrupt_leaves_nobody_behind(log_dir):
    children = []
    started = asyncio.Event()

    async def household():
        async with Processes(log_dir) as processes:
            await processes.start("steady", SLEEPER, {})
            await processes.start("stubborn", STUBBORN, {})
            await appears("pid")
            children.extend(processes._running.values())
            started.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(household())
    await started.wait()
    running.cancel()
    assert (await asyncio.wait([running], timeout=0.05))[0] == set()  # the stubborn one takes its time
    running.cancel()
    await asyncio.wait([running])
    try:
        for child in children:
            await ends(child.pid)
    finally:
        for child in children:
            kill_group(child.pid)
            await child.wait()
