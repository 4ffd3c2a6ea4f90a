"""Results in, what a report says of them in words and tables out. Every figure has its interval, or is not given."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from math import isfinite

from shared.backtest.run import Result
from shared.engine.statistics import LEAST, Interval, Record, record

TOO_FEW = f"n < {LEAST}: not meaningful"
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"


def percent(value: float, decimals: int = 2) -> str:
    """``+1.50 %``, with a true minus sign; what rounds to nothing has no sign."""
    text = f"{value:+.{decimals}f} %"
    return (text if float(text[:-1]) else text[1:]).replace("-", MINUS)


def interval_text(interval: Interval | None, text: Callable[[float], str]) -> str:
    """``value (low to high)``; a dash for nothing."""
    if interval is None:
        return "\N{EN DASH}"
    return _spanned(*(text(value) for value in interval))


def rate_text(interval: Interval | None) -> str:
    """``34 % (27 to 42)``."""
    if interval is None:
        return "\N{EN DASH}"
    return _spanned(*(f"{100 * share:.0f} %" for share in interval))


def _spanned(value: str, low: str, high: str) -> str:
    """The unit stands once; a line is broken only before the bracket."""
    bracket = f"({low.removesuffix(' %')} to {high.removesuffix(' %')})"
    return f"{value.replace(' ', NO_BREAK)} {bracket.replace(' ', NO_BREAK)}"


def factor_text(interval: Interval | None) -> str:
    """``0.84 (0.60 to 1.15)``; infinite without a loss."""
    return interval_text(interval, lambda value: f"{value:.2f}" if isfinite(value) else "\N{INFINITY}")


def verdict(shown: Record) -> str:
    """What may be said, in one sentence."""
    mean = shown.expectancy_pct
    if not shown.is_meaningful or mean is None:
        return f"{shown.count} trades; {TOO_FEW}. No figure below is claimed."
    span = f"{percent(mean.low)} to {percent(mean.high)} per trade"
    if mean.low > 0:
        return f"After costs the mean result is above 0 in these candles (95 %: {span}). One span is one sample."
    if mean.high < 0:
        return f"After costs this loses: the mean result is below 0 (95 %: {span})."
    return f"No edge is shown: the 95 % interval of the mean result after costs holds 0 ({span})."


def groups(results: Sequence[Result]) -> list[tuple[str, list[tuple[str, list[float]]]]]:
    """Net results per symbol, direction, reason, hour of the entry (UTC) and month of the entry."""

    def entered(result: Result) -> datetime:
        return datetime.fromtimestamp(result.position.entry_time / 1000, UTC)

    keys: dict[str, Callable[[Result], str]] = {
        "Symbol": lambda result: result.position.symbol,
        "Direction": lambda result: result.position.side,
        "Exit": lambda result: result.position.reason.replace("_", " "),
        "Month of entry": lambda result: f"{entered(result):%Y-%m}",
        "Hour of entry, UTC": lambda result: f"{entered(result):%H}",
    }
    return [(title, _grouped(results, key)) for title, key in keys.items()]


def group_table(title: str, rows: Iterable[tuple[str, list[float]]]) -> str:
    """One table of groups."""
    body = "".join(_row(name, values) for name, values in rows)
    return (
        f'<table><thead><tr><th>{escape(title)}</th><th>n</th><th>Won</th><th class="extra">Sum, net</th>'
        f'<th class="wide">Win rate</th><th class="wide">Mean, net</th></tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _grouped(results: Iterable[Result], key: Callable[[Result], str]) -> list[tuple[str, list[float]]]:
    found: dict[str, list[float]] = {}
    for result in results:
        found.setdefault(key(result), []).append(result.net_pct)
    return sorted(found.items())


def _row(name: str, values: list[float]) -> str:
    total, shown = sum(values), record(values)
    claims = f'<td class="few" colspan="2">{escape(TOO_FEW)}</td>'
    if shown.is_meaningful:
        rate, mean = rate_text(shown.win_rate), interval_text(shown.expectancy_pct, percent)
        claims = f'<td class="wide">{rate}</td><td class="wide">{mean}</td>'
    colour = "gain" if total > 0 else "loss"
    return (
        f"<tr><th>{escape(name)}</th><td>{shown.count}</td><td>{shown.wins}</td>"
        f'<td class="extra {colour}">{percent(total)}</td>{claims}</tr>'
    )
