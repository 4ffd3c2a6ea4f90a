"""Values for tests: each maker needs only what the test speaks of."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from shared.domain.candle import Candle, CandleSource, Look
from shared.domain.signal import ExitReason, Side, Signal, SignalKind, signal_id
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade, TradePack

EXCHANGE = "bybit-linear"
SYMBOL = "BTCUSDT"
MINUTE = 60_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z, a whole minute, hour and day


def make_trade(event_time: int, price: str = "100", quantity: str = "1", **fields) -> Trade:
    """A trade; the id is made of its time unless given."""
    fields.setdefault("trade_id", f"t{event_time}")
    return Trade(fields.pop("symbol", SYMBOL), event_time, Decimal(price), Decimal(quantity), **fields)


def make_pack(seq: int, watermark: int, trades: tuple[Trade, ...] = (), **fields) -> TradePack:
    """A pack of run ``r1``, shard 0, covered from START unless said otherwise."""
    fields.setdefault("covered_from", START)
    fields.setdefault("prior_event_time", fields["covered_from"] - 1)
    fields.setdefault("symbols", (SYMBOL,))
    return TradePack(
        exchange=fields.pop("exchange", EXCHANGE),
        run_id=fields.pop("run_id", "r1"),
        shard=fields.pop("shard", 0),
        seq=seq,
        watermark=watermark,
        trades=trades,
        **fields,
    )


def make_candle(open_time: int = START, close: str = "100", **fields) -> Candle:
    """A complete candle whose four prices are `close` unless given."""
    for name in ("open", "high", "low"):
        fields.setdefault(name, close)
    fields.setdefault("quantity", "1")
    fields.setdefault("turnover", str(Decimal(close) * Decimal(fields["quantity"])))
    numbers = {name: Decimal(fields.pop(name)) for name in ("open", "high", "low", "quantity", "turnover")}
    return Candle(
        exchange=fields.pop("exchange", EXCHANGE),
        symbol=fields.pop("symbol", SYMBOL),
        timeframe=fields.pop("timeframe", Timeframe.M1),
        open_time=open_time,
        close=Decimal(close),
        trades=fields.pop("trades", 1),
        complete=fields.pop("complete", True),
        source=fields.pop("source", CandleSource.TRADES),
        looks=tuple(Look(*look) for look in fields.pop("looks", ())),
        **numbers,
        **fields,
    )


def make_signal(kind: SignalKind = SignalKind.ENTRY, open_time: int = START, **fields) -> Signal:
    """An entry, update or exit of a long position at 100 with levels 101.5 and 99.3."""
    strategy = fields.pop("strategy", "rsi_divergence")
    symbol = fields.pop("symbol", SYMBOL)
    side = fields.pop("side", Side.LONG)
    entry_time = fields.pop("entry_time", open_time + MINUTE)
    is_exit = kind is SignalKind.EXIT
    fields.setdefault("revision", {SignalKind.ENTRY: 0, SignalKind.UPDATE: 1, SignalKind.EXIT: 2}[kind])
    fields.setdefault("price", 101.5 if is_exit else 100.0)
    fields.setdefault("reason", ExitReason.TAKE_PROFIT if is_exit else None)
    fields.setdefault("pnl_pct", 1.5 if is_exit else None)
    fields.setdefault("time", entry_time + (5 * MINUTE if is_exit else 0))
    return Signal(
        kind=kind,
        signal_id=signal_id(strategy, symbol, open_time, side),
        strategy=strategy,
        exchange=fields.pop("exchange", EXCHANGE),
        symbol=symbol,
        side=side,
        timeframe=Timeframe.M1,
        open_time=open_time,
        take_profit=fields.pop("take_profit", 101.5),
        stop_loss=fields.pop("stop_loss", 99.3),
        entry_time=entry_time,
        entry_price=fields.pop("entry_price", 100.0),
        **fields,
    )


def recorded(*parts: str) -> Path:
    """Path of a recorded data file, from the folder TRACKER_TEST_DATA names (default ../shared/data beside the
    checkout); the test is skipped, by name, where the folder is absent."""
    home = Path(os.environ.get("TRACKER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = home.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"recorded data not found: {path}; set TRACKER_TEST_DATA")
    return path
