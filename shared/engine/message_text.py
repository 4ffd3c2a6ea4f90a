"""The lines of one signal in, the text of its one living message out (Telegram HTML).

The only place that escapes. Rules of the markup: https://core.telegram.org/bots/api#html-style
"""

import re
from hashlib import sha256

from shared.domain.signal import Side, Signal, SignalKind
from shared.engine import wording

MAX_LENGTH = 4096
"""Code points a message may have after its markup is taken away."""

_LONGEST_FIELD = 64
_LONGEST_WHY = 700
_ALIGNED = "aligned"  # what the decision record calls a bias in the entry's own direction
_NAMED_CANDLES = 5
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_TAG = re.compile(r"</?[a-z]+>")
# Control characters and halves of surrogate pairs cannot travel; white space becomes one space, so that a field stays
# on its line.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_SIDE_MARK = {Side.LONG: "\N{LARGE GREEN CIRCLE}", Side.SHORT: "\N{LARGE RED CIRCLE}"}


def compose(newest: Signal, entry: Signal | None = None, *, late: int = 0, possible_repeat: bool = False) -> str:
    """Text of a signal's message.

    Args:
        newest: What must be shown: the entry, an update or the exit.
        entry: The entry line of the same signal, from which an update or exit takes the reason for the trade.
        late: By how much `newest` is told too late, ms; 0 for in time.
        possible_repeat: The message may already stand in the chat, because an earlier request got no answer.
    """
    origin = entry or newest
    paragraphs = [headline(newest), _levels(newest, origin)]
    if newest.ambiguous:
        paragraphs.append("\N{WARNING SIGN} Both levels were touched within seconds; it counts as the loss.")
    if newest.data_revised:
        paragraphs.append(_revised(newest.data_revised))
    why = origin.decision.get("why")
    if why:
        paragraphs.append(f"<i>{escape(why, _LONGEST_WHY)}</i>")
    macro = origin.decision.get("macro", {})
    if macro.get("gate") == _ALIGNED:
        paragraphs.append(f"\N{COMPASS} {escape(macro.get('words', ''), _LONGEST_WHY)}")
    opened = wording.time_text(newest.entry_time)
    paragraphs.append(footer(opened, str(newest.timeframe), escape(newest.strategy), subject=newest.signal_id))
    paragraphs += remarks(late=late, possible_repeat=possible_repeat)
    return "\n\n".join(paragraphs)


def footer(*parts: str, subject: str) -> str:
    """The line that tells one message from all others: `parts` (already escaped), then the short id of `subject`."""
    return " \N{MIDDLE DOT} ".join((*parts, f"<code>{short_id(subject)}</code>"))


def remarks(*, late: int, possible_repeat: bool) -> list[str]:
    """Paragraphs about the sending itself: by how many ms it is late (0: not at all), whether it may be a repeat."""
    said = []
    if late:
        said.append(f"\N{STOPWATCH} late by {wording.lateness_text(late)}")
    if possible_repeat:
        said.append("\N{CLOCKWISE OPEN CIRCLE ARROW} possible repeat")
    return said


def headline(line: Signal) -> str:
    """The first lines of a message: pair and side, below the result where there is one."""
    title = f"{_SIDE_MARK[line.side]} <b>{line.side} {escape(line.instrument.pair)}</b>"
    if line.kind is SignalKind.ENTRY:
        return title
    return f"{_result_mark(line)} <b>{wording.result_text(line)}</b>\n{title}"


def escape(value: object, longest: int = _LONGEST_FIELD) -> str:
    """`value` as text that markup cannot break, at most `longest` code points as the reader sees it."""
    text = " ".join(_UNPRINTABLE.sub("", str(value)).split())
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + _ELLIPSIS
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> str:
    """The same text without any markup: the way out when a chat service does not take the markup."""
    return _TAG.sub("", text)


def visible(markup: str) -> str:
    """The text as people see it, of markup made here."""
    text = plain(markup)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def short_id(signal_id: str) -> str:
    """Six letters by which people can name a signal or a notice."""
    return sha256(signal_id.encode("utf-8", "replace")).hexdigest()[:6]


def _result_mark(line: Signal) -> str:
    if line.kind is SignalKind.UPDATE:
        return "\N{HOURGLASS WITH FLOWING SAND}"
    gain = line.pnl_pct if line.pnl_pct is not None else wording.gain_pct(line.side, line.entry_price, line.price)
    return "\N{WHITE HEAVY CHECK MARK}" if gain > 0 else "\N{CROSS MARK}"


def _levels(line: Signal, origin: Signal) -> str:
    prices = (line.entry_price, line.take_profit, line.stop_loss, line.price)
    decimals = wording.decimals_for(origin.decision.get("price_decimals"), prices)

    def row(name: str, price: float, *, gain: bool = True) -> str:
        text = f"{name}: <b>{wording.price_text(price, decimals)}</b>"
        change = wording.percent_text(wording.gain_pct(line.side, line.entry_price, price))
        return f"{text} ({change})" if gain else text

    rows = [row("Entry", line.entry_price, gain=False)]
    if line.kind is not SignalKind.ENTRY:
        rows.append(row("Exit" if line.kind is SignalKind.EXIT else "Now", line.price, gain=False))
    rows += [row("Take Profit", line.take_profit), row("Stop", line.stop_loss)]
    risk = abs(line.entry_price - line.stop_loss)
    if line.kind is SignalKind.ENTRY and risk > 0:
        rows.append(f"R:R: <b>{abs(line.take_profit - line.entry_price) / risk:.2f}</b>")
    return "\n".join(rows)


def _revised(open_times: tuple[int, ...]) -> str:
    named = ", ".join(wording.clock_text(time).removesuffix(" UTC") for time in open_times[:_NAMED_CANDLES])
    more = len(open_times) - _NAMED_CANDLES
    times = f"{named} UTC" if more <= 0 else f"{named} UTC and {more} more"
    count = wording.count_text(len(open_times), "candle")
    return (
        "\N{WARNING SIGN}\N{VARIATION SELECTOR-16} data revised: the exchange corrected "
        f"{count} this signal was built on ({times})"
    )
