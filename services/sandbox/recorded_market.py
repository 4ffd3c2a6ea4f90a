"""A market that replays recorded trades: trades or files of them in, the same trades by time out."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from services.sandbox.market import MINUTE, Listing, Minute, summarise
from shared.adapters.recorded_trades import AUTO, read_recorded
from shared.adapters.wire.read_report import ReadReport
from shared.domain.trade import Trade
from shared.errors import InvalidInput


class RecordedMarket:
    """Trades that have happened.

    Args:
        trades: In any order; all are held in memory. One without an id gets its place among the symbol's trades as id,
            because a venue numbers what it sends, and without an id a repeated frame would count twice.
        start: Market time from which they count as live, ms UTC; the time of the first trade when not given. What is
            earlier is history.
        listings: How the symbols trade; steps are read off the trades where a symbol is not named here.

    Raises:
        InvalidInput: There is no trade at all.
    """

    def __init__(
        self, trades: Iterable[Trade], start: int | None = None, listings: Mapping[str, Listing] | None = None
    ) -> None:
        by_symbol: defaultdict[str, list[Trade]] = defaultdict(list)
        for trade in trades:
            by_symbol[trade.symbol].append(trade)
        if not by_symbol:
            raise InvalidInput("the recording holds no trade; give a file with at least one")
        self._trades = {symbol: _in_order(found) for symbol, found in by_symbol.items()}
        self._times = {symbol: [trade.event_time for trade in found] for symbol, found in self._trades.items()}
        known = listings or {}
        self._listings = {symbol: known.get(symbol) or _observed(found) for symbol, found in self._trades.items()}
        first = min(times[0] for times in self._times.values())
        self._start = first if start is None else start
        self._history_start = min(first, self._start) // MINUTE * MINUTE
        self._end = max(times[-1] for times in self._times.values()) // MINUTE * MINUTE + MINUTE

    @property
    def listings(self) -> dict[str, Listing]:
        """Every symbol of the recording."""
        return self._listings

    @property
    def start(self) -> int:
        """From here on trades happen live, ms UTC."""
        return self._start

    @property
    def history_start(self) -> int:
        """First minute known, ms UTC."""
        return self._history_start

    @property
    def end(self) -> int:
        """End of the last minute with a trade, ms UTC."""
        return self._end

    def trades(self, symbol: str, start: int, end: int) -> list[Trade]:
        """Trades with ``start <= event_time < end``, in the venue's order."""
        times = self._times[symbol]
        return self._trades[symbol][bisect_left(times, start) : bisect_left(times, end)]

    def minute(self, symbol: str, open_time: int) -> Minute | None:
        """The trades of a whole minute, block trades left out; None where nobody traded."""
        return summarise(self.trades(symbol, open_time, open_time + MINUTE))


def open_recording(files: Sequence[Path], symbol: str, format_name: str = AUTO) -> RecordedMarket:
    """The market of one symbol in files of recorded trades.

    Args:
        files: The files; several are one recording.
        symbol: As the files spell it; the market has it in upper case.
        format_name: See `read_recorded`.

    Raises:
        InvalidInput: A file cannot be read or recognised, or holds no trade of the symbol.
    """
    found = read_recorded(files, symbol=symbol, format_name=format_name, columns=None, report=ReadReport())
    return RecordedMarket(trade._replace(symbol=symbol.upper()) for trade in found)


def _in_order(trades: list[Trade]) -> list[Trade]:
    """A symbol's trades in the venue's order, each with an id."""
    trades.sort(key=lambda trade: (trade.event_time, trade.sequence, trade.ordinal))
    return [trade if trade.trade_id else trade._replace(trade_id=str(place)) for place, trade in enumerate(trades)]


def _observed(trades: list[Trade]) -> Listing:
    """Steps as fine as the finest price and quantity seen."""
    prices = max(_decimals(trade.price) for trade in trades)
    quantities = max(_decimals(trade.quantity) for trade in trades)
    return Listing(trades[0].symbol, Decimal(1).scaleb(-prices), Decimal(1).scaleb(-quantities), prices)


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
