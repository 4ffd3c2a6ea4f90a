"""Candle arrays in, parts of them or several in one out."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from shared.backtest.candle_arrays import Array, CandleArrays


def part(candles: CandleArrays, chosen: slice | Array) -> CandleArrays:
    """The chosen candles: a slice, or a mask."""
    return _each(lambda column: column[chosen], candles)


def joined(parts: Sequence[CandleArrays]) -> CandleArrays:
    """Arrays of one instrument, one after the other."""
    return parts[0] if len(parts) == 1 else _each(lambda *columns: np.concatenate(columns), *parts)


def in_order(parts: Sequence[CandleArrays]) -> tuple[CandleArrays, int]:
    """One ascending stream of parts that are ascending each, and how many candles were in it already."""
    whole = joined(sorted(parts, key=lambda one: int(one.open_times[0])))
    new = np.ones(len(whole), dtype=np.bool_)
    new[1:] = whole.open_times[1:] > np.maximum.accumulate(whole.open_times)[:-1]
    return (whole, 0) if new.all() else (part(whole, new), int((~new).sum()))


def _each(change: Callable[..., Array], *arrays: CandleArrays) -> CandleArrays:
    first = arrays[0]
    columns = [one.name for one in fields(CandleArrays) if isinstance(getattr(first, one.name), np.ndarray)]
    values: dict[str, Any] = {name: change(*(getattr(one, name) for one in arrays)) for name in columns}
    return CandleArrays(instrument=first.instrument, timeframe=first.timeframe, **values)
