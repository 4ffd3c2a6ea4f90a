"""A stored outbox entry in, what its request says out: equal entries say the same, before and after a restart."""

from typing import NamedTuple

from shared.domain.outbox_entry import OutboxEntry
from shared.domain.signal import Signal, SignalKind
from shared.engine import chart_button, message_text, notice_text, outbox
from shared.errors import InvariantViolation
from shared.ports import Button, Ledger


class Letter(NamedTuple):
    """What a request says."""

    text: str
    buttons: tuple[Button, ...]
    digest: str


class Letters:
    """Writes letters.

    Args:
        ledger: Where the entry line of a signal is found again.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def origin(self, entry: OutboxEntry) -> Signal | None:
        """The entry line of the signal that the head of the queue speaks of; None for a notice, or when it is lost.

        Raises:
            Unavailable: The ledger is away.
        """
        signal = entry.queue[0].signal
        if signal is None or signal.kind is SignalKind.ENTRY:
            return signal
        history = await self._ledger.history(signal.signal_id)
        return next((line for line in history if line.kind is SignalKind.ENTRY), None)

    @staticmethod
    def write(entry: OutboxEntry, origin: Signal | None) -> Letter:
        """The letter of the head of the queue; `origin` as found by the method of this name."""
        head = entry.queue[0]
        repeat = outbox.is_possible_repeat(entry)
        if head.notice is not None:
            text = notice_text.compose(head.notice, late=entry.late, possible_repeat=repeat)
            return Letter(text, (), outbox.digest_of(text))
        if (signal := head.signal) is None:
            raise InvariantViolation(f"a line of {entry.signal_id} carries nothing")
        text = message_text.compose(signal, origin, late=entry.late, possible_repeat=repeat)
        data = chart_button.data_for(signal.strategy, signal.symbol, _opened(signal), signal.side)
        return Letter(text, (Button("\N{BAR CHART} Chart", data),), outbox.digest_of(text, data))


def _opened(line: Signal) -> int:
    """Open time in the signal's id, which names the entry's candle on every line."""
    return int(line.signal_id.split("/")[-2])
