"""Every planted difference is found, counted under its name and told in words; an equal run is proven."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.parts.verdict import Outcome, Shown, judge, percentile
from shared.domain.candle import CandleSource
from shared.domain.signal import ExitReason, SignalKind
from tests.makers import MINUTE, START, make_candle, make_signal

ENTRY = make_signal()
EXIT = make_signal(SignalKind.EXIT)
CALM = Outcome(
    [make_candle(START + n * MINUTE, looks=((START + n * MINUTE + 15_000, 1, 1),)) for n in range(4)], [ENTRY, EXIT]
)
SHOWN = {ENTRY.signal_id: Shown(messages=1, marked=0, ended=True)}
FAILURES = ("lost", "doubled", "given_up", "wrong_candles", "missing_signals", "extra_signals", "wrong_signals")


def counts(verdict):
    return {name: getattr(verdict, name) for name in FAILURES if getattr(verdict, name)}


def with_candle(index, **changes):
    candles = list(CALM.candles)
    candles[index] = replace(candles[index], **changes)
    return Outcome(candles, CALM.lines)


def test_an_equal_run_is_proven():
    verdict = judge(CALM, CALM, SHOWN, ())
    assert verdict.proven
    assert verdict.differences == ()


def test_a_healed_candle_of_equal_values_is_equal():
    healed = with_candle(1, source=CandleSource.EXCHANGE, trades=0, looks=(), revision=2, close=Decimal("100.000"))
    assert judge(CALM, healed, SHOWN, ()).proven


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "quantity", "turnover"])
def test_a_wrong_value_of_a_candle_is_found(name):
    verdict = judge(CALM, with_candle(2, **{name: Decimal("100.01")}), SHOWN, ())
    assert counts(verdict) == {"wrong_candles": 1}
    assert f"{name} 100.01 instead of" in verdict.differences[0]
    assert not verdict.proven


def test_a_missing_and_an_incomplete_candle_are_found():
    assert counts(judge(CALM, Outcome(CALM.candles[:-1], CALM.lines), SHOWN, ())) == {"wrong_candles": 1}
    assert counts(judge(CALM, with_candle(0, complete=False), SHOWN, ())) == {"wrong_candles": 1}


@given(st.sets(st.integers(0, 3)))
def test_each_minute_that_is_lost_counts_once(gone):
    left = Outcome([candle for n, candle in enumerate(CALM.candles) if n not in gone], CALM.lines)
    assert judge(CALM, left, SHOWN, ()).wrong_candles == len(gone)


def test_a_lost_message_is_found():
    verdict = judge(CALM, CALM, {}, ())
    assert counts(verdict) == {"lost": 2}
    assert "is not in the channel" in verdict.differences[0]


def test_a_message_that_never_showed_its_exit_is_a_lost_exit():
    assert counts(judge(CALM, CALM, {ENTRY.signal_id: Shown(1, 0, ended=False)}, ())) == {"lost": 1}


def test_what_the_outbox_gave_up_is_not_silently_lost():
    assert counts(judge(CALM, CALM, {}, {ENTRY.signal_id})) == {"given_up": 2}


def test_a_doubled_message_is_found_and_a_marked_repeat_is_counted_by_itself():
    assert counts(judge(CALM, CALM, {ENTRY.signal_id: Shown(3, 0, ended=True)}, ())) == {"doubled": 2}
    marked = judge(CALM, CALM, {ENTRY.signal_id: Shown(2, 1, ended=True)}, ())
    assert marked.proven
    assert marked.possible_repeats == 1


def test_a_message_about_a_signal_of_the_disturbed_run_alone_counts_when_it_is_doubled():
    verdict = judge(Outcome([], []), Outcome([], []), {"unknown": Shown(2, 0, ended=False)}, ())
    assert counts(verdict) == {"doubled": 1}


def test_a_missing_signal_is_found():
    assert counts(judge(CALM, Outcome(CALM.candles, [ENTRY]), SHOWN, ())) == {"missing_signals": 1}


def test_an_invented_signal_is_found():
    other = make_signal(open_time=START + MINUTE)
    assert counts(judge(CALM, Outcome(CALM.candles, [ENTRY, EXIT, other]), SHOWN, ())) == {"extra_signals": 1}


@pytest.mark.parametrize("changes", [{"price": 99.0}, {"take_profit": 99.0}, {"reason": ExitReason.STOP_LOSS}])
def test_an_exit_of_another_content_is_found(changes):
    verdict = judge(CALM, Outcome(CALM.candles, [ENTRY, replace(EXIT, **changes)]), SHOWN, ())
    assert counts(verdict) == {"wrong_signals": 1}


def test_an_exit_whose_inside_is_unknown_is_named_by_itself():
    other = replace(EXIT, reason=ExitReason.STOP_LOSS, price=99.3, ambiguous=True)
    verdict = judge(CALM, Outcome(CALM.candles, [ENTRY, other]), SHOWN, ())
    assert verdict.proven
    assert verdict.ambiguous_differences == 1
    assert verdict.differences[0].startswith("ambiguous_differences: exit of")


def test_an_entry_is_never_excused_as_ambiguous():
    other = replace(ENTRY, price=99.0, ambiguous=True)
    assert counts(judge(CALM, Outcome(CALM.candles, [other, EXIT]), SHOWN, ())) == {"wrong_signals": 1}


def test_an_equal_exit_at_another_moment_is_counted_and_is_no_difference():
    verdict = judge(CALM, Outcome(CALM.candles, [ENTRY, replace(EXIT, time=EXIT.time + 15_000)]), SHOWN, ())
    assert verdict.proven
    assert verdict.exits_at_another_time == 1


def test_updates_and_lines_said_again_are_not_compared():
    again = replace(EXIT, revision=9, data_revised=(START,))
    lines = [ENTRY, make_signal(SignalKind.UPDATE), EXIT, again]
    assert judge(CALM, Outcome(CALM.candles, lines), SHOWN, ()).differences == ()


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 95, 0.0), ([3.0], 95, 3.0), ([1.0, 2.0], 50, 1.0), (list(range(1, 101)), 95, 95), ([5, 1, 3], 100, 5)],
)
def test_a_percentile_is_one_of_the_values(values, percent, expected):
    assert percentile(values, percent) == expected
