"""Services keep running, fail visibly, and end when asked."""

import asyncio

import pytest

from shared.adapters.clock.manual import ManualClock
from shared.errors import ConfigurationError, InvariantViolation
from shared.runtime.host import Host
from shared.runtime.service import Health, HealthStatus


class Scripted:
    """A service that does, at each start, the next thing of its script; then it works until cancelled."""

    def __init__(self, name, *script):
        self.name = name
        self.script = list(script)
        self.starts = 0
        self.drained = False
        self.working = asyncio.Event()

    async def run(self):
        self.starts += 1
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, BaseException):
                raise step
            return
        self.working.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.drained = True

    def health(self):
        return Health(HealthStatus.OK)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_service_that_fails_is_degraded_with_the_reason_and_started_again():
    clock, service = ManualClock(), Scripted("a", RuntimeError("socket gone"), None)
    host = Host([service], clock)
    running = asyncio.create_task(host.run())
    await settle()
    assert host.health()["a"].status is HealthStatus.DEGRADED
    assert "socket gone" in host.health()["a"].detail
    clock.advance_to(1_000)
    await settle()
    assert "ended although nobody asked" in host.health()["a"].detail
    clock.advance_to(3_000)
    await settle()
    assert (service.starts, host.health()["a"].status) == (3, HealthStatus.OK)
    host.stop()
    await running
    assert service.drained


async def test_one_failing_service_does_not_disturb_the_others():
    clock, calm, failing = ManualClock(), Scripted("calm"), Scripted("failing", *[RuntimeError("x")] * 3)
    host = Host([calm, failing], clock)
    running = asyncio.create_task(host.run())
    await calm.working.wait()
    for time in (1_000, 3_000, 7_000):
        await settle()
        clock.advance_to(time)
    await failing.working.wait()
    assert (calm.starts, failing.starts) == (1, 4)
    host.stop()
    await running


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("wrong"),
        InvariantViolation("impossible"),
        ExceptionGroup("two tasks", [ExceptionGroup("inner", [InvariantViolation("impossible")]), ValueError("x")]),
    ],
)
async def test_what_only_a_person_can_mend_ends_the_process_after_draining_the_rest(error):
    other = Scripted("other")
    with pytest.raises((ConfigurationError, InvariantViolation), match=r"wrong|impossible"):
        await Host([other, Scripted("broken", error)], ManualClock()).run()
    assert other.drained or other.starts == 0
