import pytest

from shared.engine.candle_sequence import plan, stretch_to
from tests.makers import MINUTE, START, make_candle


def candles(picture):
    """One letter per minute: ``c`` complete, ``i`` incomplete, ``.`` missing."""
    return [make_candle(START + n * MINUTE, complete=kind == "c") for n, kind in enumerate(picture) if kind != "."]


def minute(number):
    return START + number * MINUTE


def told(found):
    """Minute numbers: evaluated as they are, behind a gap with +, passed over in brackets; then what is waited for."""
    words = []
    for candle, after_gap in found.steps:
        number = str((candle.open_time - START) // MINUTE)
        words.append(("+" if after_gap else "") + (number if candle.complete else f"({number})"))
    waiting = "" if found.waiting_for is None else f" | {(found.waiting_for - START) // MINUTE}"
    return " ".join(words) + waiting


@pytest.mark.parametrize(
    ("picture", "evaluated_to", "patience", "expected"),
    [
        ("", None, 3, ""),
        ("ccc", None, 3, "0 1 2"),
        ("ccc", 0, 3, "1 2"),
        ("ccc", 2, 3, ""),
        ("iicc", None, 3, "2 3"),  # a fresh book begins with the oldest complete candle
        ("ii", None, 3, ""),
        ("cicc", 0, 3, " | 1"),  # incomplete: two candles after it are not yet three
        ("ciccc", 0, 3, "(1) 2 3 4"),
        ("c.cc", 0, 3, " | 1"),
        ("c.ccc", 0, 3, "+2 3 4"),
        ("c..ccc", 0, 3, "+3 4 5"),
        ("c...cc", 0, 3, " | 1"),
        ("ccic", 0, 3, "1 | 2"),
        ("c.icc", 0, 3, " | 2"),  # the gap is given up, the incomplete candle behind it not yet
        ("c.iccc", 0, 3, "+(2) 3 4 5"),
        ("ciiccc", 0, 3, "(1) (2) 3 4 5"),
        ("ciicc", 0, 3, "(1) | 2"),
        ("ci", 0, 0, "(1)"),
        ("c.c", 0, 0, "+2"),
        ("c.c", 0, 1, "+2"),
        ("ccc.ccciccc", None, 3, "0 1 2 +4 5 6 (7) 8 9 10"),
        ("iiiccc.ccc", None, 3, "3 4 5 +7 8 9"),
    ],
)
def test_what_is_taken_passed_over_and_waited_for(picture, evaluated_to, patience, expected):
    start = 0 if evaluated_to is None else minute(evaluated_to)
    assert told(plan(start, candles(picture), patience)) == expected


def test_a_healed_candle_is_evaluated_as_if_it_had_never_been_missing():
    waiting = plan(minute(0), candles("cicc"), 3)
    assert waiting.steps == []
    assert told(plan(minute(0), candles("cccc"), 3)) == "1 2 3"


@pytest.mark.parametrize(
    ("picture", "to", "expected"),
    [
        ("ccc", 2, [0, 1, 2]),
        ("ccc", 1, [0, 1]),
        ("c.cc", 3, [2, 3]),
        ("cicc", 3, [2, 3]),
        ("ccci", 3, []),
        ("ccc", 3, []),
        ("", 0, []),
    ],
)
def test_the_stretch_that_may_warm_up_a_strategy(picture, to, expected):
    assert [candle.open_time for candle in stretch_to(candles(picture), minute(to))] == list(map(minute, expected))
