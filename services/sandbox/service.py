"""Composes the sandbox: a clock and a market in; a local Bybit, Kraken and Telegram and a page for people out.

Its faults are switched by ``POST /sandbox/faults``; `controls` lists this and the other addresses for tests.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from aiohttp import web

from services.sandbox.album import Album
from services.sandbox.bybit_rest import BybitRest
from services.sandbox.bybit_ws import BybitSocket
from services.sandbox.channel import Channel
from services.sandbox.client_line import SharedLine
from services.sandbox.controls import Controls
from services.sandbox.faults import FaultBoard
from services.sandbox.kraken_rest import KrakenRest
from services.sandbox.market import Market
from services.sandbox.page import Page
from services.sandbox.stream import LiveStream
from services.sandbox.telegram_api import TelegramApi, bot_of
from services.sandbox.telegram_methods import TelegramMethods
from services.sandbox.telegram_request import LARGEST_BODY
from services.sandbox.updates import Updates
from shared.errors import ConfigurationError
from shared.ports import Clock
from shared.runtime.service import Health, HealthStatus

_SHUTDOWN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the sandbox listens.

    Attributes:
        rest_url: Instead of ``https://api.bybit.com`` and of ``https://api.kraken.com``.
        ws_url: Instead of ``wss://stream.bybit.com``; ``/v5/public/linear`` follows it.
        telegram_base_url: Instead of ``https://api.telegram.org/bot``; the token follows it.
        page_url: The channel, for people.
        port: The bound port.
    """

    rest_url: str
    ws_url: str
    telegram_base_url: str
    page_url: str
    port: int


@dataclass(frozen=True, slots=True)
class Counters:
    """What has passed: trades sent over websockets, messages posted (pictures among them), edits, pictures."""

    trades: int
    messages: int
    edits: int
    pictures: int


