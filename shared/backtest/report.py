"""A run of the backtest in, its report as one HTML page out: nothing in it needs a network."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from shared.backtest import report_plots as plots
from shared.backtest import report_tables as tables
from shared.backtest.account import Costs, Limits
from shared.backtest.report_tables import percent
from shared.backtest.run import Run

_STYLE = Path(__file__).with_name("report.css")

SIMULATED = (
    "Entry at the close of the signal candle, by the same code that decides live.",
    "Exits at the level touched, even where the price jumped across it. Of both levels in one candle the stop counts.",
    "Targets, break-even, trailing stop, time stop, cooldown and guard as set.",
    "A fee and slippage on both sides of every trade, as shares of the price.",
    "Sizes by risk, no leverage, equity marked at every close as if all were closed there.",
)
NOT_SIMULATED = (
    "No order book, no queue, no partial or missed fill, no delay between signal and entry.",
    "No funding, no borrowing cost, no margin call, no minimum size, no taxes.",
    "No order of prices within a candle: live decides exits on 15-second looks.",
    "No macro gate; the signals are those of the strategy alone.",
)


@dataclass(frozen=True)
class Evidence:
    """A chart of one trade: its place among the results in words, and a PNG picture."""

    caption: str
    png: bytes


def page(run: Run, costs: Costs, limits: Limits, evidence: Sequence[Evidence] = ()) -> str:
    """The report.

    Args:
        run: What came out.
        costs: They are stated.
        limits: They are stated.
        evidence: Charts of single trades, in the order shown.
    """
    symbols = sorted({result.position.symbol for result in run.results}) or ["no trade"]
    body = [
        _head(run, symbols, costs, limits),
        _figures(run),
        _curves(run),
        _groups(run),
        _evidence(evidence),
        _scope(run),
    ]
    return document(f"Backtest of {run.strategy.name}", "".join(body))


def document(title: str, body: str) -> str:
    """A page around a body."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )


def bullets(lines: Sequence[str]) -> str:
    """An HTML list."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def day_text(time: int) -> str:
    """``2025-03-01 04:00`` of ms UTC."""
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M}"


def _head(run: Run, symbols: Sequence[str], costs: Costs, limits: Limits) -> str:
    account = run.account
    end = account.start + account.step * (len(account.equity) - 1)
    return (
        f'<p class="lead">{escape(", ".join(symbols))} \N{MIDDLE DOT} {day_text(account.start)} to {day_text(end)} UTC '
        f"\N{MIDDLE DOT} {run.bars:,} candles</p>"
        f'<p class="verdict">{escape(tables.verdict(run.record))}</p>'
        f'<p class="soft">Fee {costs.fee * 100:.2f} % and slippage {costs.slippage * 100:.2f} % on each side. '
        f"Risk per trade "
        f"{limits.risk * 100:.2f} % of the equity, at most {limits.max_risk * 100:.2f} % at a time.</p>"
    )


def _figures(run: Run) -> str:
    shown, account = run.record, run.account
    few = f'<b class="few">{escape(tables.TOO_FEW)}</b>'

    def claim(text: str) -> str:
        return f"<b>{escape(text)}</b>" if shown.is_meaningful else few

    skipped = sum(result.size == 0 for result in run.results)
    rows = [
        ("Trades", f"<b>{shown.count}</b>", f"{shown.wins} won, {shown.losses} lost, {shown.break_evens} even"),
        ("Win rate", claim(tables.rate_text(shown.win_rate)), "Wilson interval, 95 %"),
        ("Expectancy", claim(tables.interval_text(shown.expectancy_pct, percent)), "mean net result of a trade, 95 %"),
        ("Profit factor", claim(tables.factor_text(shown.profit_factor)), "gains over losses, net, 95 %"),
        ("Equity", f"<b>{percent((float(account.equity[-1]) - 1) * 100)}</b>", f"{skipped} trades had no room"),
        ("Largest drawdown", f"<b>{float(account.drawdown.max()) * 100:.2f} %</b>", "from the highest equity so far"),
    ]
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>" for name, value, note in rows)
    return f'<dl class="figures">{cells}</dl>'


def _curves(run: Run) -> str:
    account = run.account
    ends = (
        day_text(account.start)[:10],
        day_text(account.start + account.step * (len(account.equity) - 1))[:10],
    )
    gains = (account.equity - 1.0) * 100.0
    drawn = [
        ("Equity", plots.line(gains, lambda value: percent(value, 1), ends, "equity")),
        ("Drawdown", plots.line(-account.drawdown * 100.0, lambda value: percent(value, 1), ends, "drawdown")),
    ]
    if run.results:
        nets = [result.net_pct for result in run.results]
        drawn.append(("Results per trade, net", plots.histogram(nets, lambda value: percent(value, 1))))
    return "".join(f"<section><h2>{title}</h2>{plot}</section>" for title, plot in drawn)


def _groups(run: Run) -> str:
    parts = "".join(
        f"<section><h2>By {escape(title[0].lower() + title[1:])}</h2>{tables.group_table(title, rows)}</section>"
        for title, rows in tables.groups(run.results)
        if rows
    )
    return f'<div class="groups">{parts}</div>'


def _evidence(evidence: Sequence[Evidence]) -> str:
    if not evidence:
        return ""
    figures = "".join(
        f'<figure><img alt="{escape(shown.caption)}" src="data:image/png;base64,{b64encode(shown.png).decode()}">'
        f"<figcaption>{escape(shown.caption)}</figcaption></figure>"
        for shown in evidence
    )
    return f'<section><h2>Best and worst trades</h2><div class="evidence">{figures}</div></section>'


def _scope(run: Run) -> str:
    settings = "".join(
        f"<tr><th>{escape(name)}</th><td>{value:g}</td></tr>" for name, value in asdict(run.strategy.parameters).items()
    )
    still = f"<p>{run.still_open} still open at the end of the candles: in no figure.</p>" if run.still_open else ""
    return (
        f"<section><h2>What is simulated</h2>{bullets(SIMULATED)}<h2>What is not</h2>{bullets(NOT_SIMULATED)}{still}"
        f"</section><section><h2>Parameters</h2><details><summary>{escape(run.strategy.name)}</summary>"
        f'<table class="settings"><tbody>{settings}</tbody></table></details></section>'
    )
