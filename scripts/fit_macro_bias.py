"""Recorded candles in, the macro bias's calibration and what it is worth out.

    scripts/fit_macro_bias.py ../shared/data/candles

The table is fitted on `FITTED`; on `REPORTED`, which is later or another year and was never looked at when rules and
table were made, the same scores are counted again. See docs/macro-bias.md.
"""

import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from shared.adapters.recorded_candles import read_recorded_candles
from shared.adapters.wire.candle_rows import CandleReport
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.engine import macro_calibration
from shared.engine.macro_history import samples
from shared.engine.roll_up import roll_up

_NEW_YEAR = 1_767_225_600_000  # 2026-01-01T00:00:00Z
_ALWAYS = 1 << 60


class Recording(NamedTuple):
    """A file, and the part ``start <= open_time < end`` (ms UTC) of it."""

    file: str
    symbol: str
    timeframe: Timeframe
    start: int = 0
    end: int = _ALWAYS


def _bybit(start: int, end: int) -> tuple[Recording, ...]:
    return tuple(
        Recording(f"bybit_{symbol}_5_2025-11_2026-01.csv.gz", symbol, Timeframe.M5, start, end)
        for symbol in ("XRPUSDT", "ADAUSDT", "DOTUSDT")
    )


FITTED = (
    Recording("binance_spot_ETHUSDT_1m_2021-08-09_2021-09-13.csv.gz", "ETHUSDT", Timeframe.M1),
    Recording("binance_spot_ETHUSDT_1m_2024-10-01_2024-11-04.csv.gz", "ETHUSDT", Timeframe.M1),
    Recording("binance_spot_BTCUSDT_1m_2025-01-01_2025-02-04.csv.gz", "BTCUSDT", Timeframe.M1),
    *_bybit(0, _NEW_YEAR),
)
REPORTED = (
    Recording("binance_spot_BTCUSDT_1m_2025-03-01_2025-04-01.csv.gz", "BTCUSDT", Timeframe.M1),
    *_bybit(_NEW_YEAR, _ALWAYS),
)


def candles(folder: Path, recording: Recording) -> list[Candle]:
    """5-minute candles of a recording."""
    read = read_recorded_candles(
        folder / recording.file,
        instrument=Instrument("recorded", recording.symbol),
        timeframe=recording.timeframe,
        columns=None,
        report=CandleReport(),
    )
    part = [candle for candle in read if recording.start <= candle.open_time < recording.end]
    return roll_up(part, Timeframe.M5)


def scored(folder: Path, recordings: tuple[Recording, ...]) -> list[tuple[float, bool]]:
    """The samples of all recordings."""
    return [sample for recording in recordings for sample in samples(candles(folder, recording))]


def main() -> None:
    """Print the table, and for each of its steps the frequency seen when it was fitted and when it was reported."""
    folder = Path(sys.argv[1])
    fitted, reported = scored(folder, FITTED), scored(folder, REPORTED)
    steps = macro_calibration.fit(fitted)
    lines = [f"steps = {steps}"]
    for number, (least, confidence) in enumerate(steps):
        most = steps[number + 1][0] if number + 1 < len(steps) else 2.0
        counts = [_count(sample, least, most) for sample in (fitted, reported)]
        span = f"score {least} to {min(most, 1.0)}: confidence {confidence}"
        lines.append(f"{span}; fitted {counts[0]}; reported {counts[1]}")
    sys.stdout.write("\n".join(lines) + "\n")


def _count(sample: list[tuple[float, bool]], least: float, most: float) -> str:
    held = [held for size, held in sample if least <= size < most]
    return f"{sum(held)} of {len(held)}" + (f" = {sum(held) / len(held):.1%}" if held else "")


if __name__ == "__main__":
    main()
