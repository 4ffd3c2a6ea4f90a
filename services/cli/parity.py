"""``tracker parity``: the live machine and the backtest over the same candles, compared signal by signal."""

from dataclasses import asdict
from typing import Any

import click

from services.cli.parts.backtest_input import BacktestInput, input_options
from services.cli.parts.backtest_strategy import make_live
from services.cli.parts.output import json_option, show
from shared.backtest.candle_arrays import to_arrays
from shared.backtest.live_path import live_positions
from shared.backtest.positions import ClosedPosition, Opening, Positions, positions
from shared.domain.book import Book
from shared.messages.codec import from_json, to_json

_SHOWN = 5


@click.command(epilog="Example: tracker parity BTCUSDT-2025-03.csv.gz --symbol BTCUSDT --set targets=3")
@input_options
@json_option
@click.pass_context
def parity(context: click.Context, given: BacktestInput, *, as_json: bool) -> None:
    """Prove that live and backtest say the same about CANDLES; exit code 1 names the first differences.

    The live machine gets the candles in slices, and its book goes through JSON between two of them, as in the logic
    engine. Compared are id, side, entry, levels, and time, price, reason, gain and doubt of the exit: to the last bit.
    """
    live = live_positions(given.candles, lambda: make_live(given.strategy), _through_a_store)
    arrays = to_arrays(given.candles)
    different = differences(live, positions(arrays, given.strategy))
    result = {
        "strategy": given.strategy.name,
        "candles": len(given.candles),
        "stretches": len(arrays.spans()),
        "signals": len(live.closed) + (live.open is not None),
        "differing": len(different),
        "differences": different,
    }
    show(result, as_json=as_json, text=_text(result))
    if different:
        context.exit(1)


def differences(live: Positions, backtest: Positions) -> list[str]:
    """What is not the same, one line a signal, ascending by entry; an open position is compared by its entry."""
    ours, theirs = _by_id(live), _by_id(backtest)
    lines = []
    for name in sorted(ours | theirs, key=lambda name: (ours | theirs)[name].entry_time):
        if name not in theirs:
            lines.append(f"{name}: only live has it")
        elif name not in ours:
            lines.append(f"{name}: only the backtest has it")
        elif ours[name] != theirs[name]:
            lines.append(f"{name}: {_unlike(ours[name], theirs[name])}")
    return lines


def _through_a_store(book: Book) -> Book:
    loaded: Book = from_json(to_json(book), Book)
    return loaded


def _by_id(taken: Positions) -> dict[str, Opening | ClosedPosition]:
    all_ = [*taken.closed, *([taken.open] if taken.open is not None else [])]
    return {position.signal_id: position for position in all_}


def _unlike(live: Opening, backtest: Opening) -> str:
    ours, theirs = asdict(live), asdict(backtest)
    return "; ".join(
        f"{field}: live {ours.get(field, 'open')!s}, backtest {theirs.get(field, 'open')!s}"
        for field in ours | theirs
        if ours.get(field) != theirs.get(field)
    )


def _text(result: dict[str, Any]) -> str:
    counts = "{candles} candles in {stretches} stretches, {signals} signals, {differing} differing".format_map(result)
    rows = [f"{result['strategy']}: {counts}", *result["differences"][:_SHOWN]]
    if result["differing"] > _SHOWN:
        rows.append(f"and {result['differing'] - _SHOWN} more (see --json)")
    return "\n".join(rows)
