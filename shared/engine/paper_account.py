"""Every line of the signal log in, what an account that followed it would have done out: sizes, pauses, equity.

It is advice and nothing else: it reads lines that have been said and never changes which signals exist, so live, replay
and backtest agree whatever is set here. Sizing rule: what a stop loss may cost, over its distance (fixed fractional
sizing, R. Vince, Portfolio Management Formulas, 1990).

Rule 1: lines count in the order of (time, symbol); of one symbol at one time, exits before entries. Repeated lines
    change nothing.
Rule 2: an entry is sized at `risk` of the equity over the distance of its stop, times the size the macro gate gave it:
    never above the equity, and never above what `max_risk` leaves beside the positions that are open.
Rule 3: equity counts ended positions only, net of fees and slippage on both sides.
Rule 4: once it is `drawdown_pause` below its highest of the UTC day, no entry is taken for the rest of that day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.domain.signal import Side, Signal, SignalKind
from shared.engine.statistics import net_pct

_DAY = 86_400_000
_LEAST = 1e-6  # of the equity: less risk than that is none left


@dataclass(frozen=True, slots=True)
class PaperRules:
    """How the account is led. Shares are of the equity, 0 to 1.

    Attributes:
        equity: At the start, quote units.
        risk: What one stop loss may cost.
        max_risk: What all open positions together may cost.
        max_open: Most positions at once.
        drawdown_pause: Fall from the highest equity of the UTC day that ends its entries; 0 for no pause.
        fee: Of each side, as a share of its value.
        slippage: Of each side, as a share of the price, always against us.
    """

    equity: float = 10_000.0
    risk: float = 0.005
    max_risk: float = 0.02
    max_open: int = 5
    drawdown_pause: float = 0.02
    fee: float = 0.0006
    slippage: float = 0.0002


class Skip(StrEnum):
    """Why an entry would not have been taken."""

    PAUSED = "paused"
    MAX_OPEN = "max_open"
    NO_RISK_LEFT = "no_risk_left"


@dataclass(frozen=True, slots=True)
class Sized:
    """What the account would have made of one signal.

    Attributes:
        signal_id: Of the signal.
        time: Of its entry, ms UTC.
        value: Value of the position at its entry, quote units; 0 where it is skipped.
        skip: Why it is, or None.
        result: Gain after costs, quote units; None while it is open, and where it is skipped.
    """

    signal_id: str
    time: int
    value: float
    skip: Skip | None = None
    result: float | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """The account behind the last line.

    Attributes:
        start: Equity it began with, quote units.
        equity: Now.
        max_drawdown: Largest fall from a peak, as a share of the peak.
        open: Positions that are open.
        open_risk: What they may still cost, quote units, before costs.
        pauses: Times (ms UTC) from which the rest of a day was left out.
        sized: Every signal, in the order of the entries.
    """

    start: float
    equity: float
    max_drawdown: float
    open: int
    open_risk: float
    pauses: tuple[int, ...]
    sized: tuple[Sized, ...]


def position_share(entry_price: float, stop_loss: float, risk: float) -> float:
    """Value of a position as a share of the equity (0 to 1) whose stop loss costs `risk` of it: at most all of it."""
    distance = abs(entry_price - stop_loss) / entry_price
    return min(1.0, risk / distance) if distance else 1.0


def paper_account(lines: Iterable[Signal], rules: PaperRules) -> Statement:
    """What an account would have made of the lines, which may come in any order and more than once."""
    account = _Account(rules)
    for line in sorted(lines, key=_place):
        account.take(line)
    return account.statement()


def _place(line: Signal) -> tuple[Any, ...]:
    is_entry = line.kind is SignalKind.ENTRY
    return line.time, line.symbol, is_entry, line.strategy, line.open_time, line.signal_id, line.revision


@dataclass(slots=True)
class _Held:
    value: float
    risk: float


class _Account:
    """The account on its way."""

    def __init__(self, rules: PaperRules) -> None:
        self._rules = rules
        self._equity = self._peak = self._day_high = rules.equity
        self._day = 0
        self._paused_day = -1
        self._drawdown = 0.0
        self._held: dict[str, _Held] = {}
        self._sized: dict[str, Sized] = {}
        self._pauses: list[int] = []

    def take(self, line: Signal) -> None:
        """The next line."""
        day = line.time // _DAY
        if day != self._day:
            self._day, self._day_high = day, self._equity
        if line.kind is SignalKind.ENTRY:
            if line.signal_id not in self._sized:
                self._sized[line.signal_id] = self._enter(line)
        elif line.signal_id in self._held:
            self._follow(line)

    def _enter(self, line: Signal) -> Sized:
        value, skip = self._size(line)
        if skip is None:
            self._held[line.signal_id] = _Held(value, value * _to_stop(line))
        return Sized(line.signal_id, line.time, value, skip)

    def _size(self, line: Signal) -> tuple[float, Skip | None]:
        rules = self._rules
        if self._day == self._paused_day:
            return 0.0, Skip.PAUSED
        if len(self._held) >= rules.max_open:
            return 0.0, Skip.MAX_OPEN
        room = rules.max_risk * self._equity - sum(held.risk for held in self._held.values())
        if room <= _LEAST * self._equity or self._equity <= 0:
            return 0.0, Skip.NO_RISK_LEFT
        gate = line.decision.get("macro", {}).get("size", 1.0)
        wanted = self._equity * position_share(line.entry_price, line.stop_loss, rules.risk) * gate
        distance = _to_stop(line)
        return (min(wanted, room / distance) if distance else wanted), None

    def _follow(self, line: Signal) -> None:
        held = self._held[line.signal_id]
        if line.kind is SignalKind.UPDATE:
            held.risk = held.value * _to_stop(line)
            return
        del self._held[line.signal_id]
        result = held.value * net_pct(line.pnl_pct or 0.0, self._rules.fee, self._rules.slippage) / 100
        sized = self._sized[line.signal_id]
        self._sized[line.signal_id] = Sized(sized.signal_id, sized.time, sized.value, None, result)
        self._settle(result, line.time)

    def _settle(self, result: float, time: int) -> None:
        self._equity += result
        self._peak = max(self._peak, self._equity)
        self._day_high = max(self._day_high, self._equity)
        self._drawdown = max(self._drawdown, 1 - self._equity / self._peak)
        limit = self._day_high * (1 - self._rules.drawdown_pause)
        if self._rules.drawdown_pause and self._equity <= limit and self._day != self._paused_day:
            self._paused_day = self._day
            self._pauses.append(time)

    def statement(self) -> Statement:
        """As it stands."""
        return Statement(
            start=self._rules.equity,
            equity=self._equity,
            max_drawdown=self._drawdown,
            open=len(self._held),
            open_risk=sum(held.risk for held in self._held.values()),
            pauses=tuple(self._pauses),
            sized=tuple(self._sized.values()),
        )


def _to_stop(line: Signal) -> float:
    """How far the stop is from the entry, against the position, as a share of the entry price; 0 beyond the entry."""
    direction = 1 if line.side is Side.LONG else -1
    return max(0.0, direction * (line.entry_price - line.stop_loss) / line.entry_price)
