"""Ten thousand frames, most of them wrong: none crashes the live path, each is counted, no candle is poisoned."""

from dataclasses import replace
from decimal import Decimal
from itertools import islice

import pytest

from tests.fuzz.frame_maker import SYMBOLS, make_frames, recorded_frames
from tests.fuzz.frame_run import FrameRun
from tests.makers import START, make_candle, recorded

FRAMES = 10_000


def run(seed: int, recordings=()) -> FrameRun:
    made = FrameRun()
    for frame in islice(make_frames(seed, recordings), FRAMES):
        made.take(frame)
    made.end()
    return made


def test_no_frame_breaks_the_live_path_and_every_one_is_counted():
    made = run(seed=1)
    assert made.poisoned == []
    assert made.frames.total() == FRAMES
    assert min(made.frames[fate] for fate in ("accepted", "control", "ignored", "refused")) > FRAMES // 100
    assert made.accounted == made.trades > FRAMES // 4
    assert made.candles > 50


def test_recorded_frames_that_are_damaged_break_nothing_either():
    recordings = recorded_frames(recorded("ws_raw"))
    assert len(recordings) > 10
    made = run(seed=2, recordings=recordings)
    assert (made.poisoned, made.frames.total(), made.accounted) == ([], FRAMES, made.trades)


def test_equal_seeds_make_equal_frames():
    first, again, other = ([frame.data for frame in islice(make_frames(seed), 500)] for seed in (3, 3, 4))
    assert first == again != other


def test_without_recordings_there_are_none(tmp_path):
    assert recorded_frames(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"low": Decimal(0)},
        {"close": Decimal("NaN")},
        {"high": Decimal("1e30")},
        {"open": Decimal(101)},
        {"quantity": Decimal(-1)},
        {"trades": 0},
        {"open_time": START + 1},
        {"open_time": 0},
        {"symbol": "NOBODY"},
    ],
)
def test_a_poisoned_candle_is_found(fields):
    assert FrameRun.is_sane_candle(make_candle(symbol=SYMBOLS[0]), START)
    assert not FrameRun.is_sane_candle(replace(make_candle(symbol=SYMBOLS[0]), **fields), START)
