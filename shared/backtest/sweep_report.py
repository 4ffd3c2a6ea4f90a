"""Trials in, the judged table and its report as one HTML page out."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import inf, isfinite

import numpy as np

from shared.backtest import report_tables as tables
from shared.backtest.account import Costs
from shared.backtest.candle_arrays import Array, CandleArrays
from shared.backtest.report import NOT_SIMULATED, SIMULATED, bullets, day_text, document
from shared.backtest.report_tables import percent
from shared.backtest.sweep import Axis, Figure, Standing, Trial, Values, cuts, figure, ranked, standing
from shared.backtest.walk_forward import Fold, walk_forward
from shared.engine.statistics import LEAST, Record, record

_SHOWN = 100


@dataclass(frozen=True)
class Row:
    """One set with its figures on both spans."""

    values: Values
    train: Figure
    test: Figure


@dataclass(frozen=True)
class Tuned:
    """What a sweep shows.

    Attributes:
        rows: Best on the train span first.
        split: End of the train span and begin of the test span, ms UTC.
        told: What the best set made of the test span: the only thing that is claimed of it.
        standing: The best among its neighbours.
        folds: Of the walk-forward; empty without one.
        warnings: Sentences for people.
    """

    rows: list[Row]
    split: float
    told: Record
    standing: Standing
    folds: list[Fold]
    warnings: list[str]

    @property
    def out_of_sample(self) -> Record | None:
        """All results of the walk-forward together; None without one."""
        return record(np.concatenate([fold.nets for fold in self.folds]).tolist()) if self.folds else None


def tune(
    trials: Sequence[Trial], markets: Sequence[CandleArrays], axes: Sequence[Axis], train: float, folds: int
) -> Tuned:
    """Judge trials.

    Args:
        trials: At least one.
        markets: Whose candles were tried.
        axes: What was swept.
        train: Share of the candles to choose on; the rest is the test.
        folds: Of the walk-forward; 0 for none.
    """
    (split,) = cuts(markets, [train])
    order = ranked(trials, -inf, split)
    rows = [Row(one.values, figure(one.within(-inf, split)), figure(one.within(split, inf))) for one in order]
    stands = standing(order[0], order, axes, -inf, split)
    walked = walk_forward(trials, markets, folds) if folds else []
    told = record(order[0].within(split, inf).tolist())
    return Tuned(rows, split, told, stands, walked, _warnings(rows[0], stands, len(rows)))


def page(tuned: Tuned, strategy: str, costs: Costs) -> str:
    """The report."""
    warnings = "".join(f'<p class="warning">{escape(text)}</p>' for text in tuned.warnings)
    body = (
        f'<p class="lead">{len(tuned.rows)} sets, chosen before {day_text(int(tuned.split))} UTC, tested after it</p>'
        f'<p class="verdict">On the test span, which it was not chosen on, the best set shows: '
        f"{escape(tables.verdict(tuned.told))}</p>{warnings}"
        f'<p class="soft">Fee {costs.fee * 100:.2f} % and slippage {costs.slippage * 100:.2f} % on each side. '
        "Sorted by the lower end of the 95 % interval of the mean net result on the train span; sets with fewer "
        "than 30 trades there come last. "
        "The train span says nothing about what will come: among many sets the best one is partly luck.</p>"
        f"{_folds(tuned)}<section><h2>Sets, best on the train span first</h2>{_table(tuned.rows[:_SHOWN])}</section>"
        f"<section><h2>What is simulated</h2>{bullets(SIMULATED)}<h2>What is not</h2>{bullets(NOT_SIMULATED)}</section>"
    )
    return document(f"Sweep of {strategy}", body)


def _warnings(best: Row, stands: Standing, sets: int) -> list[str]:
    found = []
    if not isfinite(best.train.low):
        found.append("No set has 30 trades on the train span: nothing can be chosen.")
    elif best.train.mean <= 0:
        found.append("No well-supported set gains on the train span: the best is the least bad.")
    if stands.is_alone and sets > 1:
        found.append(
            f"The best set stands alone: its mean is {percent(best.train.mean, 3)}, the median of its "
            f"{stands.neighbours} nearest sets {percent(stands.typical, 3)}, less than half of it. Rather luck than a "
            "property of the market."
        )
    return found


def _folds(tuned: Tuned) -> str:
    whole = tuned.out_of_sample
    if whole is None:
        return ""
    rows = "".join(
        f"<tr><th>{day_text(int(fold.begin))}</th><td>{_named(fold.chosen)}</td><td>{percent(fold.train.mean, 3)}</td>"
        f"<td>{len(fold.nets)}</td><td>{_mean_text(fold.nets)}</td></tr>"
        for fold in tuned.folds
    )
    return (
        f"<section><h2>Walk-forward</h2><p>{escape(tables.verdict(whole))}</p><table><thead><tr><th>Test from</th>"
        f"<th>Chosen before it</th><th>Mean there</th><th>n in the test</th><th>Mean in the test</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )


def _table(rows: Sequence[Row]) -> str:
    body = "".join(
        f"<tr><th>{escape(_named(row.values))}</th>{_cells(row.train)}{_cells(row.test)}</tr>" for row in rows
    )
    return (
        "<table><thead><tr><th>Set</th><th>n, train</th><th>Mean</th><th>Low</th><th>n, test</th><th>Mean</th>"
        f"<th>Low</th></tr></thead><tbody>{body}</tbody></table>"
    )


def _cells(found: Figure) -> str:
    if not isfinite(found.low):
        return f'<td>{found.trades}</td><td class="few" colspan="2">n &lt; 30</td>'
    return f"<td>{found.trades}</td><td>{percent(found.mean, 3)}</td><td>{percent(found.low, 3)}</td>"


def _mean_text(nets: Array) -> str:
    return percent(float(nets.mean()), 3) if len(nets) >= LEAST else f"n &lt; {LEAST}"


def _named(values: Values | None) -> str:
    if values is None:
        return "none: too few results"
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
