"""The health page tells probes and people the truth."""

import aiohttp
import pytest

from shared.errors import ConfigurationError
from shared.runtime import metrics
from shared.runtime.page import Page
from shared.runtime.service import Health, HealthStatus


async def fetch(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("states", "overall", "ready"),
    [
        ([HealthStatus.OK, HealthStatus.OK], "ok", 200),
        ([HealthStatus.OK, HealthStatus.STARTING], "starting", 503),
        ([HealthStatus.DEGRADED, HealthStatus.STARTING], "degraded", 503),
    ],
)
async def test_health_is_the_worst_of_all_services_and_ready_only_when_all_are_ok(states, overall, ready):
    metrics.FEED_CONNECTED.labels("somewhere").set(1)
    page = Page(lambda: {str(n): Health(state, "why", {"lag": 4}) for n, state in enumerate(states)}, "127.0.0.1", 0)
    address = await page.start()
    try:
        status, body = await fetch(f"{address}/health")
        assert status == 200
        assert f'"status": "{overall}"' in body
        assert '"lag": 4' in body
        assert (await fetch(f"{address}/ready"))[0] == ready
        assert "tracker_ingestor_feed_connected" in (await fetch(f"{address}/metrics"))[1]
    finally:
        await page.stop()


async def test_a_port_in_use_is_named_with_its_cure():
    first = Page(dict, "127.0.0.1", 0)
    port = int((await first.start()).rsplit(":", 1)[1])
    try:
        with pytest.raises(ConfigurationError, match=rf"cannot listen on 127.0.0.1:{port}.*choose another port"):
            await Page(dict, "127.0.0.1", port).start()
    finally:
        await first.stop()
