"""The sweep a user asks for in; its table, its report and what may be said of it out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import inf, isfinite
from pathlib import Path
from typing import Any, Self

from services.cli.parts import backtest_files
from services.cli.parts.backtest_progress import progress
from services.cli.parts.backtest_strategy import parse_settings
from services.cli.parts.backtest_summary import interval_json
from shared.adapters.clock.system import SystemClock
from shared.backtest import report_tables as tables
from shared.backtest import sweep
from shared.backtest.account import Costs
from shared.backtest.candle_arrays import CandleArrays
from shared.backtest.dask_backend import with_dask
from shared.backtest.numeric_strategy import NumericStrategy
from shared.backtest.sweep_report import Tuned, page, tune
from shared.errors import InvalidInput

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """What is tried and how it is judged.

    Attributes:
        axes: Parameters with their values.
        sets: The combinations.
        train: Share of the candles to choose on.
        folds: Of the walk-forward; 0 for none.
        dask: Whether Dask does the work.
        scheduler: Its address.
    """

    axes: tuple[sweep.Axis, ...]
    sets: list[sweep.Values]
    train: float
    folds: int
    dask: bool
    scheduler: str | None

    @classmethod
    def read(cls, given: Mapping[str, Any], strategy: NumericStrategy) -> Self | None:
        """From the command's options; None without a sweep.

        Raises:
            InvalidInput: An option is wrong, or has no meaning without ``--sweep``.
        """
        dask = given["backend"] == "dask"
        if given["scheduler"] and not dask:
            raise InvalidInput(f"--scheduler {given['scheduler']} is Dask's: add --backend dask")
        if not given["sweep"]:
            lonely = [name for name in ("random", "walk-forward") if given[_OPTIONS[name]] is not None]
            if lonely or dask:
                raise InvalidInput(f"--{(lonely or ['backend dask'])[0]} needs --sweep NAME=A:B:STEP")
            return None
        texts = parse_settings(given["sweep"], "--sweep")
        axes = tuple(axis(name, text, strategy) for name, text in texts.items())
        sets = sweep.combinations(axes, given["at_random"], given["seed"])
        if len(sets) > _MOST:
            raise InvalidInput(f"--sweep gives {len(sets):,} combinations; at most {_MOST:,}: add --random {_MOST}")
        return cls(axes, sets, given["train"], given["walk_forward"] or 0, dask, given["scheduler"])


_OPTIONS = {"random": "at_random", "walk-forward": "walk_forward"}


def axis(name: str, text: str, strategy: NumericStrategy) -> sweep.Axis:
    """``a:b:step`` as the values from a to b, both included.

    Raises:
        InvalidInput: Not of this shape, or the strategy has no such parameter.
    """
    known = asdict(strategy.parameters)
    if name not in known:
        raise InvalidInput(f"--sweep {name}: unknown parameter; known: {', '.join(sorted(known))}")
    try:
        first, last, step = (float(part) for part in text.split(":"))
    except ValueError:
        raise InvalidInput(f"--sweep {name}={text}: write {name}=A:B:STEP, such as 15:35:5") from None
    if not (step > 0 and first <= last and isfinite(first + last + step)) or (last - first) / step > _MOST:
        raise InvalidInput(f"--sweep {name}={text}: A must not be above B, and STEP lead from one to the other")
    values = [round(first + i * step, 10) for i in range(int((last - first) / step + 1e-9) + 1)]
    if isinstance(known[name], int):
        if any(value != int(value) for value in values):
            raise InvalidInput(f"--sweep {name}={text}: {name} is a whole number; give whole A, B and STEP")
        return sweep.Axis(name, tuple(map(int, values)))
    return sweep.Axis(name, tuple(values))


@dataclass(frozen=True)
class Swept:
    """What the command prints."""

    as_json: dict[str, Any]
    text: str


def sweep_and_write(
    markets: Sequence[CandleArrays], strategy: NumericStrategy, costs: Costs, options: SweepOptions, out: Path
) -> Swept:
    """Try every set, judge them, write ``sweep.csv`` and ``report.html``.

    Raises:
        InvalidInput: The strategy refuses every set, or nothing can be written.
    """
    clock = SystemClock()
    began = clock.monotonic()
    trials = [one for one in _tried(markets, strategy, costs, options) if one is not None]
    seconds = clock.monotonic() - began
    if not trials:
        raise InvalidInput("the strategy refuses every combination of --sweep; run one of them with --set to see why")
    tuned = tune(trials, markets, options.axes, options.train, options.folds)
    files = {"sweep.csv": sweep_csv(tuned, options.axes), "report.html": page(tuned, strategy.name, costs)}
    backtest_files.write_all(out, files)
    found = _as_json(tuned, options, strategy.name)
    bars = sum(map(len, markets)) * len(trials)
    return Swept(found | {"bars_per_second": round(bars / max(seconds, 1e-9)), "out": str(out)}, _text(tuned, out))


def sweep_csv(tuned: Tuned, axes: Sequence[sweep.Axis]) -> str:
    """The table: the parameters, then number, mean and lower end of the 95 % interval on both spans, percent, net."""
    spans = [f"{span}_{name}" for span in ("train", "test") for name in ("trades", "mean_pct", "low_pct")]
    rows = [",".join([*(axis.name for axis in axes), *spans])]
    for row in tuned.rows:
        cells = [f"{row.values[axis.name]:g}" for axis in axes]
        for found in (row.train, row.test):
            cells += [str(found.trades), f"{found.mean:.6f}", f"{found.low:.6f}" if isfinite(found.low) else ""]
        rows.append(",".join(cells))
    return "\n".join([*rows, ""])


def _tried(
    markets: Sequence[CandleArrays], strategy: NumericStrategy, costs: Costs, options: SweepOptions
) -> Iterator[sweep.Trial | None]:
    work = partial(sweep.trial, name=strategy.name, fixed=asdict(strategy.parameters), costs=costs)
    if options.dask:
        found = with_dask(work, options.sets, markets, options.scheduler)
    else:
        found = sweep.with_threads(partial(work, markets=markets), options.sets)
    with progress("sweeping", len(options.sets)) as bar:
        for one in found:
            bar.update(1)
            yield one


def _as_json(tuned: Tuned, options: SweepOptions, strategy: str) -> dict[str, Any]:
    best = tuned.rows[0]
    folded = tuned.out_of_sample
    return {
        "strategy": strategy,
        "sets": len(tuned.rows),
        "refused": len(options.sets) - len(tuned.rows),
        "best": dict(best.values),
        "train": _figure_json(best.train),
        "test": {
            "trades": best.test.trades,
            "meaningful": tuned.told.is_meaningful,
            "win_rate": interval_json(tuned.told.win_rate),
            "expectancy_pct": interval_json(tuned.told.expectancy_pct),
            "profit_factor": interval_json(tuned.told.profit_factor),
        },
        "stands_alone": tuned.standing.is_alone,
        "note": tables.verdict(tuned.told),
        "warnings": tuned.warnings,
        "walk_forward": None
        if folded is None
        else {
            "folds": len(tuned.folds),
            "trades": folded.count,
            "meaningful": folded.is_meaningful,
            "expectancy_pct": interval_json(folded.expectancy_pct),
            "note": tables.verdict(folded),
        },
    }


def _figure_json(found: sweep.Figure) -> dict[str, float | None]:
    return {
        "trades": found.trades,
        "mean_pct": round(found.mean, 6),
        "low_pct": round(found.low, 6) if found.low > -inf else None,
    }


def _text(tuned: Tuned, out: Path) -> str:
    best = tuned.rows[0]
    named = ", ".join(f"{name}={value:g}" for name, value in best.values.items())
    lines = [
        f"{len(tuned.rows)} sets; best on the train span: {named}",
        f"told of the test span, which it was not chosen on: {tables.verdict(tuned.told)}",
        *tuned.warnings,
    ]
    if tuned.out_of_sample is not None:
        lines.append(f"walk-forward, {len(tuned.folds)} folds: {tables.verdict(tuned.out_of_sample)}")
    return "\n".join([*lines, f"written to {out}: sweep.csv, report.html"])
