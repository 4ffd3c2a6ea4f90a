"""The health of a process as a web page: ``/health`` and ``/ready`` for probes, ``/metrics`` for Prometheus."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.errors import ConfigurationError
from shared.runtime.service import Health, HealthStatus

logger = logging.getLogger(__name__)

HealthSource = Callable[[], Mapping[str, Health]]


class Page:
    """Serves the health of the services that run in this process.

    ``/health`` answers 200 while the process can work or mend itself, with ``status`` ``ok``, ``starting`` or
    ``degraded`` and one entry per service; ``/ready`` answers 503 until every service is ok.
    """

    def __init__(self, health: HealthSource, host: str, port: int) -> None:
        self._health = health
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns the address, ``http://127.0.0.1:8080``.

        Raises:
            ConfigurationError: The address cannot be listened on.
        """
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._overview),
                web.get("/health", self._overview),
                web.get("/ready", self._ready),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"page.port: cannot listen on {self._host}:{self._port} ({error.strerror}); choose another port or 0"
            ) from None
        port = self._runner.addresses[0][1]
        return f"http://{self._host}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _overview(self, _: web.Request) -> web.Response:
        return web.json_response(_report(self._health()))

    async def _ready(self, _: web.Request) -> web.Response:
        report = _report(self._health())
        return web.json_response(report, status=200 if report["status"] == HealthStatus.OK else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _report(services: Mapping[str, Health]) -> dict[str, object]:
    order = list(HealthStatus)
    worst = max((health.status for health in services.values()), key=order.index, default=HealthStatus.OK)
    return {"status": worst, "services": {name: asdict(health) for name, health in services.items()}}
