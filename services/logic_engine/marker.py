"""A book that promises marks in, the book that says them out: a further line for each signal built on revised data."""

import logging
from dataclasses import dataclass, replace

from shared.domain.book import Book
from shared.domain.signal import Signal
from shared.engine.candle_versions import unmarked, with_marks
from shared.engine.hash_chain import head_behind, tied
from shared.engine.signal_lines import revised_line
from shared.ports import Ledger
from shared.runtime import metrics

_RECENT = 200  # lines of a symbol and strategy among which the signals concerned are looked for

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Marker:
    """Finds the signals that a revised candle concerns, by the ledger's log.

    Attributes:
        ledger: Where the log is.
        strategies: How many strategies and shadows write it.
    """

    ledger: Ledger
    strategies: int

    async def mark(self, book: Book) -> Book:
        """The book with the lines among its unpublished ones, and nothing promised any more; to be stored.

        Closed positions are marked like the open one. A candle that has changed says nothing about entries before it.

        Raises:
            Unavailable: The ledger is away.
        """
        changed = unmarked(book)
        lines: list[Signal] = []
        head = book.head
        for signal_id in await self._later_than(book, min(changed)):
            history = await self.ledger.history(signal_id)
            line = revised_line(history, changed)
            if line is not None:
                line, head = (line, head_behind(head, line)) if line is history[-1] else tied(head, line)
                lines.append(line)
                metrics.SIGNALS_REVISED.labels(line.strategy).inc()
                logger.warning("built on revised data", extra={"trace": signal_id, "candles": line.data_revised})
        return with_marks(replace(book, head=head), lines)

    async def _later_than(self, book: Book, open_time: int) -> list[str]:
        """Ids of the recent signals of the book whose entries came after the candle's open time (ms UTC)."""
        lines = await self.ledger.signals(_RECENT * self.strategies, book.key.symbol)
        return sorted(
            {
                line.signal_id
                for line in lines
                if (line.strategy, line.exchange) == book.key[:2] and line.entry_time > open_time
            }
        )
