"""Decisions in, the signals that are said about them out: the entry line and the exit line of a position."""

from typing import Any

from shared.domain.book import BookKey, Position
from shared.domain.candle import Candle
from shared.domain.signal import Side, Signal, SignalKind, signal_id
from shared.engine.exits import Exit
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


def exit_line(key: BookKey, position: Position, candle: Candle, found: Exit, about: dict[str, Any]) -> Signal:
    """The exit of `position` within `candle`. `about` is what the result line repeats of the entry's decision."""
    look = found.look
    return Signal(
        kind=SignalKind.EXIT,
        signal_id=position.signal_id,
        revision=position.revision + 1,
        strategy=key.strategy,
        exchange=key.exchange,
        symbol=key.symbol,
        side=position.side,
        timeframe=candle.timeframe,
        time=look.end,
        open_time=candle.open_time,
        price=found.price,
        take_profit=position.take_profit,
        stop_loss=position.stop_loss,
        entry_time=position.entry_time,
        entry_price=position.entry_price,
        reason=found.reason,
        pnl_pct=gain_pct(position.side, position.entry_price, found.price),
        ambiguous=found.ambiguous,
        decision=about
        | {
            "entry": position.entry_price,
            "exit_look": {"end": look.end, "high": float(look.high), "low": float(look.low)},
            "duration": look.end - position.entry_time,
        },
    )


def gain_pct(side: Side, entry_price: float, price: float) -> float:
    """Gain of a position at `price`, in percent of its entry price, before costs, rounded to 4 decimals."""
    direction = 1 if side is Side.LONG else -1
    return round(direction * (price - entry_price) / entry_price * 100.0, 4)
