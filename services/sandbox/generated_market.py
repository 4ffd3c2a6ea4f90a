"""A seeded, lifelike market: seed, symbols and start in; the same trades for everybody out."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from services.sandbox.listings import DEFAULT_SYMBOLS, listings
from services.sandbox.market import MINUTE, Listing, Minute
from services.sandbox.scenario import Story, generator
from services.sandbox.tape import FILLS_PER_ORDER, Tape, record
from shared.domain.trade import AggressorSide, Trade
from shared.errors import InvalidInput

_TAPES_KEPT = 64  # the minutes being streamed; older ones are made again when asked for
_MINUTES_KEPT = 40_000  # summaries: three days of nine symbols


class GeneratedMarket:
    """Trades made of a seed.

    Every minute of every symbol is drawn from its own generator around the symbol's `Story`, so trades of a span do not
    depend on how, when or by whom they are asked for.

    Args:
        seed: Any integer.
        start: Market time of the start, ms UTC; cut to a whole minute.
        symbols: Compact symbols, each once; at least one.
        history: Minutes known before the start.
        activity: Trades a second of all symbols together, on the long average of ordinary minutes.

    Raises:
        InvalidInput: A symbol is listed twice, none is given, or a number is out of range.
    """

    def __init__(
        self,
        *,
        seed: int,
        start: int,
        symbols: Sequence[str] = DEFAULT_SYMBOLS,
        history: int = 2_000,
        activity: float = 30.0,
    ) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise InvalidInput(f"the market needs different symbols, got {', '.join(symbols) or 'none'}")
        if history < 1 or activity <= 0:
            raise InvalidInput(f"history {history} and activity {activity} must be positive")
        self._seed = seed
        self._start = start - start % MINUTE
        self._history_start = self._start - history * MINUTE
        self._listings = listings(symbols)
        shares = sum(entry.share for entry in self._listings.values())
        self._orders = {
            symbol: activity * 60 / FILLS_PER_ORDER * entry.share / shares for symbol, entry in self._listings.items()
        }
        ranks = generator(seed, "ranks").permutation(len(symbols))
        self._stories = {
            symbol: Story(seed, entry, int(rank), self._start, history)
            for (symbol, entry), rank in zip(self._listings.items(), ranks, strict=True)
        }
        self._tapes: OrderedDict[tuple[str, int], Tape] = OrderedDict()
        self._minutes: OrderedDict[tuple[str, int], Minute | None] = OrderedDict()

    @property
    def listings(self) -> dict[str, Listing]:
        """Every symbol that trades here."""
        return self._listings

    @property
    def start(self) -> int:
        """From here on trades happen live, ms UTC."""
        return self._start

    @property
    def history_start(self) -> int:
        """First minute known, ms UTC."""
        return self._history_start

    def trades(self, symbol: str, start: int, end: int) -> list[Trade]:
        """Trades with ``start <= event_time < end``, in the venue's order."""
        start = max(start, self._history_start)
        found: list[Trade] = []
        for open_time in range(start - start % MINUTE, end, MINUTE):
            tape = self._tape(symbol, open_time)
            first, last = np.searchsorted(tape.time, (start, end))
            found += self._as_trades(symbol, tape, int(first), int(last))
        return found

    def minute(self, symbol: str, open_time: int) -> Minute | None:
        """The trades of a whole minute, block trades left out; None where nobody traded."""
        key = (symbol, open_time)
        if key not in self._minutes:
            tape = self._tapes.get(key) or self._record(symbol, open_time)
            self._minutes[key] = tape.summary(self._listings[symbol])
            if len(self._minutes) > _MINUTES_KEPT:
                self._minutes.popitem(last=False)
        return self._minutes[key]

    def _tape(self, symbol: str, open_time: int) -> Tape:
        key = (symbol, open_time)
        if key not in self._tapes:
            self._tapes[key] = self._record(symbol, open_time)
            if len(self._tapes) > max(_TAPES_KEPT, 3 * len(self._listings)):
                self._tapes.popitem(last=False)
        return self._tapes[key]

    def _record(self, symbol: str, open_time: int) -> Tape:
        plan = self._stories[symbol].plan(open_time // MINUTE)
        rng = generator(self._seed, symbol, "minute", open_time)
        return record(rng, self._listings[symbol], plan, open_time, self._orders[symbol] * plan.activity)

    def _as_trades(self, symbol: str, tape: Tape, first: int, last: int) -> list[Trade]:
        """The fills ``first .. last - 1`` of a tape as trades."""
        part = slice(first, last)
        tick, step = self._listings[symbol].tick, self._listings[symbol].step
        columns = (tape.time, tape.price, tape.quantity, tape.buy, tape.sequence, tape.ordinal, tape.block, tape.rpi)
        rows = zip(*(column[part].tolist() for column in columns), strict=True)
        ids = tape.entropy[16 * first : 16 * last].hex()
        return [
            Trade(
                symbol,
                time,
                tick * price,
                step * quantity,
                _uuid(ids[32 * number : 32 * number + 32]),
                AggressorSide.BUY if buy else AggressorSide.SELL,
                sequence,
                ordinal,
                block,
                rpi,
            )
            for number, (time, price, quantity, buy, sequence, ordinal, block, rpi) in enumerate(rows)
        ]


def _uuid(digits: str) -> str:
    """32 hexadecimal digits in the writing of a UUID."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
