"""Lines of the signal log in, the closed positions among them out, in groups, each with what it shows after costs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean

from shared.domain.signal import Side, Signal, SignalKind
from shared.engine.statistics import Record, equity_curve, max_drawdown, net_pct, record


@dataclass(frozen=True, slots=True)
class Closed:
    """A position that has ended.

    Attributes:
        strategy: Name of the strategy.
        symbol: Compact pair.
        side: Direction.
        entry_time: ms UTC.
        exit_time: ms UTC.
        gain_pct: Before costs, in percent of the entry price.
        ambiguous: The order inside the last look is not known, so the loss counts.
        data_revised: It was decided on candles that have changed since.
    """

    strategy: str
    symbol: str
    side: Side
    entry_time: int
    exit_time: int
    gain_pct: float
    ambiguous: bool
    data_revised: bool


@dataclass(frozen=True, slots=True)
class Costs:
    """Of each side of a position: fee as a share of its value, slippage as a share of the price."""

    fee: float
    slippage: float


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What a group of closed positions shows.

    Attributes:
        name: Of the group.
        record: Wins, losses and figures, net of costs.
        max_drawdown: Largest fall from a peak, 0 to 1, of one unit staked wholly on each in the order of their exits.
        mean_duration: From entry to exit, ms.
        ambiguous: How many of them count as a loss because the order is not known.
        data_revised: How many of them were decided on candles that have changed since.
    """

    name: str
    record: Record
    max_drawdown: float
    mean_duration: float
    ambiguous: int
    data_revised: int


def _utc(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)


GROUPS: Mapping[str, Callable[[Closed], str]] = {
    "symbol": lambda closed: closed.symbol,
    "strategy": lambda closed: closed.strategy,
    "side": lambda closed: closed.side.value,
    "hour": lambda closed: f"{_utc(closed.entry_time):%H}:00",
    "month": lambda closed: f"{_utc(closed.entry_time):%Y-%m}",
}
"""What positions may be grouped by; hour (UTC) and month are those of the entry."""


def closed_positions(lines: Iterable[Signal]) -> list[Closed]:
    """The positions that have ended, ascending by the time of their exit. An exit that is said again counts once."""
    exits: dict[str, Signal] = {}
    for line in lines:
        known = exits.get(line.signal_id)
        if line.kind is SignalKind.EXIT and (known is None or line.revision > known.revision):
            exits[line.signal_id] = line
    return [
        Closed(
            strategy=line.strategy,
            symbol=line.symbol,
            side=line.side,
            entry_time=line.entry_time,
            exit_time=line.time,
            gain_pct=line.pnl_pct or 0.0,
            ambiguous=line.ambiguous,
            data_revised=bool(line.data_revised),
        )
        for line in sorted(exits.values(), key=lambda line: (line.time, line.signal_id))
    ]


def track_record(name: str, positions: Sequence[Closed], costs: Costs) -> TrackRecord:
    """What `positions` (ascending by exit) show. Doubtful ones are part of it: to leave them out would flatter."""
    results = [net_pct(position.gain_pct, costs.fee, costs.slippage) for position in positions]
    durations = [position.exit_time - position.entry_time for position in positions]
    return TrackRecord(
        name=name,
        record=record(results),
        max_drawdown=max_drawdown(equity_curve(results)),
        mean_duration=fmean(durations) if durations else 0.0,
        ambiguous=sum(position.ambiguous for position in positions),
        data_revised=sum(position.data_revised for position in positions),
    )


def grouped(positions: Sequence[Closed], by: str, costs: Costs) -> list[TrackRecord]:
    """The track record of each group, sorted by name; `by` is one of `GROUPS`."""
    groups: dict[str, list[Closed]] = defaultdict(list)
    for position in positions:
        groups[GROUPS[by](position)].append(position)
    return [track_record(name, groups[name], costs) for name in sorted(groups)]
