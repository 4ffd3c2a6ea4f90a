"""``tracker emulators``: every service as a process of its own, on Google's emulators and Redis."""

import asyncio
import signal
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import click

from services.cli.parts import local_cloud
from services.cli.parts.household import Household
from services.cli.parts.output import json_option, read_settings, show
from services.cli.parts.processes import Processes
from services.cli.parts.reader import Reader
from services.cli.parts.stage import (
    CHAT,
    MARKET_START,
    PRESSES,
    TOKEN,
    clock_alarm,
    halt_after,
    hole_patience,
    lateness,
    stale_after,
)
from services.cli.parts.tally import Span, Summary, Tally
from services.wiring import ALL, SERVICES, Wiring
from shared.adapters.clock.system import SystemClock
from shared.domain.timeframe import Timeframe
from shared.errors import InvalidInput, Unavailable
from shared.runtime import log

_FOREGROUND = "telegram_notifier"
_LEAD_MILLIS = 25_000  # until the market opens: every process is up by then, and the history filled


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run; see the options."""

    sandbox: bool
    minutes: int | None
    speed: float
    seed: int
    kills: int
    port: int

    @property
    def end(self) -> int | None:
        """Market time of the end, ms UTC."""
        return None if self.minutes is None else MARKET_START + self.minutes * Timeframe.M1.millis


@click.command(epilog="Example: tracker emulators --sandbox --minutes 240 --json")
@click.option("--sandbox", is_flag=True, help="Against the local exchange and chat service instead of the real ones.")
@click.option("--minutes", type=click.IntRange(1, 100_000), help="With --sandbox: end after this market time.")
@click.option("--speed", type=click.FloatRange(0.1, 300), default=60.0, show_default=True, help="Of the sandbox.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the sandbox's market.")
@click.option(
    "--kills",
    type=click.IntRange(0, 1_000),
    default=0,
    show_default=True,
    help="SIGKILLs of random services meanwhile.",
)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="Of the channel page.")
@json_option
def emulators(
    *, sandbox: bool, minutes: int | None, speed: float, seed: int, kills: int, port: int, as_json: bool
) -> None:
    """Run each service as its own process on the Pub/Sub and Bigtable emulators and Redis.

    What is not running yet is started (gcloud or docker, redis-server) and ended again with the services on Ctrl-C.
    Each process logs to var/log; the notifier is in the foreground.
    """
    if minutes and not sandbox:
        raise InvalidInput("--minutes needs --sandbox: the real market does not end")
    if kills and not minutes:
        raise InvalidInput("--kills needs --minutes: they are spread over that time")
    log.configure("WARNING", json=False, secrets=())
    summary = asyncio.run(_run(Plan(sandbox, minutes, speed, seed, kills, port)))
    if summary is not None:
        counts = asdict(summary)
        show(counts, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in counts.items()))


async def _run(plan: Plan) -> Summary | None:
    main = asyncio.current_task()
    if main is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    started = SystemClock().monotonic()
    async with Processes(Path("var") / "log") as processes:
        environment = await local_cloud.start(processes)
        if plan.sandbox:
            environment |= _sandbox_environment(plan)
        household = Household(processes, environment, _FOREGROUND)
        await household.bootstrap()
        await household.start(ALL if plan.sandbox else SERVICES)
        ended = asyncio.create_task(processes.wait_for_end(), name="ended")
        finish = asyncio.create_task(_finish(plan, environment, household, started), name="finish")
        kills = asyncio.create_task(_kill(household, plan), name="kills")
        try:
            await asyncio.wait([ended, finish], return_when=asyncio.FIRST_COMPLETED)
            if kills.done():
                kills.result()  # raises what kept it from killing: then nothing was proven
            if finish.done():
                return finish.result()
            raise Unavailable(f"{ended.result()} ended by itself; see {processes.log_of(ended.result())}")
        finally:
            for task in (ended, finish, kills):
                task.cancel()
            await asyncio.gather(ended, finish, kills, return_exceptions=True)


async def _kill(household: Household, plan: Plan) -> None:
    """Kill a service at random and start it again, as often as planned, evenly spread over the market's time."""
    if plan.minutes is None or not plan.kills:
        return
    real, choice = SystemClock(), Random(plan.seed)  # noqa: S311 - which one dies is no secret
    pause = int(plan.minutes * Timeframe.M1.millis / plan.speed / (plan.kills + 1))
    await real.sleep(_LEAD_MILLIS)
    for _ in range(plan.kills):
        await real.sleep(pause)
        await household.kill(choice.choice(SERVICES))


async def _finish(plan: Plan, environment: dict[str, str], household: Household, started: float) -> Summary | None:
    """Wait for the end of the plan, and count; for ever when it has no end."""
    if plan.end is None:
        await asyncio.Event().wait()
        return None
    wiring = Wiring(read_settings(None, None, environment))
    try:
        tally = Tally(wiring, CHAT, Span(MARKET_START, plan.end))
        async with Reader(household.page_url, PRESSES) as reader:
            await tally.wait(wiring.clock, reader)
            return await tally.count(await reader.counters(), SystemClock().monotonic() - started)
    finally:
        await wiring.close()


def _sandbox_environment(plan: Plan) -> dict[str, str]:
    """Settings that lead the services to the sandbox, on a clock that all of them share."""
    port = plan.port or local_cloud.free_port()
    halt = halt_after(plan.end)
    run = f"sandbox-{uuid.uuid4().hex[:8]}"
    return {
        **({} if halt is None else {"TRACKER__SCALED__CLOSING": str(plan.end), "TRACKER__SCALED__HALT": str(halt)}),
        # Every run finds emulators and Redis as if they were new.
        "TRACKER__PUBSUB_BUS__PROJECT": run,
        "TRACKER__BIGTABLE_STORE__TABLE_PREFIX": f"{run}-",
        "TRACKER__REDIS_STORE__PREFIX": run,
        "TRACKER__CLOCK": "scaled",
        "TRACKER__SCALED__MARKET_START": str(MARKET_START),
        "TRACKER__SCALED__WALL_START": str(SystemClock().now() + _LEAD_MILLIS),
        "TRACKER__SCALED__SPEED": str(plan.speed),
        "TRACKER__SANDBOX__PORT": str(port),
        "TRACKER__SANDBOX__SEED": str(plan.seed),
        "TRACKER__SANDBOX__MINUTES": str(plan.minutes or 0),
        "TRACKER__BYBIT__REST_URL": f"http://127.0.0.1:{port}",
        "TRACKER__KRAKEN__REST_URL": f"http://127.0.0.1:{port}",
        "TRACKER__BYBIT__WS_URL": f"ws://127.0.0.1:{port}",
        "TRACKER__TELEGRAM__TOKEN": TOKEN,
        "TRACKER__TELEGRAM__BASE_URL": f"http://127.0.0.1:{port}/bot",
        "TRACKER__TELEGRAM_NOTIFIER__CHATS": CHAT,
        # Market time runs fast, healing an incomplete minute takes real time.
        "TRACKER__LOGIC_ENGINE__HOLE_PATIENCE": str(hole_patience(plan.speed)),
        **{f"TRACKER__TELEGRAM_NOTIFIER__{name.upper()}": str(ms) for name, ms in lateness(plan.speed).items()},
        "TRACKER__LOGIC_ENGINE__STALE_AFTER": str(stale_after(plan.speed)),
        # A pack of 100 market milliseconds would hold next to nothing.
        "TRACKER__INGESTOR__PACK_MILLIS": "1000",
        "TRACKER__INGESTOR__CLOCK_ALARM": str(clock_alarm(plan.speed)),
    }
