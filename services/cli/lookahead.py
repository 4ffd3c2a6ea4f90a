"""``tracker lookahead``: history cut off after a candle, over and over; nothing said before a cut may change by it."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from random import Random
from typing import Any

import click
import numpy as np

from services.cli.parts.backtest_input import BacktestInput, input_options
from services.cli.parts.output import json_option, show
from shared.backtest.candle_arrays import Array, CandleArrays, to_arrays
from shared.backtest.candle_parts import part
from shared.backtest.numeric_strategy import NumericStrategy
from shared.backtest.positions import Opening, Positions, positions, stretches

_SHOWN = 20
_OPENING = [field.name for field in fields(Opening)]


@dataclass(frozen=True)
class Seen:
    """What a backtest says about a history: one value a candle by name, and its positions."""

    values: dict[str, Array]
    taken: Positions


@click.command(epilog="Example: tracker lookahead BTCUSDT-2025-03.csv.gz --symbol BTCUSDT --every 50")
@input_options
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Cut after one candle in so many.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which of them, where not after every one.")
@json_option
@click.pass_context
def lookahead(context: click.Context, given: BacktestInput, every: int, seed: int, *, as_json: bool) -> None:
    """Prove that nothing in a backtest of CANDLES knows the future; exit code 1 names what does.

    After each cut the indicators, the marks, the entries with their levels and the exits before it are computed anew
    from what is left, and compared to the last bit. The time needed grows with the square of the number of candles.
    """
    arrays = to_arrays(given.candles)
    cuts = drawn(len(arrays), every, seed)
    found = list(islice(changes(arrays, given.strategy, cuts), _SHOWN))
    result = {
        "strategy": given.strategy.name,
        "candles": len(arrays),
        "cuts": len(cuts),
        "signals": len(positions(arrays, given.strategy).closed),
        "changed": len(found),
        "changes": found,
    }
    show(result, as_json=as_json, text=_text(result))
    if found:
        context.exit(1)


def drawn(candles: int, every: int, seed: int) -> list[int]:
    """Where to cut: numbers of candles that are left, one of each `every` in a row, ascending."""
    choose = Random(seed)  # noqa: S311 - a sample, no secret
    return [min(candles, first + choose.randrange(every) + 1) for first in range(0, candles, every)]


def changes(candles: CandleArrays, strategy: NumericStrategy, cuts: Iterable[int]) -> Iterator[str]:
    """Each past value that a cut changes, as a line of text; nothing for an honest strategy."""
    whole = seen(candles, strategy)
    for cut in cuts:
        left = seen(first_of(candles, cut), strategy)
        after = f"cut after {candles.open_times[cut - 1]}"
        for name, values in left.values.items():
            before = whole.values[name][:cut]
            for place in np.flatnonzero(~np.isclose(before, values, rtol=0.0, atol=0.0, equal_nan=True)):
                at = candles.open_times[place]
                yield f"{after}: {name} of {at} is {values[place]}, was {before[place]} when the future was known"
        was = _at(whole.taken, cut)
        if left.taken != was:
            yield f"{after}: {_unlike(left.taken, was)}"


def seen(candles: CandleArrays, strategy: NumericStrategy) -> Seen:
    """What a backtest says about these candles."""
    found = list(stretches(candles, strategy))
    columns = {
        "rsi": [stretch.series.rsis for stretch in found],
        "atr": [stretch.ranges for stretch in found],
        "mark": [stretch.marks for stretch in found],
    }
    values = {name: np.concatenate(column) for name, column in columns.items()}
    return Seen({name: column for name, column in values.items() if len(column)}, positions(candles, strategy))


def first_of(candles: CandleArrays, count: int) -> CandleArrays:
    """The first `count` candles, in memory of their own: the rest is not merely hidden behind an end."""
    return part(candles, np.arange(len(candles)) < count)


def _at(taken: Positions, cut: int) -> Positions:
    """What had been taken of `taken` when there were `cut` candles."""
    ended = bisect_left(taken.closed, cut, key=lambda position: position.closed_at)
    later = [*taken.closed[ended:], *([taken.open] if taken.open is not None else [])]
    is_open = bool(later) and later[0].opened_at < cut
    return Positions(taken.closed[:ended], _opening(later[0]) if is_open else None)


def _opening(position: Opening) -> Opening:
    return Opening(**{name: getattr(position, name) for name in _OPENING})


def _unlike(now: Positions, was: Positions) -> str:
    """The first position that is not the same."""
    ours, theirs = [*now.closed, now.open], [*was.closed, was.open]
    pairs = zip(ours, theirs, strict=False)
    first = next(((one, other) for one, other in pairs if one != other), (now.open, was.open))
    return f"positions: {first[0]}, was {first[1]} when the future was known"


def _text(result: dict[str, Any]) -> str:
    verdict = "past values changed: 0" if not result["changed"] else "PAST VALUES CHANGED"
    counts = "{strategy}: {candles} candles, {signals} signals, {cuts} cuts".format_map(result)
    return "\n".join([f"{counts}; {verdict}", *result["changes"]])