class SandboxService:
    """The outside world on one port of this machine."""

    name = "sandbox"

    def __init__(
        self,
        *,
        app: web.Application,
        host: str,
        port: int,
        stream: LiveStream,
        channel: Channel,
        socket: BybitSocket,
        faults: FaultBoard,
    ) -> None:
        self.faults = faults
        self._app = app
        self._host = host
        self._port = port
        self._stream = stream
        self._channel = channel
        self._socket = socket
        self._addresses: Addresses | None = None
        self._settled = asyncio.Event()
        self._failure: ConfigurationError | None = None

    async def started(self) -> Addresses:
        """Wait until the port is bound.

        Raises:
            ConfigurationError: It cannot be bound.
        """
        await self._settled.wait()
        if self._addresses is None:
            raise self._failure or ConfigurationError("the sandbox was stopped before it listened")
        return self._addresses

    def open(self) -> None:
        """Open the market if it waits for a client."""
        self._stream.open()

    @property
    def counters(self) -> Counters:
        """What has passed so far."""
        return _counters(self._channel, self._socket)

    def health(self) -> Health:
        """Whether it listens, and what has passed."""
        counters = self.counters
        facts: dict[str, int | float | str] = {
            "connections": self._socket.connections,
            "market_time": self._stream.now(),
            "trades_sent": counters.trades,
            "messages": counters.messages,
        }
        if self._addresses is None:
            return Health(HealthStatus.STARTING, "the port is not bound yet", facts)
        return Health(HealthStatus.OK, facts=facts)

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            ConfigurationError: The port cannot be bound.
        """
        runner = web.AppRunner(
            self._app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, handler_cancellation=True
        )
        try:
            await runner.setup()
            self._addresses = await self._bind(runner)
            self._settled.set()
            await self._stream.run()
        finally:
            self._settled.set()
            await runner.cleanup()

    async def _bind(self, runner: web.AppRunner) -> Addresses:
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            self._failure = ConfigurationError(
                f"the sandbox cannot listen on {self._host}:{self._port} ({error.strerror}); choose another port"
            )
            raise self._failure from error
        port = runner.addresses[0][1]
        place = f"[{self._host}]:{port}" if ":" in self._host else f"{self._host}:{port}"
        return Addresses(f"http://{place}", f"ws://{place}", f"http://{place}/bot", f"http://{place}/", port)


def create(
    *,
    clock: Clock,
    market: Market,
    token: str,
    chat: str,
    host: str = "127.0.0.1",
    port: int = 0,
    title: str = "Crypto Signals",
    speed: float = 1.0,
    end: int | None = None,
    wait_for_client: bool = False,
    on_first_subscription: Callable[[], None] | None = None,
    operations_chat: str = "@sandbox_operations",
    seed: int = 0,
) -> SandboxService:
    """Build the sandbox.

    Args:
        clock: Market time; everything but the patience of people (long polls, rate limits) runs by it.
        market: Where trades come from.
        token: The bot's token: ``<digits>:<anything>``.
        chat: The channel: ``-100...`` or ``@name``.
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        title: The channel's name.
        speed: Market milliseconds per millisecond of the machine: shown, and how often trades are handed over.
        end: No trades at or after this time, ms UTC; pings are still answered.
        wait_for_client: The market opens with the first subscription (see `LiveStream`).
        on_first_subscription: Called once, when the first topic is confirmed: the place to set the clock going.
        operations_chat: A second chat, for messages that are forwarded; the page does not show it.
        seed: Of what faults leave to chance.

    Raises:
        ConfigurationError: The token or a chat has a form that Telegram does not know, or both chats are the same.
    """
    _check_names(token, chat, operations_chat)
    stream = LiveStream(
        clock,
        market,
        speed=speed,
        end=end,
        wait_for_client=wait_for_client,
        on_first_subscription=on_first_subscription,
    )
    faults = FaultBoard(clock, seed)
    socket = BybitSocket(market, stream, SharedLine(clock, faults, seed))
    channel, operations = Channel(clock, chat, title), Channel(clock, operations_chat, "Operations", number=2)
    app = web.Application(client_max_size=LARGEST_BODY)
    status = _status(stream, speed, channel, socket)
    venues: tuple[_Part, ...] = (BybitRest(clock, market, stream, faults), KrakenRest(market, stream, faults), socket)
    people = _telegram(clock=clock, channels=(channel, operations), socket=socket, token=token, status=status)
    for part in (*venues, *people):
        app.add_routes(part.routes())
    return SandboxService(app=app, host=host, port=port, stream=stream, channel=channel, socket=socket, faults=faults)


class _Part(Protocol):
    """What answers some of the addresses."""

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        ...


def _telegram(
    *,
    clock: Clock,
    channels: tuple[Channel, Channel],
    socket: BybitSocket,
    token: str,
    status: Callable[[], dict[str, Any]],
) -> tuple[_Part, ...]:
    """The bot's side of the channels, the page of the first one, and the controls."""
    album, updates, faults = Album(), Updates(clock), socket.line.faults
    methods = TelegramMethods(channels, album, updates, bot_of(token))
    api = TelegramApi(clock=clock, methods=methods, faults=faults, token=token)
    page = Page(channel=channels[0], album=album, updates=updates, status=status)
    controls = Controls(channel=channels[0], api=api, socket=socket, faults=faults, status=status)
    return api, page, controls


def _check_names(token: str, *chats: str) -> None:
    if ":" not in token:
        raise ConfigurationError("the sandbox token must have the form <digits>:<letters>")
    for chat in chats:
        if not chat.startswith("@") and not chat.removeprefix("-").isdecimal():
            raise ConfigurationError(f"the sandbox chat {chat!r} must be a number (-100...) or @name")
    if len(set(chats)) < len(chats):
        raise ConfigurationError(f"the sandbox needs two different chats, got {chats[0]!r} twice")


def _counters(channel: Channel, socket: BybitSocket) -> Counters:
    return Counters(socket.trades_sent, channel.sent, channel.edited, channel.photographed)


def _status(stream: LiveStream, speed: float, channel: Channel, socket: BybitSocket) -> Callable[[], dict[str, Any]]:
    """What the page's header shows, and what has passed."""
    return lambda: {
        "time": stream.now(),
        "speed": speed,
        "open": stream.is_open,
        "counters": asdict(_counters(channel, socket)),
    }
