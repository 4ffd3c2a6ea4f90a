"""Decisions in, the signals that are said about them out: entry, target, exit, and the line that marks revised data."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from shared.domain.book import BookKey, Position
from shared.domain.candle import Candle
from shared.domain.signal import Signal, SignalKind, signal_id
from shared.engine.exits import Turn
from shared.strategies.strategy import Entry


def entry_line(key: BookKey, candle: Candle, entry: Entry) -> Signal:
    """The entry at the close of `candle`."""
    return Signal(
        kind=SignalKind.ENTRY,
        signal_id=signal_id(key.strategy, key.symbol, candle.open_time, entry.side),
        revision=0,
        strategy=key.strategy,
        exchange=key.exchange,
        symbol=key.symbol,
        side=entry.side,
        timeframe=candle.timeframe,
        time=candle.close_time,
        open_time=candle.open_time,
        price=entry.price,
        take_profit=entry.take_profit,
        stop_loss=entry.stop_loss,
        entry_time=candle.close_time,
        entry_price=entry.price,
        decision=entry.decision,
    )


def revised_line(history: Sequence[Signal], changed: Collection[int]) -> Signal | None:
    """The line that marks a signal as built on candles that have changed since; None when it was not.

    It repeats the newest line under the next revision. Where that line names the candles already, it is the one.

    Args:
        history: All lines of the signal, ascending by revision.
        changed: Open times of the changed candles, ms UTC.
    """
    entry, newest = history[0], history[-1]
    touched = built_on(entry, changed)
    if not touched:
        return None
    named = tuple(sorted({*newest.data_revised, *touched}))
    if named == newest.data_revised:
        return newest
    return replace(newest, revision=newest.revision + 1, data_revised=named)


def evidence_from(entry: Signal) -> int:
    """Open time (ms UTC) of the oldest candle that an entry was decided on; the newest is the signal candle.

    That is the oldest the decision record speaks of: the earlier pivot with the candles it had to be lower or higher
    than, and the mean that the volume spike was measured against. The fading memory of the RSI is not counted.
    """
    decision, millis = entry.decision, entry.timeframe.millis
    parameters = decision.get("parameters", {})
    oldest = [entry.open_time]
    oldest += [p["open_time"] - parameters.get("pivot_left", 0) * millis for p in decision.get("pivots", ())]
    if spike := decision.get("spike"):
        oldest.append(spike["open_time"] - parameters.get("volume_period", 0) * millis)
    return min(oldest)


def built_on(entry: Signal, open_times: Collection[int]) -> tuple[int, ...]:
    """Those of `open_times` (ms UTC) that lie within the evidence of an entry, ascending."""
    first = evidence_from(entry)
    return tuple(sorted(time for time in open_times if first <= time <= entry.open_time))


def position_of(entry: Signal) -> Position:
    """The position that an entry line opens."""
    return Position(
        signal_id=entry.signal_id,
        side=entry.side,
        entry_time=entry.entry_time,
        entry_price=entry.entry_price,
        take_profit=entry.take_profit,
        stop_loss=entry.stop_loss,
    )


def turn_line(key: BookKey, position: Position, candle: Candle, turn: Turn, about: dict[str, Any]) -> Signal:
    """An update (a target was reached) or the exit of `position` within `candle`.

    Args:
        key: Of the book.
        position: As it is after the turn.
        candle: In which it happened.
        turn: What happened.
        about: What the line repeats of the entry's decision.
    """
    look = turn.look
    said = {
        "entry": position.entry_price,
        "exit_look": {"end": look.end, "high": float(look.high), "low": float(look.low)},
        "duration": look.end - position.entry_time,
    }
    if turn.reason is None or position.filled:
        said["targets_reached"] = position.filled
    return Signal(
        kind=SignalKind.EXIT if turn.reason else SignalKind.UPDATE,
        signal_id=position.signal_id,
        revision=position.revision + 1,
        strategy=key.strategy,
        exchange=key.exchange,
        symbol=key.symbol,
        side=position.side,
        timeframe=candle.timeframe,
        time=look.end,
        open_time=candle.open_time,
        price=turn.price,
        take_profit=position.take_profit,
        stop_loss=position.stop or position.stop_loss,
        entry_time=position.entry_time,
        entry_price=position.entry_price,
        reason=turn.reason,
        pnl_pct=turn.gain_pct,
        ambiguous=turn.ambiguous,
        decision=about | said,
    )
