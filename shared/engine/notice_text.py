"""The newest line about an outage in, the text of its one living message out (Telegram HTML)."""

from collections.abc import Sequence

from shared.domain.instrument import Instrument
from shared.domain.notice import Notice, NoticeKind
from shared.engine import message_text, wording
from shared.engine.message_text import escape

_NAMED = 3
_LONGEST_DETAIL = 200


def compose(notice: Notice, *, late: int = 0, possible_repeat: bool = False) -> str:
    """Text of a notice's message.

    Args:
        notice: The newest line about the outage.
        late: By how much the message is late, ms; 0 for in time.
        possible_repeat: The message may already stand in the chat, because an earlier request got no answer.
    """
    pairs = escape(_pairs(notice.exchange, notice.symbols), message_text.MAX_LENGTH)
    is_over = notice.kind is NoticeKind.RESUMED
    said = _back(notice) if is_over else _gone(notice)
    mark = "\N{WHITE HEAVY CHECK MARK}" if is_over else "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}"
    paragraphs = [f"{mark} <b>{pairs}</b>: {said}"]
    if notice.detail:
        paragraphs.append(f"<i>{escape(notice.detail, _LONGEST_DETAIL)}</i>")
    paragraphs.append(
        message_text.footer(wording.time_text(notice.since), escape(notice.exchange), subject=notice.notice_id)
    )
    paragraphs += message_text.remarks(late=late, possible_repeat=possible_repeat)
    return "\n\n".join(paragraphs)


def _gone(notice: Notice) -> str:
    return f"no data since {wording.clock_text(notice.since)}; signals are paused"


def _back(notice: Notice) -> str:
    lasted = wording.duration_text((notice.until or notice.time) - notice.since)
    text = f"data is back after {lasted}"
    if notice.healed <= 0:
        return text
    return f"{text}; {wording.count_text(notice.healed, 'minute')} healed from the exchange"


def _pairs(exchange: str, symbols: Sequence[str]) -> str:
    """``BTC/USDT, ETH/USDT, SOL/USDT and 6 more``."""
    # A symbol comes from outside and is shortened on its own, so that one cannot hide the others.
    pairs = [_short(Instrument(exchange, symbol).pair) for symbol in symbols]
    if not pairs:
        return exchange
    if len(pairs) <= _NAMED + 1:
        return ", ".join(pairs)
    return f"{', '.join(pairs[:_NAMED])} and {len(pairs) - _NAMED} more"


def _short(pair: str, longest: int = 32) -> str:
    return pair if len(pair) <= longest else pair[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
