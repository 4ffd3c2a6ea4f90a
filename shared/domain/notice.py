"""What the platform says about itself to the people in the channel: data is stale, data is back."""

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """What is announced."""

    STALE = "stale"
    RESUMED = "resumed"


def stale_id(exchange: str, since: int) -> str:
    """Id of the notice about the outage that began at `since` (ms UTC): same outage, same id, after any restart."""
    return f"stale/{exchange}/{since}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One line about an outage of data. All lines about one outage share `notice_id`; the chat shows the newest.

    Attributes:
        notice_id: See `stale_id`.
        revision: 0 for the announcement, one more for each later line.
        kind: Announcement or all-clear.
        exchange: Venue and product.
        symbols: Compact pairs concerned, sorted.
        time: Market time at which it was decided, ms UTC.
        since: End of the last complete candle before the outage, ms UTC.
        until: All-clear only: end of the newest complete candle, ms UTC.
        healed: All-clear only: minutes of these symbols that were taken from the venue's own candles.
        detail: What is wrong, as far as known; one line for people.
    """

    notice_id: str
    revision: int
    kind: NoticeKind
    exchange: str
    symbols: tuple[str, ...]
    time: int
    since: int
    until: int = 0
    healed: int = 0
    detail: str = ""
