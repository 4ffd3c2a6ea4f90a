import asyncio

import pytest

from services.sandbox.generated_market import GeneratedMarket
from services.sandbox.service import create
from shared.adapters.clock.manual import ManualClock
from shared.errors import ConfigurationError
from shared.runtime.service import HealthStatus
from tests.makers import START


def make(**options):
    market = GeneratedMarket(seed=7, start=START, history=1)
    return create(**{"clock": ManualClock(START), "market": market, "token": "1:x", "chat": "-1001234567890"} | options)


async def test_health_says_starting_and_then_ok():
    service = make()
    assert service.health().status is HealthStatus.STARTING
    task = asyncio.create_task(service.run())
    addresses = await service.started()
    assert service.health().status is HealthStatus.OK
    assert addresses.telegram_base_url == f"http://127.0.0.1:{addresses.port}/bot"
    task.cancel()
    assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError


async def test_a_port_in_use_is_a_configuration_error_for_whoever_waits():
    first = make()
    task = asyncio.create_task(first.run())
    port = (await first.started()).port
    second = make(port=port)
    with pytest.raises(ConfigurationError, match="choose another port"):
        await second.run()
    with pytest.raises(ConfigurationError, match=str(port)):
        await second.started()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "options",
    [
        {"token": "nocolon"},
        {"chat": "signals"},
        {"operations_chat": "signals"},
        {"chat": "@x", "operations_chat": "@x"},
    ],
)
def test_a_token_or_chat_of_the_wrong_form_is_refused(options):
    with pytest.raises(ConfigurationError):
        make(**options)
