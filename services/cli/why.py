"""``tracker why``: every gate of a candle with its value, threshold and verdict, from the stored candles."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from services.cli.parts.account_text import account_text, misses_text, plain_account, plain_miss, utc
from services.cli.parts.known_names import check_name
from services.cli.parts.output import json_option, read_settings, settings_option, show
from services.logic_engine.near_miss_log import COLLECTION
from services.logic_engine.strategy_loader import makers
from services.wiring import Wiring
from shared.adapters.wire.cells import parse_time
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.near_miss import NearMiss
from shared.domain.signal import Signal, SignalKind
from shared.engine.why_not import HISTORY, account, accounts, book_gates
from shared.errors import InvalidInput
from shared.messages.codec import from_json
from shared.ports import Store
from shared.runtime.settings import Settings
from shared.strategies.strategy import Strategy

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: a time (ms UTC; None for the newest candle), or the near misses of the last candles."""

    instrument: Instrument
    time: int | None
    last: int


@dataclass(frozen=True, slots=True)
class _Log:
    """What is on record of one strategy and symbol."""

    lines: list[Signal]
    refused: Mapping[int, NearMiss]

    def signal(self, candle: Candle) -> Signal | None:
        """The entry decided on a candle."""
        made = (line for line in self.lines if line.kind is SignalKind.ENTRY and line.open_time == candle.open_time)
        return next(made, None)


@click.command(epilog="Example: tracker why BTCUSDT 2026-05-01T12:34Z --strategy rsi_divergence")
@click.argument("symbol")
@click.argument("time", required=False)
@click.option("--strategy", help="Only this strategy (or shadow).  [default: all that are told]")
@click.option("--last", type=click.IntRange(1, 100_000), help="List the near misses of so many newest candles instead.")
@settings_option
@json_option
def why(
    *, symbol: str, time: str | None, strategy: str | None, last: int | None, settings_file: Path | None, as_json: bool
) -> None:
    """Show why there was a signal of SYMBOL on the candle of TIME (ISO or ms; default: the newest), or why not.

    A near miss is a candle on which all was fulfilled but one gate.
    """
    if time and last:
        raise click.UsageError("TIME and --last exclude each other; leave one out")
    settings = read_settings(settings_file)
    answers = asyncio.run(_answers(settings, symbol.upper(), _time(time) if time else None, strategy, last or 0))
    plain = [{"strategy": name, **answer} for name, answer, _ in answers]
    show({"symbol": symbol.upper(), "answers": plain}, as_json=as_json, text="\n\n".join(text for *_, text in answers))


def _time(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no time; give 2026-05-01T12:34Z, or ms since 1970") from None


async def _answers(
    settings: Settings, symbol: str, time: int | None, strategy: str | None, last: int
) -> list[tuple[str, dict[str, Any], str]]:
    wiring = Wiring(settings)
    try:
        stored = await wiring.store.instruments(settings.logic_engine.timeframe)
        check_name(
            "stored candle of", symbol, [known.symbol for known in stored if known.exchange == settings.exchange]
        )
        sections = wiring.strategies()
        chosen = [check_name("strategy", strategy, sections)] if strategy else list(settings.logic_engine.strategies)
        made = makers({name: sections[name] for name in chosen}, list(dict.fromkeys([*settings.symbols, symbol])))
        question = _Question(Instrument(settings.exchange, symbol), time, last)
        ask = _near_misses if last else _one_candle
        return [(name, *await ask(settings, wiring.store, question, name, made[name, symbol])) for name in chosen]
    finally:
        await wiring.close()


async def _one_candle(
    settings: Settings, store: Store, question: _Question, name: str, make: Callable[[], Strategy]
) -> tuple[dict[str, Any], str]:
    strategy = make()
    candles = await _candles(settings, store, question, HISTORY * strategy.warm_up)
    candle, log = candles[-1], await _log(store, question.instrument, name)
    book = book_gates(log.lines, strategy.protections, candle, log.refused.get(candle.open_time))
    found, signal = account(strategy, candles, candle, book), log.signal(candle)
    return plain_account(found, signal), account_text(name, found, signal)


async def _near_misses(
    settings: Settings, store: Store, question: _Question, name: str, make: Callable[[], Strategy]
) -> tuple[dict[str, Any], str]:
    strategy = make()
    candles = await _candles(settings, store, question, HISTORY * strategy.warm_up)
    log, first = await _log(store, question.instrument, name), candles[-question.last :][0].open_time
    misses = []
    for found in accounts(make, candles):
        if found.candle.open_time >= first and log.signal(found.candle) is None:
            refused = log.refused.get(found.candle.open_time)
            asked = replace(found, book=book_gates(log.lines, strategy.protections, found.candle, refused))
            misses += [plain_miss(asked, side, gate) for side, gate in asked.near_misses]
    return {"last": question.last, "near_misses": misses}, misses_text(name, misses)


async def _candles(settings: Settings, store: Store, question: _Question, history: int) -> list[Candle]:
    """The candle or candles that are asked about, with `history` before them, ascending."""
    timeframe, instrument = settings.logic_engine.timeframe, question.instrument
    newest = (await store.read_latest([instrument], timeframe, history + max(1, question.last)))[instrument]
    if question.time is None:
        return newest
    open_time = question.time - question.time % timeframe.millis
    found = await store.read(
        instrument, timeframe, open_time - history * timeframe.millis, open_time + timeframe.millis
    )
    if not found or found[-1].open_time != open_time:
        raise InvalidInput(
            f"no {timeframe} candle of {instrument.symbol} at {utc(open_time)} UTC in the store; the newest is of "
            f"{utc(newest[-1].open_time)}"
        )
    return found


async def _log(store: Store, instrument: Instrument, strategy: str) -> _Log:
    lines = await store.signals(_ALL, instrument.symbol)
    documents = await store.documents(COLLECTION, _ALL, f"{strategy}/{instrument.symbol}/")
    refused = [from_json(document.data, NearMiss) for document in documents]
    return _Log(
        [line for line in lines if (line.strategy, line.exchange) == (strategy, instrument.exchange)],
        {miss.open_time: miss for miss in refused},
    )
